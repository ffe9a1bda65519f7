"""The module of a kernel that is being written: its operands and its insertion point."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING, Any

from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg.generate.function_call import build_call, fit_value
from ir_runtime.op_reg.select.argument import AttrArg, EmptyOptionalTensorArg
from ir_runtime.op_reg.select.argument_name import argument_name
from ir_runtime.op_reg.select.selection import KernelSelection, no_such_argument

if TYPE_CHECKING:
    from iree.compiler.ir import Block, Context, InsertionPoint, Location, SymbolTable, Value

__all__ = ["ModuleBuilder", "bind_operands", "operand_types"]


class ModuleBuilder(ABC):  # noqa: B024 - only its subclasses can end a kernel
    """The base of all builders: writes IR into the module of a kernel.

    Attributes:
        ksel: the selection of the kernel.
        arg_bindings: the operands: None for an attribute, a list for a list argument; an absent
            optional tensor has no entry, so later positions shift (see `arg_value`).
        ip: the insertion point of new IR.
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
        """The location of IR that has none of its own."""
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

    def argument_name(self, value: Value) -> str | None:
        """Return the name of the argument behind a value, also through views and casts, or None."""
        return argument_name(self.ksel, self.arg_bindings, value)

    def call_function(self, func_op: Any, *args: Value) -> Any:
        """Call a `util.func` or `func.func` of the module; operands are cast if needed."""
        with self.context, self.location, self.ip:
            results = build_call(self.ksel.op.name, func_op, args)
        return results[0] if len(results) == 1 else results

    def _fit(self, value: Value, wanted: Any, what: str) -> Value:
        """Return `value` as type `wanted`, through a `tensor.cast` if only static sizes differ."""
        with self.context, self.location, self.ip:
            return fit_value(value, wanted, f"{self.ksel.op.name}: {what}")


def operand_types(desc: Any) -> list[str]:
    """Return the MLIR types of an argument's operands."""
    if desc is None or desc.ir_arity == 0:
        return []
    asm = desc.mlir_type_asm
    return asm if isinstance(asm, list) else [asm]


def bind_operands(ksel: KernelSelection, values: list[Value]) -> list[Value | list[Value] | None]:
    """Return `arg_bindings`: for each argument that is present, its operands among `values`."""
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
