"""Differentiable ops that the tests call; each form of backward has one that multiplies."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.op_reg import derive_backward, register_autograd
from tests.op_reg.ops import like_first_of_two, make_op


def leaf(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return a random tensor that needs a gradient."""
    return torch.randn(*shape, dtype=dtype, requires_grad=True)


def native_op(
    signature: str,
    native: Callable[..., Any],
    *,
    static: Sequence[int] = (),
    kernel: bool = False,
    **members: Any,
) -> Any:
    """Register an op that is a torch function; the arguments in `static` are specialised.

    Its eager calls run the function, for what surrounds a call does not depend on what computes
    it: no kernel is traced or compiled unless `kernel` asks for one.
    """

    def select(self, ksel):
        values = [_declared(ksel, i, a) for i, a in enumerate(self.schema.arguments)]
        for i in static:
            ksel.arg_descs[i].specialize_all_dims()
        for result in _tuple(_called(self, native, values)):
            returned = ksel.return_new_tensor(result.shape, result.dtype)
            if static:
                returned.specialize_all_dims()

    def generate(self, ksel, kb):
        results = kb.inline_torch(native, *kb.arg_bindings)
        kb.yield_results(*(results if isinstance(results, list) else [results]))

    if not kernel:
        members["eager_execute"] = lambda self, *values: _called(self, native, values)
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


def yield_product(self, ksel, kb):
    from iree.compiler.dialects import arith

    kb.yield_results(arith.mulf(kb.arg(0), kb.arg(1)))


def product_op(**members: Any) -> Any:
    """Register a product of two tensors of one shape, whose kernel is one operation."""
    return make_op(PRODUCT, like_first_of_two, yield_product, __module__=__name__, **members)


def product_backward_op(**members: Any) -> Any:
    """Register the backward of the product, an op whose kernel is two operations."""

    def select(self, ksel):
        grad = ksel.arg_tensor(0)
        for i in (1, 2):
            ksel.arg_tensor(i).require_shape(grad)
            ksel.return_new_tensor(grad.t.shape, grad.t.dtype)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        grad, x, y = (kb.arg(i) for i in range(3))
        kb.yield_results(arith.mulf(grad, y), arith.mulf(grad, x))

    signature = (
        "product_backward_@UNIQUE@(Tensor grad, Tensor x, Tensor y) "
        "-> (Tensor grad_x, Tensor grad_y)"
    )
    derived = derive_backward(multiply_backward)
    return make_op(signature, select, generate, __module__=__name__, backward=derived, **members)


def product_with(backward: Any, **keywords: Any) -> Any:
    """Register a product and then its backward."""
    packet = product_op()
    register_autograd(packet, backward, **keywords)
    return packet


PRODUCTS = {
    "function": product_with(product_gradients, setup_context=save_inputs),
    "op": product_with(product_backward_op()),
    "native": product_with(derive_backward(multiply)),
}
"""The product with each form of backward, registered after the op."""

WEIGHTED = native_op(
    "weighted_@UNIQUE@(Tensor x, Tensor w) -> Tensor",
    multiply,
    static=(0, 1),
    backward=derive_backward(multiply),
)
"""A product that broadcasts."""
