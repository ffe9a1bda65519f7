"""Ops written as MLIR: selection, generation, registration with torch."""

from ir_runtime.op_reg.argument import (
    AttrArg,
    EmptyOptionalTensorArg,
    IntArg,
    TensorArg,
    TensorListArg,
)
from ir_runtime.op_reg.builder import FreeFuncKernelBuilder, KernelBuilder
from ir_runtime.op_reg.custom_op import ALL_CUSTOM_OP_REGS, CustomOp
from ir_runtime.op_reg.expand import ExpandCustomOpsPass
from ir_runtime.op_reg.inline_builder import InlineKernelBuilder
from ir_runtime.op_reg.kernel import forget_kernels
from ir_runtime.op_reg.library import IR_RUNTIME_LIBRARY, def_library, forward_op, fragment
from ir_runtime.op_reg.selection import KernelSelection
from ir_runtime.op_reg.shape import flatten, float_attribute, unflatten
from ir_runtime.op_reg.template import MlirTemplate

__all__ = [
    "ALL_CUSTOM_OP_REGS",
    "IR_RUNTIME_LIBRARY",
    "AttrArg",
    "CustomOp",
    "EmptyOptionalTensorArg",
    "ExpandCustomOpsPass",
    "FreeFuncKernelBuilder",
    "InlineKernelBuilder",
    "IntArg",
    "KernelBuilder",
    "KernelSelection",
    "MlirTemplate",
    "TensorArg",
    "TensorListArg",
    "def_library",
    "flatten",
    "float_attribute",
    "forget_kernels",
    "forward_op",
    "fragment",
    "unflatten",
]
