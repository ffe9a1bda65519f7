"""The pass that replaces each call of a registered op in a program by a call of its kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ir_runtime.errors import GenerateError
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.stand_in import op_named
from ir_runtime.op_reg.program.inline_builder import InlineKernelBuilder

if TYPE_CHECKING:
    from iree.compiler.ir import Operation

__all__ = ["ExpandCustomOpsPass"]


class ExpandCustomOpsPass:
    """Replace each call of a registered op in a program by a call of its kernel.

    The program is a module that IREE's FxImporter made: a call of an op is
    `torch.operator "torch.<namespace>.<name>"`. Calls with the same kernel share a function.
    `eager_execute` and `check` do not run in a program.

    Args:
        module_op: the module; changed in place.
        device_family: the device family of the program: `local`, `vulkan`, `cuda` or `hip`. An op
            may have different kernels for them.
        hints: representative values of the program's symbols, such as `{"s10": 3}`, if known.

    Attributes:
        ops: the ops that were expanded.
    """

    def __init__(
        self,
        module_op: Operation,
        *,
        device_family: str = "local",
        hints: Mapping[str, int] | None = None,
    ) -> None:
        self._module: Any = module_op.operation
        self._family = device_family
        self._hints = hints or {}
        self._functions: dict[tuple[str, str], Any] = {}  # of spec key and code digest
        self._merged: dict[str, dict[str, str]] = {}
        self.ops: list[Op] = []

    def run(self) -> None:
        """Expand all calls.

        Raises:
            ArgumentError: a call does not fit its op, or an attribute of it is not a constant;
                the message has the line of the user's code.
            GenerateError: a kernel cannot be made, or an op is called in an unsupported form.
        """
        from iree.compiler.ir import SymbolTable

        with self._module.context:
            symbols = SymbolTable(self._module)
            for operation, op in self._calls():
                self._expand(operation, op, symbols)
                if op not in self.ops:
                    self.ops.append(op)

    def _calls(self) -> list[tuple[Any, Op]]:
        from iree.compiler.ir import WalkResult

        operators: list[Any] = []

        def visit(operation: Any) -> Any:
            if operation.name == "torch.operator":
                operators.append(operation)
            return WalkResult.ADVANCE

        self._module.walk(visit)
        return [(o, op) for o in operators if (op := _op_named(o)) is not None]

    def _expand(self, operation: Any, op: Op, symbols: Any) -> None:
        from iree.compiler.ir import InsertionPoint

        # These modules load sympy, which a plain call never needs.
        from ir_runtime.op_reg.program.result import replace_call
        from ir_runtime.op_reg.program.selection import select_for_program
        from ir_runtime.op_reg.program.size_assertion import assert_sizes

        place = _place_of(operation)
        call = select_for_program(
            op, list(operation.operands), family=self._family, hints=self._hints, place=place
        )
        with operation.location, InsertionPoint(operation):
            what = f"{op.name} at {place}"
            assert_sizes(call.sizes, call.sizes.conclusions(), what, origin="`select`")
        key = (call.ksel.spec_key, op.code_digest)
        kernel = self._functions.get(key)
        kb = InlineKernelBuilder(
            call.ksel,
            call.bindings,
            ip=InsertionPoint(operation),
            module_body=self._module.regions[0].blocks[0],
            symbol_table=symbols,
            location=operation.location,
            func_name=None if kernel else op.qualified_name.replace("::", "_"),
        )
        kb.merged = self._merged
        if kernel is None:
            self._functions[key] = _write(op, kb)
        else:
            called = kb.call_function(kernel, *kb.operands)
            kb.yield_results(*(called if isinstance(called, list) else [called]))
        replace_call(operation, kb, place)


def _write(op: Op, kb: InlineKernelBuilder) -> Any:
    """Run `generate` and return the kernel's function."""
    with kb.context, kb.location, kb.ip:
        kb.ksel.own_op.generate(kb.ksel, kb)
    if not kb.yielded:
        raise GenerateError(
            f"{op.name}: `generate` ends without results, must call yield_results once"
        )
    try:
        kb.func_op.verify()
    except Exception as error:
        raise GenerateError(
            f"{op.name}: `generate` builds MLIR that does not verify", facts=str(error).split("\n")
        ) from error
    return kb.func_op


def _op_named(operation: Any) -> Op | None:
    """Return the registered op that a `torch.operator` calls, None for another torch op."""
    name = operation.attributes["name"].value
    namespace, _, rest = name.removeprefix("torch.").partition(".")
    base, _, overload = rest.partition(".")
    op = op_named(f"{namespace}::{base}")
    if op is not None and overload:
        raise GenerateError(
            f"{op.name}: the program calls the overload {overload!r}, must call the op itself",
            facts=[f"called at {_place_of(operation)}"],
        )
    return op


def _place_of(operation: Any) -> str:
    from ir_runtime.op_reg.program.argument import python_location

    return python_location(operation.location) or "an unknown place"
