"""How does `generate` write MLIR?  Through a builder that holds the module and the operands."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ir_runtime.dtypes import dtype_info
from ir_runtime.errors import ArgumentError, GenerateError
from ir_runtime.op_reg.select.argument import AttrArg, EmptyOptionalTensorArg, ScalarResult
from ir_runtime.op_reg.select.argument_name import argument_name, arguments_like
from ir_runtime.op_reg.generate.function_call import build_call, fit_value
from ir_runtime.op_reg.trace.legal.float8 import FORMATS
from ir_runtime.op_reg.select.result import scalar_as_tensor, written_descs
from ir_runtime.op_reg.select.selection import KernelSelection, no_such_argument
from ir_runtime.op_reg.generate.template import MlirTemplate

if TYPE_CHECKING:
    import torch
    from iree.compiler.ir import Block, Context, InsertionPoint, Location, SymbolTable, Value

__all__ = ["FreeFuncKernelBuilder", "KernelBuilder"]

_FLOAT8 = frozenset(dtype_info(dtype).mlir for dtype in FORMATS)


class KernelBuilder(ABC):
    """Support for writing one kernel.

    Attributes:
        ksel: the selection that the kernel is for.
        arg_bindings: the operands: None for an attribute, a list for a list argument; an absent
            optional tensor takes no place, so later positions shift (see `arg_value`).
        ip: where IR goes.
        module_body: block of the module, for functions and globals.
        symbol_table: symbols of the module.
        context: the MLIR context.
    """

    def __init__(
        self,
        ksel: KernelSelection,
        arg_bindings: list[Value | list[Value] | None],
        *,
        ip: InsertionPoint,
        module_body: Block,
        symbol_table: SymbolTable,
    ) -> None:
        self.ksel = ksel
        self.arg_bindings = arg_bindings
        self.ip = ip
        self.module_body = module_body
        self.symbol_table = symbol_table
        self.context: Context = module_body.owner.context
        self.yielded = False
        self.merged: dict[str, dict[str, str]] = {}  # text digest -> its functions, as renamed

    @property
    def location(self) -> Location:
        """The location given to IR that states none."""
        from iree.compiler.ir import Location

        return Location.unknown(self.context)

    def arg_value(self, index: int) -> Any:
        """Return the operand of the argument at `index` of the schema.

        Returns:
            An IR value; a list of them for a list argument; None for an absent optional tensor.

        Raises:
            ArgumentError: the argument is compiled in, so it has no operand.
            NoSuchArgumentError: the signature has no such argument.
        """
        count = len(self.ksel.arg_descs)
        if not -count <= index < count:
            raise no_such_argument(self.ksel.op, index)
        index %= count
        desc = self.ksel.arg_descs[index]
        if isinstance(desc, EmptyOptionalTensorArg):
            return None
        if desc is None or (desc.ir_arity == 0 and not desc.is_list):
            kind = "not declared by `select`"
            if desc is not None:
                value = "an attribute" if isinstance(desc, AttrArg) else desc.spec_value
                kind = f"compiled in as {value}"
            raise ArgumentError(
                f"{self.ksel.op.name}: `{self.ksel.op.arg_names[index]}` is {kind}, "
                "must be a tensor or int operand to have a value"
            )
        absent = sum(isinstance(d, EmptyOptionalTensorArg) for d in self.ksel.arg_descs[:index])
        return self.arg_bindings[index - absent]

    arg = arg_value

    def constant_index(self, i: int) -> Value:
        """Build a constant of type `index`."""
        from iree.compiler.dialects import arith
        from iree.compiler.ir import IndexType, IntegerAttr

        with self.context, self.location, self.ip:
            index = IndexType.get()
            return arith.ConstantOp(index, IntegerAttr.get(index, i)).result

    def cast_float(self, value: Value, dtype: torch.dtype) -> Value:
        """Convert a tensor between floating-point element types, as torch does.

        It makes no IR if the tensor has that type.
        """
        from iree.compiler.dialects import arith
        from iree.compiler.ir import F32Type, FloatType, RankedTensorType, Type

        with self.context, self.location, self.ip:
            element = Type.parse(dtype_info(dtype).mlir)
            old = RankedTensorType(value.type)
            if old.element_type == element:
                return value
            if dtype in FORMATS or str(old.element_type) in _FLOAT8:
                return self._cast_float8(value, dtype)
            new = RankedTensorType.get(old.shape, element, old.encoding)
            width, old_width = FloatType(element).width, FloatType(old.element_type).width
            if width == old_width:  # no one operation does it; f32 holds all values of both
                wide = RankedTensorType.get(old.shape, F32Type.get(), old.encoding)
                return arith.truncf(new, arith.extf(wide, value))
            return (arith.extf if width > old_width else arith.truncf)(new, value)

    def _cast_float8(self, value: Value, dtype: torch.dtype) -> Value:
        """Convert to or from an eight-bit float by way of f32, in torch's steps.

        The compiler rounds these otherwise than torch.
        """
        import torch
        from iree.compiler.ir import RankedTensorType

        from ir_runtime.op_reg.trace.trace_function import conversion_asm

        element = str(RankedTensorType(value.type).element_type)
        if (element == "f32") == (dtype == torch.float32):
            return self.cast_float(self.cast_float(value, torch.float32), dtype)
        text = conversion_asm(str(value.type), dtype)
        return self.inline_mlir(MlirTemplate("cast_float", text), {}, value, function="main")

    def inline_mlir(
        self,
        template: MlirTemplate | str,
        aliases: Mapping[str, Any],
        *args: Value,
        function: str | None = None,
    ) -> Any:
        """Call a function of an MLIR template, specialised by its aliases.

        Args:
            template: a template, or its text.
            aliases: alias name to MLIR text or to a descriptor; see `MlirTemplate.instantiate`.
            args: operands; cast to the function's types where only static sizes differ.
            function: which function to call; default: the one named like the template, or the
                only one.

        Returns:
            The result value, or a list if there are several.

        Raises:
            GenerateError: the text does not parse, or the operands do not fit; shows the source.

        Sizes that the function takes to be equal are asserted, see `operand_size`. Two aliases of
        the same type keep two parameters apart.
        """
        from ir_runtime.op_reg.generate.merge import merged_function
        from ir_runtime.op_reg.generate.operand_size_check import assert_operand_sizes, parameter_aliases

        if isinstance(template, str):
            template = MlirTemplate("inline", template)
        name, found = merged_function(self, template, aliases, function)
        written = parameter_aliases(template.text, name, template.aliases)
        if len(written) == len(args):
            assert_operand_sizes(self, found.operation, args, written)
        return self.call_function(found, *args)

    def inline_torch(
        self, fn: Callable[..., Any], *args: Value, like: tuple[torch.Tensor, ...] | None = None
    ) -> Any:
        """Trace a torch function and call the result.

        Args:
            fn: takes and returns tensors; what it does must be traceable by `torch.export`.
            args: operands.
            like: a tensor for each operand, for its dtype: MLIR does not tell unsigned integers
                from signed ones. Default: the call's own tensors if all operands are arguments
                of the kernel, else integers are signed.

        Returns:
            The result value, or a list if there are several.
        """
        from ir_runtime.op_reg.trace.trace_function import torch_function_asm
        from ir_runtime.op_reg.generate.merge import merged_function

        like = like or arguments_like(self.ksel, self.arg_bindings, args)
        types = [str(arg.type) for arg in args]
        text = torch_function_asm(
            fn,
            types,
            like,
            family=self.ksel.device_family,
            arguments=[self.argument_name(arg) for arg in args],
            of=self.ksel.op.name,
        )
        template = MlirTemplate("inline_torch", text)  # it asserts the sizes of its operands
        return self.call_function(merged_function(self, template, {}, "main")[1], *args)

    def argument_name(self, value: Value) -> str | None:
        """Return the argument of the op that a value is, in another view or dtype, or None."""
        return argument_name(self.ksel, self.arg_bindings, value)

    def checked_index(
        self, index: Value, table: Value, dim: int = 0, *, wraps: bool = False
    ) -> Value:
        """Check indices that a kernel reads or writes memory by.

        On a CPU the call raises IndexOutOfRangeError for an index out of range, and names the
        argument that `index` is; on other devices it is counted in `index_faults`.

        Args:
            index: a tensor of signed integers.
            table: the tensor that they point into.
            dim: the dimension of `table` that they are of.
            wraps: whether negative indices count from the end; else they are out of range.

        Returns:
            The indices as the kernel is to use them: all of them in range.
        """
        from ir_runtime.op_reg.generate.index_report import check_argument

        with self.context, self.location, self.ip:
            return check_argument(self, index, table, dim, wraps=wraps)

    def call_function(self, func_op: Any, *args: Value) -> Any:
        """Call a `util.func` or `func.func` of the module with operands, cast where needed."""
        with self.context, self.location, self.ip:
            results = build_call(self.ksel.op.name, func_op, args)
        return results[0] if len(results) == 1 else results

    def _fit(self, value: Value, wanted: Any, what: str) -> Value:
        """Return `value` as type `wanted`, by a `tensor.cast` if only known sizes differ."""
        with self.context, self.location, self.ip:
            return fit_value(value, wanted, f"{self.ksel.op.name}: {what}")

    def _checked(self, results: Sequence[Value], descs: Sequence[Any]) -> list[Value]:
        """Return what `generate` yields as the declared types, the first time it does.

        Args:
            results: the values, a number where a number is declared.
            descs: what `select` declares to be written: results, then in-place arguments.
        """
        from iree.compiler.ir import Type

        name = self.ksel.op.name
        if self.yielded:
            raise GenerateError(
                f"{name}: `generate` yields results twice, must call yield_results once"
            )
        if len(results) != len(descs):
            tied = len(written_descs(self.ksel.inplace_tied_arg_descs))
            raise GenerateError(
                f"{name}: `generate` yields {len(results)} results, must be "
                f"{len(descs)} as `select` declares",
                facts=[f"{tied} of them for in-place arguments"] if tied else [],
            )
        self.yielded = True
        fitted: list[Value] = []
        for i, (result, desc) in enumerate(zip(results, descs, strict=True)):
            is_number = isinstance(desc, ScalarResult)
            value = scalar_as_tensor(self, result) if is_number else result
            wanted = Type.parse(desc.mlir_type_asm, self.context)
            fitted.append(self._fit(value, wanted, f"yielded result {i}"))
        return fitted

    @abstractmethod
    def yield_results(self, *results: Value) -> None:
        """End the kernel: give its results, then the new values of its in-place arguments."""


class FreeFuncKernelBuilder(KernelBuilder):
    """Write a kernel as a function of its own.

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
            ArrayAttr,
            Attribute,
            DictAttr,
            FunctionType,
            InsertionPoint,
            Location,
            StringAttr,
            Type,
        )

        context = module_body.owner.context
        with context, Location.unknown(context):  # pyright: ignore[reportOptionalContextManager]
            asm = [operand_types(desc) for desc in ksel.arg_descs]
            inputs = [Type.parse(t) for types in asm for t in types]
            self._result_descs = [
                *written_descs(ksel.result_descs),
                *written_descs(ksel.inplace_tied_arg_descs),
            ]
            self._result_types = [Type.parse(d.mlir_type_asm) for d in self._result_descs]
            attributes = [DictAttr.get({}) for _ in inputs]
            if destinations:
                for i in range(len(self._result_descs)):
                    inputs.append(Type.parse("!hal.buffer_view"))
                    attributes.append(
                        DictAttr.get({"iree.abi.output": Attribute.parse(f"{i} : index")})
                    )
            kind = FunctionType.get(inputs, self._result_types)
            with InsertionPoint(module_body):
                self.func_op = func.FuncOp(func_name or ksel.op.name, kind)
                self.func_op.attributes["sym_visibility"] = StringAttr.get(
                    "public" if is_public else "private"
                )
                self.func_op.attributes["arg_attrs"] = ArrayAttr.get(attributes)
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
        """Make a module that holds one function, ready to be written."""
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


