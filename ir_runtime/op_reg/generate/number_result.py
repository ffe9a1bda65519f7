"""The conversion of numbers that a kernel yields into 0-d tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iree.compiler.ir import Value

    from ir_runtime.op_reg.generate.module_builder import ModuleBuilder

__all__ = ["scalar_as_tensor"]


def scalar_as_tensor(kb: ModuleBuilder, value: Value) -> Value:
    """Return a yielded number as a 0-d tensor; floats become f64, `index` becomes i64."""
    from iree.compiler.dialects import arith, tensor
    from iree.compiler.ir import F64Type, FloatType, IndexType, IntegerType, RankedTensorType

    def of(element: Any) -> Any:
        return RankedTensorType.get([], element)

    with kb.context, kb.location, kb.ip:
        bit, byte, wide = IntegerType.get_signless(1), IntegerType.get_signless(8), F64Type.get()
        if isinstance(value.type, IndexType):
            value = arith.index_cast(IntegerType.get_signless(64), value)
        if value.type == bit:  # IREE 3.13 fails on `from_elements` of i1
            return arith.trunci(of(bit), tensor.from_elements(of(byte), [arith.extui(byte, value)]))
        if isinstance(value.type, IntegerType | FloatType):
            value = tensor.from_elements(of(value.type), [value])
        kind = value.type
        if not isinstance(kind, RankedTensorType) or kind.rank or kind.element_type == wide:
            return value
        return arith.extf(of(wide), value) if isinstance(kind.element_type, FloatType) else value
