"""The builder of a kernel inside a program, as a called function or in place of the call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ir_runtime.op_reg.generate.builder import KernelBuilder
from ir_runtime.op_reg.generate.merge import unique_symbol
from ir_runtime.op_reg.generate.module_builder import bind_operands, operand_types
from ir_runtime.op_reg.generate.torch_type import parse_torch_tensor_type
from ir_runtime.op_reg.select.result import written_descs
from ir_runtime.op_reg.select.selection import KernelSelection

if TYPE_CHECKING:
    from iree.compiler.ir import Block, InsertionPoint, Location, SymbolTable, Value

__all__ = ["InlineKernelBuilder"]


class InlineKernelBuilder(KernelBuilder):
    """Write a kernel into an existing module, at the call of an op.

    The operands are values of the torch dialect or builtin values; they are converted to the types
    that the selection declares. With `func_name`, the kernel becomes a private function of the
    module, called at `ip`. Without it, its IR is inserted at `ip`.

    Attributes:
        operands: the converted operands at `ip`, lists unrolled.
        func_op: the kernel's function, None if the kernel is in place.
        results: after `yield_results`: the kernel's results, then the new values of its in-place
            arguments, converted back to `result_types`.

    Args:
        ksel: the selection.
        arg_bindings: for each argument of the schema its value in the program, a list of values,
            or None if it is compiled in or absent.
        ip: the insertion point of the call.
        module_body: block of the module.
        symbol_table: symbols of the module.
        result_types: types of the results in the program; default the kernel's own.
        location: the location of IR that has none of its own.
        func_name: name of the function; made unique in the module.
    """

    def __init__(
        self,
        ksel: KernelSelection,
        arg_bindings: Sequence[Value | Sequence[Value] | None],
        *,
        ip: InsertionPoint,
        module_body: Block,
        symbol_table: SymbolTable,
        result_types: Sequence[Any] | None = None,
        location: Location | None = None,
        func_name: str | None = None,
    ) -> None:
        from iree.compiler.ir import InsertionPoint, Type

        self._location = location
        self._site = ip
        self._wanted = result_types
        self.func_op: Any = None
        self.results: list[Value] = []
        super().__init__(ksel, [], ip=ip, module_body=module_body, symbol_table=symbol_table)
        described = [
            (desc, binding)
            for desc, binding in zip(ksel.arg_descs, arg_bindings, strict=True)
            if desc is not None and desc.ir_arity
        ]
        with self.context, self.location, self.ip:
            self._result_descs = [
                *written_descs(ksel.result_descs),
                *written_descs(ksel.inplace_tied_arg_descs),
            ]
            self._kernel_results = [Type.parse(d.mlir_type_asm) for d in self._result_descs]
            self.operands: list[Value] = []
            for desc, binding in described:
                values: Any = binding if desc.is_list else [binding]
                for value, asm in zip(values, operand_types(desc), strict=True):
                    self.operands.append(self._to_kernel(value, Type.parse(asm)))
            if func_name is not None:
                self._begin_function(func_name)
                entry = self.func_op.regions[0].blocks[0]
                self.ip = InsertionPoint(entry)
                self.arg_bindings = bind_operands(ksel, list(entry.arguments))
            else:
                self.arg_bindings = bind_operands(ksel, self.operands)

    @property
    def location(self) -> Location:
        return self._location or super().location

    def _begin_function(self, func_name: str) -> None:
        from iree.compiler.ir import (
            Attribute,
            FunctionType,
            InsertionPoint,
            Operation,
            StringAttr,
            TypeAttr,
        )

        kind = FunctionType.get([v.type for v in self.operands], self._kernel_results)
        attributes = {
            "sym_name": StringAttr.get(unique_symbol(self.symbol_table, func_name)),
            "sym_visibility": StringAttr.get("private"),
            "function_type": TypeAttr.get(kind),
        }
        if self.ksel.op.single_dispatch:  # the pipeline works on functions: do not inline this one
            attributes["inlining_policy"] = Attribute.parse("#util.inline.never")
            attributes["preprocessing_pipeline"] = Attribute.parse(
                '#util.preprocessing_pipeline<"iree-preprocessing-make-single-dispatch">'
            )
        with InsertionPoint(self.module_body):
            self.func_op = Operation.create("util.func", attributes=attributes, regions=1)
        self.func_op.regions[0].blocks.append(*[v.type for v in self.operands])
        self.symbol_table.insert(self.func_op)

    def yield_results(self, *results: Value) -> None:
        from iree.compiler.ir import Operation

        values = self._checked(results, self._result_descs)
        if self.func_op is not None:
            with self.context, self.location, self.ip:
                Operation.create("util.return", operands=values)
            self.ip = self._site
            called = self.call_function(self.func_op, *self.operands)
            values = called if isinstance(called, list) else [called]
        wanted = self._wanted or self._kernel_results
        with self.context, self.location, self.ip:
            self.results = [
                self.from_kernel(value, kind, i)
                for i, (value, kind) in enumerate(zip(values, wanted, strict=True))
            ]

    def _to_kernel(self, value: Value, wanted: Any) -> Value:
        """Convert an operand of the program to the type that the kernel declares."""
        from iree.compiler.ir import Operation, Type

        text = str(value.type)
        tensor = parse_torch_tensor_type(text)
        if tensor is not None:
            builtin = Type.parse(tensor.builtin_asm)
            value = Operation.create(
                "torch_c.to_builtin_tensor", results=[builtin], operands=[value]
            ).result
        elif text == "!torch.int":
            i64 = Type.parse("i64")
            value = Operation.create("torch_c.to_i64", results=[i64], operands=[value]).result
        return self._fit(value, wanted, "operand")

    def from_kernel(self, value: Value, wanted: Any, index: int) -> Value:
        """Convert a result of the kernel to its type in the program."""
        from iree.compiler.ir import Operation, Type

        tensor = parse_torch_tensor_type(str(wanted))
        what = f"result {index}"
        if tensor is None:
            return self._fit(value, wanted, what)
        value = self._fit(value, Type.parse(tensor.builtin_asm), what)
        return Operation.create(
            "torch_c.from_builtin_tensor", results=[wanted], operands=[value]
        ).result
