"""The kernel of `gate_up_silu` and `linear_act` for a packed weight, or two packed as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg import CustomOp, KernelSelection
from kernels_mlir.library import FLOATS, packed_entrance, register_packed_kernel
from kernels_mlir.matmul.epilogue import GATED
from kernels_mlir.matmul.kernel import select_rows
from kernels_mlir.matmul.packed import Call, packed_pair, packed_shape
from kernels_mlir.matmul.product_form import AmxForm, FloatForm, float_form
from kernels_mlir.matmul.product_kernel import PRODUCT_FLAGS, generate_fused, select_end
from kernels_mlir.matmul.quantized_layout import HALF

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = ["finish_packed", "finished_call", "gate_up_pair"]

OPERANDS = {"x": 0, "w": 1, "bias": 2, "residual": 3}


def finished_call(
    x: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None, activation: str
) -> Call:
    """Return the call of `finish_packed`."""
    k = weight.shape[1]
    n = weight.shape[0] // (2 if activation == GATED else 1)
    return "ir_packed::product", lambda packed: (x, packed, bias, residual, n, k, activation)


def finish_packed(
    x: Tensor,
    packed: Tensor,
    bias: Tensor | None,
    residual: Tensor | None,
    weight: Tensor,
    activation: str,
) -> Tensor:
    """Compute `activation(x @ weight.T + bias) + residual` from the packed form of the weight."""
    n = weight.shape[0] // (2 if activation == GATED else 1)
    return _finish(x, packed, bias, residual, n, weight.shape[1], activation)


def gate_up_pair(x: Tensor, gate: Tensor, up: Tensor) -> Tensor | None:
    """Compute `silu(x @ gate.T) * (x @ up.T)` as one product, without gradients.

    Args:
        x: `[*, k]` f32, bf16 or f16 on the CPU.
        gate: `[n, k]`, an `nn.Parameter` of the dtype of `x`.
        up: the same, of the factor.

    Returns:
        `[*, n]`, dtype of `x`, contiguous; None if an argument is not as above, or if a weight
        cannot be packed: its changes are not counted, or the current device is no CPU.
    """
    if gate.ndim != 2:
        return None
    n, k = gate.shape
    fits = up.shape == gate.shape and x.dtype is gate.dtype is up.dtype and x.dtype in FLOATS
    if not fits or x.device.type != "cpu" or x.shape[-1:] != (k,):
        return None

    def call() -> Call:
        return "ir_packed::product", lambda packed: (x, packed, None, None, n, k, GATED)

    packed = packed_pair(gate, up, call)
    return None if packed is None else _finish(x, packed, None, None, n, k, GATED)


@register_packed_kernel
class PackedProductKernel(CustomOp):
    """The MLIR kernel of a product with a packed float weight that is finished at its end."""

    signature = (
        "product(Tensor x, Tensor packed, Tensor? bias, Tensor? residual, int out_features, "
        "int in_features, str activation) -> Tensor"
    )
    work_per_byte = 8.0
    compile_flags = PRODUCT_FLAGS

    def select(self, ksel: KernelSelection) -> None:
        """Take any rows of one size, and a weight that was packed for this CPU or a weaker one."""
        x = select_rows(ksel)
        packed = ksel.arg_tensor(1).require(dtypes=(x.dtype,), rank=3)
        packed.specialize_all_dims()
        n, k, activation = ksel.attr_int(4).v, ksel.attr_int(5).v, ksel.attr_str(6).v
        if ksel.device_family != "local":
            raise ArgumentError(f"{self.name}: on {ksel.device_family}, must be on a CPU")
        if x.shape[-1] != k:
            raise ArgumentError(
                f"{self.name}: `x` is {format_tensor(x)}, its last dimension must be {k}"
            )
        form = self._form(packed.t, x.dtype, n, k, activation)
        if form is None:
            gated = activation == GATED
            wanted = packed_shape(x.dtype, n * (2 if gated else 1), k, gated=gated)
            raise ArgumentError(
                f"{self.name}: `packed` is {format_tensor(packed.t)}, must be {list(wanted)} "
                f"as a weight of {n} x {k} is packed on this CPU"
            )
        ksel.variant = form.name
        select_end(ksel, x, 2, 3, n, activation)

    def _form(
        self, packed: Tensor, dtype: torch.dtype, n: int, k: int, activation: str
    ) -> FloatForm | AmxForm | None:
        rows = 2 * HALF * -(-n // HALF) if activation == GATED else n
        return float_form(tuple(packed.shape), dtype, rows, k)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Sum in float32."""
        x, packed = ksel.arg_descs[0].t, ksel.arg_descs[1].t
        n, k, activation = (ksel.arg_descs[i].v for i in (4, 5, 6))
        form = self._form(packed, x.dtype, n, k, activation)
        assert form is not None, "select found it"
        gated = activation == GATED
        parameters = form.parameters(packed.shape[0] * form.tile.columns, k, x.dtype, gated=gated)
        generate_fused(
            ksel, kb, form, parameters, operands=OPERANDS, out_features=n, activation=activation
        )


_finish = packed_entrance("product")
