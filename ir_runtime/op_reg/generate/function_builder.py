"""The builder of a kernel as a separate function, with or without destination-passing form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ir_runtime.op_reg.generate.builder import KernelBuilder
from ir_runtime.op_reg.generate.module_builder import bind_operands, operand_types
from ir_runtime.op_reg.select.result import written_descs
from ir_runtime.op_reg.select.selection import KernelSelection

if TYPE_CHECKING:
    from iree.compiler.ir import Block, Context, SymbolTable, Value

__all__ = ["FreeFuncKernelBuilder"]


class FreeFuncKernelBuilder(KernelBuilder):
    """Write a kernel as a separate function.

    Args:
        ksel: the selection.
        module_body: block of the module.
        symbol_table: symbols of the module.
        func_name: default: the op's name.
        is_public: whether the function is exported.
        destinations: whether the function takes a buffer for each result and writes it there
            (destination-passing form), instead of allocating.
    """

    def __init__(
        self,
        ksel: KernelSelection,
        *,
        module_body: Block,
        symbol_table: SymbolTable,
        func_name: str | None = None,
        is_public: bool = True,
        destinations: bool = False,
    ) -> None:
        from iree.compiler.dialects import func
        from iree.compiler.ir import (
            Attribute,
            FunctionType,
            InsertionPoint,
            Location,
            StringAttr,
            Type,
        )

        context = module_body.owner.context
        with context, Location.unknown(context):  # pyright: ignore[reportOptionalContextManager]
            inputs = [Type.parse(t) for desc in ksel.arg_descs for t in operand_types(desc)]
            self._result_descs = [
                *written_descs(ksel.result_descs),
                *written_descs(ksel.inplace_tied_arg_descs),
            ]
            self._result_types = [Type.parse(d.mlir_type_asm) for d in self._result_descs]
            count = len(self._result_descs) if destinations else 0
            attributes = _argument_attributes(len(inputs), count)
            inputs += [Type.parse("!hal.buffer_view")] * count
            kind = FunctionType.get(inputs, self._result_types)
            with InsertionPoint(module_body):
                self.func_op = func.FuncOp(func_name or ksel.op.name, kind)
                visibility = StringAttr.get("public" if is_public else "private")
                self.func_op.attributes["sym_visibility"] = visibility
                self.func_op.attributes["arg_attrs"] = attributes
                if ksel.op.single_dispatch:
                    self.func_op.attributes["preprocessing_pipeline"] = Attribute.parse(
                        '#util.preprocessing_pipeline<"iree-preprocessing-make-single-dispatch">'
                    )
                entry = self.func_op.add_entry_block()
            symbol_table.insert(self.func_op)
            super().__init__(
                ksel,
                bind_operands(ksel, list(entry.arguments)),
                ip=InsertionPoint(entry),
                module_body=module_body,
                symbol_table=symbol_table,
            )

    @staticmethod
    def create_module(
        ksel: KernelSelection,
        *,
        context: Context | None = None,
        func_name: str | None = None,
        is_public: bool = True,
        destinations: bool = False,
    ) -> FreeFuncKernelBuilder:
        """Make a module with one empty function, and return the builder of the function."""
        from iree.compiler.ir import Location, Module, SymbolTable

        context = context or _single_threaded_context()
        with context, Location.unknown(context):  # pyright: ignore[reportOptionalContextManager]
            module = Module.create()
            builder = FreeFuncKernelBuilder(
                ksel,
                module_body=module.body,
                symbol_table=SymbolTable(module.operation),
                func_name=func_name,
                is_public=is_public,
                destinations=destinations,
            )
        builder.module = module
        return builder

    module: Any = None

    def yield_results(self, *results: Value) -> None:
        from iree.compiler.dialects import func

        fitted = self._checked(results, self._result_descs)
        with self.context, self.location, self.ip:
            func.ReturnOp(fitted)


def _argument_attributes(operands: int, destinations: int) -> Any:
    """Return the attributes of a function's arguments: none of operands, then the destinations'.

    The function returns its results whether it has destinations or not. With `iree.abi.output`,
    IREE writes result i into the buffer view that the caller passes.
    """
    from iree.compiler.ir import ArrayAttr, Attribute, DictAttr

    outputs = [
        DictAttr.get({"iree.abi.output": Attribute.parse(f"{i} : index")})
        for i in range(destinations)
    ]
    return ArrayAttr.get([*(DictAttr.get({}) for _ in range(operands)), *outputs])


def _single_threaded_context() -> Any:
    from iree.compiler.ir import Context

    context: Any = Context()
    context.enable_multithreading(False)  # noqa: FBT003 - MLIR's threads do not survive a fork
    return context
