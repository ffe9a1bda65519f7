"""linear: multiply rows by a weight, and add a bias."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.op_reg import CustomOp, KernelSelection
from kernels_mlir.flops import count_flops
from kernels_mlir.kernel_call import kernel_call
from kernels_mlir.library import (
    FLOATING,
    FLOATS,
    at_least_one_dimension,
    by_libraries_on_gpus,
    has_tuned_products,
    make_rows,
    register_kernel,
    same_dtype,
    summed_like,
    widened,
)
from kernels_mlir.matmul.kernel import (
    CPU_FLAGS,
    check_bias,
    check_features,
    generate_product,
    select_rows,
)
from kernels_mlir.matmul.packed import multiply_packed, packed_call, packed_for
from kernels_mlir.matmul.tile import tile_for
from kernels_mlir.matmul.weight_arguments import bias_fits, weight_fits
from kernels_mlir.sharding import NO_TENSOR, Sharding, free_dims, shard_by_rule

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = ["linear", "linear_inputs", "linear_op", "native_linear"]


_linear = kernel_call("linear")


def linear(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, out: Tensor | None = None
) -> Tensor:
    """Multiply each row of `x` by all rows of `weight`, and add `bias`.

    Computes `x @ weight.T + bias`. On CPUs, a `weight` that is an `nn.Parameter` is packed in its
    first call. The packed form is kept as long as the parameter lives and does not change; see
    `kernels_mlir.matmul.packed`. Its `packed_bytes()` returns the memory of all packed weights.
    Any other tensor is used without packing; the results have the same bits.

    Args:
        x: `[*, k]` f32, bf16 or f16; any rank >= 1, any strides; `k` >= 1.
        weight: `[n, k]`, dtype of `x`, any strides.
        bias: `[n]`, dtype of `x`; None for none.
        out: the tensor that the result goes into, shaped and typed as it; default a new one.

    Returns:
        `[*, n]`, dtype and device of `x`; contiguous; never aliases an argument.

    Raises:
        ArgumentError: a dtype or size is not as above.

    Numerics:
        Summed in float32, rounded once to the dtype of `x`. The bits of a row's result do not
        depend on the other rows.

    Source:
        Anatomy of High-Performance Matrix Multiplication, doi:10.1145/1356052.1356053.

    Example:
        >>> linear(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0], [5.0, 6.0]]))
        tensor([[11., 17.]])
    """
    return _linear(x, weight, bias, out=out)


def native_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Compute `linear` with torch functions, in float32, or float64 if `x` is.

    On GPUs it is torch's `linear`, which sums products of narrow floats in float32.
    """
    if x.device.type == "cuda" and _is_one_product(x, weight, bias):
        return torch.nn.functional.linear(x, weight, bias)
    dtype = torch.promote_types(x.dtype, torch.float32)
    y = x.to(dtype) @ weight.to(dtype).T
    return (y if bias is None else y + bias.to(dtype)).to(x.dtype)


def _is_one_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Tell whether torch's own `linear` takes the arguments."""
    fits = bias is None or (bias.ndim == 1 and bias.dtype == x.dtype)
    return fits and weight.dtype == x.dtype


def _bias_expands(bias: Tensor, x: Tensor, weight: Tensor) -> bool:
    """Tell whether `bias` can be added to the result without changing its shape."""
    if bias.ndim > x.ndim:
        return False
    shape = (*x.shape[:-1], weight.shape[0])[x.ndim - bias.ndim :]
    sizes = zip(bias.shape, shape, strict=True)
    return not any(ir.differ(mine, 1) and ir.differ(mine, n) for mine, n in sizes)


linear_op = ir.register_op(
    name="linear",
    accepts=[
        *(ir.dtypes(name, *FLOATING) for name in ("x", "weight", "bias")),
        at_least_one_dimension("x"),
        *weight_fits(),
        ir.fits(
            "bias",
            "of a shape that expands to that of the result",
            _bias_expands,
            beside=("x", "weight"),
            expected=lambda *call: f"have {call[2].shape[0]} elements, one an output feature",
        ),
    ],
)(native_linear)


