"""layer_norm: shift and scale each row to mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime import ir
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
from kernels_mlir.norm.rms_norm import (
    check_features,
    finite_epsilon,
    one_each_feature,
    per_feature,
)
from kernels_mlir.row_function import generate_rows
from kernels_mlir.sharding import shard_by_row

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = ["layer_norm", "layer_norm_op", "native_layer_norm"]


_layer_norm = kernel_call("layer_norm")


def layer_norm(
    x: Tensor, weight: Tensor, bias: Tensor, epsilon: float, *, out: Tensor | None = None
) -> Tensor:
    """Normalise each row of `x` to mean 0 and variance 1, then scale and shift it.

    Computes `(x - mean(x)) / sqrt(var(x) + epsilon) * weight + bias` with the population variance.

    Args:
        x: `[*, n]` f32, bf16 or f16; any rank >= 1, any strides.
        weight: `[n]` floating point.
        bias: `[n]` floating point.
        epsilon: finite, >= 0. Compiled in: each value is its own binary.
        out: the tensor that the result goes into, shaped and typed as it; default a new one.

    Returns:
        `[*, n]`, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: a dtype, size or value is not as above, or `x` has on Vulkan more than
            65535 rows of more than 32768 columns.

    Numerics:
        Mean and variance in float64 on CPUs, in float32 on GPUs, where a square must not overflow;
        the rest in float32, rounded once to the dtype of `x`.

    Source:
        Layer Normalization, arXiv:1607.06450.

    Example:
        >>> layer_norm(torch.tensor([[1.0, 3.0]]), torch.ones(2), torch.zeros(2), 0.0)
        tensor([[-1.,  1.]])
    """
    return _layer_norm(x, weight, bias, epsilon, out=out)


def native_layer_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """Compute `layer_norm` with torch functions, in float32, or float64 if `x` is."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    centred = wide - wide.mean(-1, keepdim=True)
    y = centred * torch.rsqrt(centred.square().mean(-1, keepdim=True) + epsilon)
    return (y * weight.to(y.dtype) + bias.to(y.dtype)).to(x.dtype).contiguous()


layer_norm_op = ir.register_op(
    name="layer_norm",
    accepts=[
        ir.dtypes("x", *FLOATING),
        at_least_one_dimension("x"),
        *(ir.dtypes(name, *FLOATING) for name in ("weight", "bias")),
        *(per_feature(name) for name in ("weight", "bias")),
        finite_epsilon(),
    ],
)(native_layer_norm)


@layer_norm_op.register_input_generator
def layer_norm_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    epsilon: float = 1e-5,
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`, weight and bias."""
    weight, bias = make_rows(2, hidden_size, dtype, device).unbind()
    return make_rows(num_tokens, hidden_size, dtype, device), weight, bias, epsilon


@register_kernel(
    layer_norm_op,
    constraints=[
        *(ir.dtypes(name, *FLOATS) for name in ("x", "weight", "bias")),
        *(one_each_feature(name) for name in ("weight", "bias")),
    ],
)
class LayerNormKernel(CustomOp):
    """The MLIR kernel of `layer_norm`: one binary per feature size, any number of rows."""

    signature = "layer_norm(Tensor x, Tensor weight, Tensor bias, float epsilon) -> Tensor"

    def select(self, ksel: KernelSelection) -> None:
        """Take any rows of one size."""
        x = ksel.arg_tensor(0).require(dtypes=FLOATS, min_rank=1)
        x.specialize_dims(-1)
        check_rows(ksel, x.t)
        for i, name in ((1, "weight"), (2, "bias")):
            feature = ksel.arg_tensor(i).require(dtypes=FLOATS, rank=1)
            check_features(self.name, name, feature.t, x.t)
            feature.specialize_all_dims()
        ksel.attr_float(3)
        ksel.return_new_tensor(x.t.shape, x.t.dtype).specialize_dims(-1)
        choose_stores(ksel, x.t)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Compute in float32 on rows, by the row kernel of native."""
        generate_rows(self, ksel, kb)

    def row_function(self, ksel: KernelSelection) -> Callable[..., Tensor]:
        """Return native, of tensors alone."""
        epsilon = ksel.arg_descs[3].v
        return lambda x, weight, bias: native_layer_norm(x, weight, bias, epsilon)

    def setup_context(self, ctx: Any, inputs: Sequence[Any], output: Any) -> None:
        """Keep the inputs."""
        del output
        x, weight, bias, ctx.epsilon = inputs
        ctx.save_for_backward(x, weight, bias)

    def backward(self, ctx: Any, *gradients: Any) -> Any:
        """Differentiate the normalisation in `widest`, the rest in float32 or wider."""
        x, weight, bias = ctx.saved_tensors
        g, wide = widened(gradients[0]), widest(x)
        centred = wide - wide.mean(-1, keepdim=True)
        root = (centred.square().mean(-1, keepdim=True) + ctx.epsilon).sqrt()
        normal = (centred / root).to(g.dtype)
        needs_x, needs_weight, needs_bias, _ = ctx.needs_input_grad
        grad_x = None
        if needs_x:
            gw = g * weight.to(g.dtype)
            pulled = gw.mean(-1, keepdim=True) + normal * (gw * normal).mean(-1, keepdim=True)
            grad_x = ((gw - pulled) / root).to(x.dtype)
        grad_weight = summed_like(g * normal, weight) if needs_weight else None
        return grad_x, grad_weight, summed_like(g, bias) if needs_bias else None, None


shard_by_row("layer_norm")
