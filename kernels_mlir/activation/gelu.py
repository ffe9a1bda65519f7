"""gelu: weigh each element by the probability that a normal variable lies below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.device.machine_choice import group_elements
from ir_runtime.op_reg import (
    CustomOp,
    KernelSelection,
    MlirTemplate,
    flatten,
    unflatten,
)
from kernels_mlir.kernel_call import kernel_call
from kernels_mlir.lanes import element_aliases, link_function, link_lanes
from kernels_mlir.library import (
    FLOATING,
    FLOATS,
    group_variant,
    make_rows,
    register_kernel,
    widened,
)
from kernels_mlir.row_function import generate_rows
from kernels_mlir.sharding import shard_by_element

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = ["gelu", "gelu_op", "native_gelu"]

CPU = MlirTemplate.beside(__file__, "gelu.mlir")
CURVES = {
    "none": MlirTemplate.beside(__file__, "gelu_erf.mlir"),
    "tanh": MlirTemplate.beside(__file__, "gelu_tanh.mlir"),
}
SHORT_CURVE = MlirTemplate.beside(__file__, "gelu_erf_bf16.mlir")
"""That of "none" for bfloat16."""

STEADY = 64.0
"""Beyond this magnitude the derivative is exactly 0 or 1."""


_gelu = kernel_call("gelu")


def gelu(x: Tensor, approximate: str = "none", *, out: Tensor | None = None) -> Tensor:
    """Multiply each element of `x` by the value of the normal distribution function there.

    Computes `x / 2 * (1 + erf(x / sqrt(2)))`, or, with `approximate="tanh"`,
    `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3)))`.

    Args:
        x: `[*]` f32, bf16 or f16; any rank, any strides.
        approximate: "none" or "tanh".
        out: the tensor that the result goes into, shaped and typed as it; default a new one.

    Returns:
        Shape, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: another dtype, or another word for `approximate`.

    Numerics:
        Evaluated in float32 and rounded once to the dtype of `x`. For bf16, the value before is
        off by less than a tenth of the rounding, down to -9.

    Source:
        Gaussian Error Linear Units, arXiv:1606.08415.

    Example:
        >>> gelu(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.1587,  0.0000,  0.8413])
    """
    return _gelu(x, approximate, out=out)


def native_gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """Compute `gelu` with torch functions, in float32, or float64 if `x` is.

    The forms avoid cancellation: `1 + erf(v)` and `1 + tanh(v)` lose all digits below -5.
    """
    v = x.to(torch.promote_types(x.dtype, torch.float32))
    if approximate == "tanh":
        inner = (2 / torch.pi) ** 0.5 * (v + 0.044715 * v**3)
        return (v * torch.sigmoid(2 * inner)).to(x.dtype).contiguous()
    return (0.5 * v * torch.erfc(v * -(0.5**0.5))).to(x.dtype).contiguous()


gelu_op = ir.register_op(
    name="gelu", accepts=[ir.dtypes("x", *FLOATING), ir.one_of("approximate", *CURVES)]
)(native_gelu)


@gelu_op.register_input_generator
def gelu_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    approximate: str = "none",
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`."""
    return make_rows(num_tokens, hidden_size, dtype, device), approximate


@register_kernel(gelu_op, constraints=[ir.dtypes("x", *FLOATS)])
class GeluKernel(CustomOp):
    """The MLIR kernel of `gelu`: one binary per dtype and rank; on GPUs per last size, too."""

    elementwise = True
    signature = 'gelu(Tensor x, str approximate="none") -> Tensor'

    def select(self, ksel: KernelSelection) -> None:
        """Take any shape."""
        x = ksel.arg_tensor(0).require(dtypes=FLOATS)
        approximate = str(ksel.attr_str(1).v)
        ksel.variant = f"{approximate}{group_variant(ksel)}"
        y = ksel.return_new_tensor(x.t.shape, x.t.dtype)
        if ksel.device_family != "local" and x.t.ndim:
            x.specialize_dims(-1)
            y.specialize_dims(-1)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Compute in float32 on a line; on GPUs by a row kernel."""
        if ksel.device_family != "local":
            generate_rows(self, ksel, kb)
            return
        x = ksel.arg_descs[0].t
        dtypes = {"x": x.dtype}
        approximate = str(ksel.arg_descs[1].v)
        short = approximate == "none" and x.dtype == torch.bfloat16
        curve = SHORT_CURVE if short else CURVES[approximate]
        template = link_lanes(link_function(CPU, "curve", curve), dtypes)
        aliases = element_aliases(dtypes) | {
            "!x": "tensor<?x!element_x>",
            "#group": f"{group_elements(ksel.machine).size} : index",
        }
        line = flatten(kb, kb.arg_value(0), keep=0)
        y = kb.cast_float(kb.inline_mlir(template, aliases, line), x.dtype)
        kb.yield_results(unflatten(kb, y, kb.arg_value(0), keep=0))

    def row_function(self, ksel: KernelSelection) -> Callable[..., Tensor]:
        """Return the curve in a form that row kernels compute without cancellation."""
        from kernels_mlir.activation.gelu_curve import gelu_curve  # calls on CPUs need none of it

        approximate = str(ksel.arg_descs[1].v)
        return lambda x: gelu_curve(widened(x), approximate).to(x.dtype)

    def setup_context(self, ctx: Any, inputs: Sequence[Any], output: Any) -> None:
        """Keep the input."""
        del output
        x, ctx.approximate = inputs
        ctx.save_for_backward(x)

    def backward(self, ctx: Any, *gradients: Any) -> Any:
        """Use torch's backward on a clamped `x`: it squares `x`, and far out the slope is flat."""
        (x,) = ctx.saved_tensors
        near = x.clamp(-STEADY, STEADY)
        grad = torch.ops.aten.gelu_backward(gradients[0], near, approximate=ctx.approximate)
        return grad, None


shard_by_element("gelu")
