"""Differentiable ops that the tests call; each form of backward has one that multiplies."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from torch import Tensor

from ir_runtime.op_reg import derive_backward, register_autograd
from tests.op_reg.ops import make_op


def traced_op(
    signature: str, native: Callable[..., Any], *, static: Sequence[int] = (), **members: Any
) -> Any:
    """Register an op that is a torch function; the arguments in `static` are specialised."""

    def select(self, ksel):
        values = [_declared(ksel, i, a) for i, a in enumerate(self.schema.arguments)]
        for i in static:
            ksel.arg_descs[i].specialize_all_dims()
        for result in _tuple(_called(self, native, values)):
            returned = ksel.return_new_tensor(result.shape, result.dtype)
            if static:
                returned.specialize_all_dims()

    def generate(self, ksel, kb):
        values = [
            kb.arg_value(i) if "Tensor" in str(a.type) else ksel.arg_descs[i].v
            for i, a in enumerate(self.schema.arguments)
        ]
        holds = ["Tensor" in str(a.type) for a in self.schema.arguments]
        operands = [
            v
            for value, h in zip(values, holds, strict=True)
            if h and value is not None
            for v in (value if isinstance(value, list) else [value])
        ]

        def function(*tensors):
            rest = iter(tensors)
            filled = [
                value
                if not h or value is None
                else [next(rest) for _ in value]
                if isinstance(value, list)
                else next(rest)
                for value, h in zip(values, holds, strict=True)
            ]
            return _called(self, native, filled)

        results = kb.inline_torch(function, *operands)
        kb.yield_results(*(results if isinstance(results, list) else [results]))

    return make_op(signature, select, generate, __module__=__name__, **members)


def _declared(ksel: Any, i: int, argument: Any) -> Any:
    kind = str(argument.type)
    if kind == "Tensor":
        return ksel.arg_tensor(i).t
    if kind == "Optional[Tensor]":
        desc = ksel.arg_optional_tensor(i)
        return None if desc is None else desc.t
    if kind == "List[Tensor]":
        return [desc.t for desc in ksel.arg_tensor_list(i).ts]
    names = {"List[bool]": "attr_list_bool", "float": "attr_float", "int": "attr_int"}
    return getattr(ksel, names[kind])(i).v


def _called(op: Any, native: Callable[..., Any], values: Sequence[Any]) -> Any:
    count = op.positional_count
    return native(*values[:count], **dict(zip(op.arg_names[count:], values[count:], strict=True)))


def _tuple(values: Any) -> tuple[Any, ...]:
    return values if isinstance(values, tuple) else (values,)


@contextmanager
def calls_below(packet: Any) -> Generator[list[int]]:
    """Note each call of an op that goes on below autograd instead of the short way."""
    seen: list[int] = []
    below = packet.default.redispatch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            packet.default, "redispatch", lambda *a, **k: (seen.append(1), below(*a, **k))[1]
        )
        yield seen


def multiply(x: Tensor, y: Tensor) -> Tensor:
    return x * y


def multiply_backward(grad: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return grad * y, grad * x


PRODUCT = "product_@UNIQUE@(Tensor x, Tensor y) -> Tensor"


def save_inputs(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def product_gradients(ctx, gradient):
    x, y = ctx.saved_tensors
    return gradient * y, gradient * x


def product_with(backward: Any, **keywords: Any) -> Any:
    """Register a product and then its backward."""
    packet = traced_op(PRODUCT, multiply)
    register_autograd(packet, backward, **keywords)
    return packet


PRODUCT_BACKWARD = traced_op(
    "product_backward_@UNIQUE@(Tensor grad, Tensor x, Tensor y) -> (Tensor grad_x, Tensor grad_y)",
    multiply_backward,
    backward=derive_backward(multiply_backward),
)

PRODUCTS = {
    "function": product_with(product_gradients, setup_context=save_inputs),
    "op": product_with(PRODUCT_BACKWARD),
    "native": product_with(derive_backward(multiply)),
}
"""The product with each form of backward, registered after the op."""

WEIGHTED = traced_op(
    "weighted_@UNIQUE@(Tensor x, Tensor w) -> Tensor",
    multiply,
    static=(0, 1),
    backward=derive_backward(multiply),
)
"""A product that broadcasts."""