@linear_op.register_input_generator
def linear_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    out_features: int | None = None,
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`, a weight and a bias; results keep the size of x."""
    n = hidden_size if out_features is None else out_features
    x = make_rows(num_tokens, hidden_size, dtype, device)
    weight = make_rows(n, hidden_size, dtype, device) / hidden_size**0.5
    (bias,) = make_rows(1, n, dtype, device)
    return x, weight, bias


@register_kernel(
    linear_op,
    constraints=[
        by_libraries_on_gpus("x", "cuBLAS or hipBLASLt"),
        *(ir.dtypes(name, *FLOATS) for name in ("x", "weight", "bias")),
        ir.fits("x", "of a last size of at least 1", lambda x: ir.differ(x.shape[-1], 0)),
        same_dtype("weight", "x"),
        same_dtype("bias", "x"),
        bias_fits(),
    ],
    tuned=has_tuned_products,
)
class LinearKernel(CustomOp):
    """The MLIR kernel of `linear`: one binary per shape of the weight, any number of rows."""

    signature = "linear(Tensor x, Tensor weight, Tensor? bias=None) -> Tensor"
    work_per_byte = 8.0
    compile_flags = CPU_FLAGS

    def select(self, ksel: KernelSelection) -> None:
        """Take any rows of one size."""
        x = select_rows(ksel)
        weight = ksel.arg_tensor(1).require(dtypes=(x.dtype,), rank=2)
        weight.specialize_all_dims()
        check_features(self.name, x, weight.t.shape[1], "`weight`")
        bias = ksel.arg_optional_tensor(2)
        if bias is not None:
            bias.require(dtypes=(x.dtype,), rank=1).specialize_all_dims()
            check_bias(self.name, bias.t, weight.t.shape[0])
        ksel.variant = tile_for(x.dtype).name if ksel.device_family == "local" else "gpu"
        n = weight.t.shape[0]
        ksel.return_new_tensor((*x.shape[:-1], n), x.dtype).specialize_dims(-1)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Sum in float32."""
        n = ksel.arg_descs[1].t.shape[0]
        generate_product(ksel, kb, out_features=n)

    def eager_execute(self, *args: Any) -> Any:
        """Multiply by the packed weight, if there is one that fits `x`."""
        x, weight, bias = args
        packed = packed_for(weight, lambda: packed_call(x, bias, weight))
        if packed is None or x.dtype != weight.dtype or x.shape[-1:] != weight.shape[1:]:
            return NotImplemented
        return multiply_packed(x, packed, bias, weight)

    def eager_calls(self, *args: Any) -> Sequence[tuple[Any, Sequence[Any]]]:
        """Return the product with a packed weight, which parameters have in eager calls."""
        x, weight, bias = args
        n, k = weight.shape
        packed = weight.new_empty(tile_for(weight.dtype).packed_shape(n, k))
        return [("ir_packed::linear", (x, packed, bias, n, k))]

    def setup_context(self, ctx: Any, inputs: Sequence[Any], output: Any) -> None:
        """Keep the inputs."""
        del output
        x, weight, bias = inputs
        ctx.save_for_backward(x, weight, bias)

    def backward(self, ctx: Any, *gradients: Any) -> Any:
        """Multiply by torch's own products, in float32 or wider if dtypes differ."""
        x, weight, bias = ctx.saved_tensors
        g = gradients[0] if x.dtype == weight.dtype else widened(gradients[0])
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad
        grad_x = grad_weight = grad_bias = None
        if needs_x:
            grad_x = (g @ weight.to(g.dtype)).to(x.dtype)
        if needs_weight:
            count, (n, k) = math.prod(x.shape[:-1]), weight.shape
            grad_weight = g.reshape(count, n).T @ x.reshape(count, k).to(g.dtype)
            grad_weight = grad_weight.to(weight.dtype)
        if needs_bias and bias is not None:
            grad_bias = summed_like(g, bias)
        return grad_x, grad_weight, grad_bias


def _shardings(x: Any, weight: Any, bias: Any = None) -> list[Sharding]:
    """Split rows, or the output features; split input features would give only partial sums."""
    last, whole = x.ndim - 1, NO_TENSOR if bias is None else None
    found: list[Sharding] = [([d], [d, None, whole]) for d in free_dims(x, last, [bias])]
    if bias is None or tuple(bias.shape) == (weight.shape[0],):
        found.append(([last], [None, 0, NO_TENSOR if bias is None else 0]))
    return found


shard_by_rule("linear", _shardings)


@count_flops("linear")
def _flops(x: Tensor, weight: Tensor, *_: Any) -> int:
    return 2 * x.numel() * weight.shape[0]
