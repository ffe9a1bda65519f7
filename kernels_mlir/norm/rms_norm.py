"""rms_norm: divide each row by its root mean square."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.dtypes import format_tensor, short_name
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg import CustomOp, KernelSelection
from kernels_mlir.kernel_call import kernel_call
from kernels_mlir.library import (
    FLOATING,
    FLOATS,
    at_least_one_dimension,
    check_rows,
    choose_stores,
    make_rows,
    register_kernel,
    summed_like,
    widened,
    widest,
)
from kernels_mlir.row_function import generate_rows
from kernels_mlir.sharding import shard_by_row

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = ["native_rms_norm", "rms_norm", "rms_norm_op"]


_rms_norm = kernel_call("rms_norm")


def rms_norm(
    x: Tensor,
    weight: Tensor | None,
    epsilon: float,
    variance_size: int | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """Divide each row of `x` by its root mean square, and scale it by `weight`.

    Computes `x / sqrt(mean(x[..., :variance_size] ** 2) + epsilon) * weight`.

    Args:
        x: `[*, n]` f32, bf16 or f16; any rank >= 1, any strides.
        weight: `[n]` of a floating-point dtype that may differ from `x`'s; None for all ones.
        epsilon: finite, >= 0. Compiled in: each value is its own binary.
        variance_size: in 1..n; the number of first elements of a row that enter the mean.
            Default: all.
        out: the tensor that the result goes into, shaped and typed as it; default a new one.

    Returns:
        `[*, n]`, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: a dtype, size or value is not as above, or `x` has on Vulkan more than
            65535 rows of more than 32768 columns.

    Numerics:
        The mean in float64 on CPUs, in float32 on GPUs, where a square must not overflow; the rest
        in float32, rounded once to the dtype of `x`.

    Source:
        Root Mean Square Layer Normalization, arXiv:1910.07467.

    Example:
        >>> rms_norm(torch.tensor([[3.0, 4.0]]), None, 0.0)
        tensor([[0.8485, 1.1314]])
    """
    return _rms_norm(x, weight, epsilon, variance_size, out=out)


def _matching(tensor: Tensor, x: Tensor) -> str:
    wanted = f"{short_name(tensor.dtype)}[{x.shape[-1]}]"
    return f"be {wanted} to match the last dimension of `x` {format_tensor(x)}"


def per_feature(argument: str) -> ir.Constraint:
    """Return the constraint that a tensor expands to the shape of `x`: one element per feature."""
    return ir.broadcastable(argument, "x", _matching)


def one_each_feature(argument: str) -> ir.Constraint:
    """Return the constraint that a tensor has one element per feature."""
    return ir.fits(
        argument,
        "one element a feature",
        lambda t, x: t.ndim == 1 and not ir.differ(t.shape[0], x.shape[-1]),
        beside=("x",),
        expected=_matching,
    )


def finite_epsilon() -> ir.Constraint:
    """Return the constraint that `epsilon` is finite and not negative."""
    return ir.number("epsilon", "finite and >= 0", lambda v: 0.0 <= v < float("inf"))


def native_rms_norm(
    x: Tensor, weight: Tensor | None, epsilon: float, variance_size: int | None = None
) -> Tensor:
    """Compute `rms_norm` with torch functions, in float32, or float64 if `x` is."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    head = wide[..., :variance_size]
    y = wide * torch.rsqrt(head.square().mean(-1, keepdim=True) + epsilon)
    return (y if weight is None else y * weight.to(y.dtype)).to(x.dtype).contiguous()


rms_norm_op = ir.register_op(
    name="rms_norm",
    accepts=[
        ir.dtypes("x", *FLOATING),
        at_least_one_dimension("x"),
        ir.dtypes("weight", *FLOATING),
        per_feature("weight"),
        finite_epsilon(),
        ir.Constraint(
            "variance_size",
            "in 1..n, the last size of `x`",
            lambda size, x: size is None or 1 <= size <= x.shape[-1],
            repr,
            others=("x",),
            expected=lambda _, x: f"be in 1..{x.shape[-1]} as the last dimension of `x`",
        ),
    ],
)(native_rms_norm)
rms_norm_op.override_tolerance(torch.float16, atol=1e-2, rtol=2e-3)


@rms_norm_op.register_input_generator
def rms_norm_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    epsilon: float = 1e-6,
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`, and a weight."""
    (weight,) = make_rows(1, hidden_size, dtype, device)
    return make_rows(num_tokens, hidden_size, dtype, device), weight, epsilon


@register_kernel(
    rms_norm_op,
    constraints=[
        *(ir.dtypes(name, *FLOATS) for name in ("x", "weight")),
        one_each_feature("weight"),
    ],
)
class RmsNormKernel(CustomOp):
    """The MLIR kernel of `rms_norm`: one binary per feature size, any number of rows."""

    signature = (
        "rms_norm(Tensor x, Tensor? weight, float epsilon, int? variance_size=None) -> Tensor"
    )

    def select(self, ksel: KernelSelection) -> None:
        """Take any rows of one size."""
        x = ksel.arg_tensor(0).require(dtypes=FLOATS, min_rank=1)
        x.specialize_dims(-1)
        check_rows(ksel, x.t)
        weight = ksel.arg_optional_tensor(1)
        if weight is not None:
            weight.require(dtypes=FLOATS, rank=1).specialize_all_dims()
            check_features(self.name, "weight", weight.t, x.t)
        ksel.attr_float(2)
        ksel.attr_int(3)
        ksel.return_new_tensor(x.t.shape, x.t.dtype).specialize_dims(-1)
        choose_stores(ksel, x.t)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Compute in float32 on rows, by the row kernel of native."""
        generate_rows(self, ksel, kb)

    def row_function(self, ksel: KernelSelection) -> Callable[..., Tensor]:
        """Return native, of tensors alone."""
        epsilon, head = ksel.arg_descs[2].v, ksel.arg_descs[3].v

        def norm(x: Tensor, weight: Tensor | None = None) -> Tensor:
            return native_rms_norm(x, weight, epsilon, head)

        return norm

    def setup_context(self, ctx: Any, inputs: Sequence[Any], output: Any) -> None:
        """Keep the inputs."""
        del output
        x, weight, ctx.epsilon, ctx.variance_size = inputs
        ctx.save_for_backward(x, weight)

    def backward(self, ctx: Any, *gradients: Any) -> Any:
        """Compute the gradients by formula: the root in `widest`, the rest in float32 or wider."""
        x, weight = ctx.saved_tensors
        g = widened(gradients[0])
        wide = widest(x)
        size = wide[..., : ctx.variance_size].shape[-1]
        root = (wide[..., :size].square().mean(-1, keepdim=True) + ctx.epsilon).sqrt()
        normal = (wide / root).to(g.dtype)
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            gw = g if weight is None else g * weight.to(g.dtype)
            inner = (gw * normal).sum(-1, keepdim=True) / size
            pulled = torch.nn.functional.pad(normal[..., :size] * inner, (0, x.shape[-1] - size))
            grad_x = ((gw - pulled) / root).to(x.dtype)
        if weight is not None and ctx.needs_input_grad[1]:
            grad_weight = summed_like(g * normal, weight)
        return grad_x, grad_weight, None, None


def check_features(op: str, name: str, tensor: Tensor, x: Tensor) -> None:
    """Refuse, in `select`, a per-feature tensor whose length is not the last dimension of `x`."""
    if tensor.shape[0] != x.shape[-1]:
        raise ArgumentError(
            f"{op}: `{name}` is {format_tensor(tensor)}, must {_matching(tensor, x)}"
        )


shard_by_row("rms_norm")
