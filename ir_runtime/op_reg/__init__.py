"""Ops whose kernels are MLIR: their selection, their generation, their registration with torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ir_runtime.late_import import late_names
from ir_runtime.op_reg.call.kernel import forget_kernels
from ir_runtime.op_reg.custom_op import CustomOp
from ir_runtime.op_reg.generate.function_call import call_function
from ir_runtime.op_reg.generate.shape import flatten, float_attribute, unflatten
from ir_runtime.op_reg.generate.template import MlirTemplate
from ir_runtime.op_reg.generate.template_loader import (
    JinjaTemplateLoader,
    StrFormatTemplateLoader,
    TemplateLoader,
)
from ir_runtime.op_reg.op.library import IR_RUNTIME_LIBRARY, def_library, forward_op, fragment
from ir_runtime.op_reg.op.registry import ALL_CUSTOM_OP_REGS
from ir_runtime.op_reg.register.autocast import register_autocast
from ir_runtime.op_reg.register.backward import register_autograd
from ir_runtime.op_reg.register.derived_backward import derive_backward
from ir_runtime.op_reg.register.vmap import register_vmap
from ir_runtime.op_reg.select.argument import (
    AttrArg,
    EmptyOptionalTensorArg,
    IntArg,
    ScalarResult,
    TensorArg,
    TensorListArg,
)
from ir_runtime.op_reg.select.selection import KernelSelection

if TYPE_CHECKING:
    from ir_runtime.op_reg.call.build import BuiltKernel, build_kernel
    from ir_runtime.op_reg.call.explain import Explanation, explain
    from ir_runtime.op_reg.generate.builder import KernelBuilder
    from ir_runtime.op_reg.generate.function_builder import FreeFuncKernelBuilder
    from ir_runtime.op_reg.program.expand import ExpandCustomOpsPass
    from ir_runtime.op_reg.program.inline_builder import InlineKernelBuilder

__all__ = [
    "ALL_CUSTOM_OP_REGS",
    "IR_RUNTIME_LIBRARY",
    "AttrArg",
    "BuiltKernel",
    "CustomOp",
    "EmptyOptionalTensorArg",
    "ExpandCustomOpsPass",
    "Explanation",
    "FreeFuncKernelBuilder",
    "InlineKernelBuilder",
    "IntArg",
    "JinjaTemplateLoader",
    "KernelBuilder",
    "KernelSelection",
    "MlirTemplate",
    "ScalarResult",
    "StrFormatTemplateLoader",
    "TemplateLoader",
    "TensorArg",
    "TensorListArg",
    "build_kernel",
    "call_function",
    "def_library",
    "derive_backward",
    "explain",
    "flatten",
    "float_attribute",
    "forget_kernels",
    "forward_op",
    "fragment",
    "register_autocast",
    "register_autograd",
    "register_vmap",
    "unflatten",
]

__getattr__ = late_names(
    __name__,
    {
        "BuiltKernel": "call.build",
        "ExpandCustomOpsPass": "program.expand",
        "Explanation": "call.explain",
        "FreeFuncKernelBuilder": "generate.function_builder",
        "InlineKernelBuilder": "program.inline_builder",
        "KernelBuilder": "generate.builder",
        "build_kernel": "call.build",
        "explain": "call.explain",
    },
)