def _single_threaded_context() -> Any:
    from iree.compiler.ir import Context

    context: Any = Context()
    context.enable_multithreading(False)  # noqa: FBT003 - MLIR's threads do not survive a fork
    return context


def operand_types(desc: Any) -> list[str]:
    if desc is None or desc.ir_arity == 0:
        return []
    asm = desc.mlir_type_asm
    return asm if isinstance(asm, list) else [asm]


def bind_operands(ksel: KernelSelection, values: list[Value]) -> list[Value | list[Value] | None]:
    bindings: list[Value | list[Value] | None] = []
    remaining = iter(values)
    for desc in ksel.arg_descs:
        if isinstance(desc, EmptyOptionalTensorArg):
            continue
        if desc is not None and desc.is_list:
            bindings.append([next(remaining) for _ in range(desc.ir_arity)])
        elif desc is None or desc.ir_arity == 0:
            bindings.append(None)
        else:
            bindings.append(next(remaining))
    return bindings


def unique_symbol(symbol_table: SymbolTable, name: str) -> str:
    """Return `name`, or `name` with a number, that no symbol of the module has."""
    base = re.sub(r"\W", "_", name)
    candidate, number = base, 0
    while candidate in symbol_table:
        number += 1
        candidate = f"{base}_{number}"
    return candidate
