"""`KernelBuilder`, through which `generate` writes MLIR; it holds the module and the operands."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from ir_runtime.dtypes import dtype_info
from ir_runtime.errors import GenerateError
from ir_runtime.op_reg.generate.module_builder import ModuleBuilder
from ir_runtime.op_reg.generate.number_result import scalar_as_tensor
from ir_runtime.op_reg.generate.template import MlirTemplate
from ir_runtime.op_reg.select.argument import ScalarResult
from ir_runtime.op_reg.select.argument_name import arguments_like
from ir_runtime.op_reg.select.result import written_descs

if TYPE_CHECKING:
    from iree.compiler.ir import Value

__all__ = ["KernelBuilder"]

_FLOAT8 = (
    *(torch.float8_e4m3fn, torch.float8_e5m2),
    *(torch.float8_e4m3fnuz, torch.float8_e5m2fnuz),
)
_FLOAT8_TYPES = frozenset(dtype_info(dtype).mlir for dtype in _FLOAT8)


class KernelBuilder(ModuleBuilder):
    """The builder of one kernel.

    Attributes:
        keeps_apart: whether the compiler is kept from fusing code into softmaxes and writes by
            index of traced functions, since it has failed to compile what it fused.
    """

    keeps_apart = False

    def cast_float(self, value: Value, dtype: torch.dtype) -> Value:
        """Convert a tensor to a floating-point element type, with torch's rounding.

        It adds no IR if the tensor has that type already.
        """
        from iree.compiler.dialects import arith
        from iree.compiler.ir import F32Type, FloatType, RankedTensorType, Type

        with self.context, self.location, self.ip:
            element = Type.parse(dtype_info(dtype).mlir)
            old = RankedTensorType(value.type)
            if old.element_type == element:
                return value
            if dtype in _FLOAT8 or str(old.element_type) in _FLOAT8_TYPES:
                return self._cast_float8(value, dtype)
            new = RankedTensorType.get(old.shape, element, old.encoding)
            width, old_width = FloatType(element).width, FloatType(old.element_type).width
            if width == old_width:  # f16 and bf16: by way of f32, which has all values of both
                wide = RankedTensorType.get(old.shape, F32Type.get(), old.encoding)
                return arith.truncf(new, arith.extf(wide, value))
            return (arith.extf if width > old_width else arith.truncf)(new, value)

    def _cast_float8(self, value: Value, dtype: torch.dtype) -> Value:
        """Convert to or from an eight-bit float by way of f32, in torch's steps.

        The compiler's own conversion rounds differently.
        """
        from iree.compiler.ir import RankedTensorType

        element = str(RankedTensorType(value.type).element_type)
        if (element == "f32") == (dtype == torch.float32):
            return self.cast_float(self.cast_float(value, torch.float32), dtype)
        text = self.ksel.op.function_tracer.conversion_asm(str(value.type), dtype)
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
            aliases: from alias name to MLIR text or a descriptor; see `MlirTemplate.instantiate`.
            args: operands; cast to the function's types if only static sizes differ.
            function: the function to call; default: the one with the template's name, or the
                only one.

        Returns:
            The result value, or a list if there are several.

        Raises:
            GenerateError: the text does not parse, or the operands do not fit; the message shows
                the source.

        Sizes that the function requires to be equal are asserted, see `operand_size_check`. Give
        two parameters different aliases if their sizes may differ.
        """
        from ir_runtime.op_reg.generate.merge import merged_function
        from ir_runtime.op_reg.generate.operand_size_check import (
            assert_operand_sizes,
            parameter_aliases,
        )

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
            fn: takes and returns tensors; `torch.export` must be able to trace it.
            args: operands.
            like: a tensor for each operand, for its dtype: MLIR's integers have no sign. Default:
                the call's own tensors if all operands are arguments of the kernel; else integers
                are signed.

        Returns:
            The result value, or a list if there are several.
        """
        from ir_runtime.op_reg.generate.merge import merged_function

        like = like or arguments_like(self.ksel, self.arg_bindings, args)
        types = [str(arg.type) for arg in args]
        text = self.ksel.op.function_tracer.torch_function_asm(
            fn,
            types,
            like,
            family=self.ksel.device_family,
            arguments=[self.argument_name(arg) for arg in args],
            of=self.ksel.op.name,
            apart=self.keeps_apart,
        )
        template = MlirTemplate("inline_torch", text)  # the text asserts its operands' sizes
        return self.call_function(merged_function(self, template, {}, "main")[1], *args)

    def checked_index(
        self, index: Value, table: Value, dim: int = 0, *, wraps: bool = False
    ) -> Value:
        """Check the indices of a kernel's reads or writes.

        On a CPU, the call raises IndexOutOfRangeError for an index out of range; the message has
        the name of the argument. On other devices, such an index is counted in `index_faults`.

        Args:
            index: a tensor of signed integers.
            table: the indexed tensor.
            dim: the indexed dimension of `table`.
            wraps: whether negative indices count from the end; else they are out of range.

        Returns:
            The indices for the kernel to use: all of them are in range.
        """
        from ir_runtime.op_reg.generate.index_report import check_argument

        with self.context, self.location, self.ip:
            return check_argument(self, index, table, dim, wraps=wraps)

    def report_index_bounds(self, row: Value, argument: str, *, limit: str) -> None:
        """Report the bounds of indices that a kernel reads and limits itself.

        The call raises IndexOutOfRangeError as for `checked_index`. The kernel must not use an
        index out of range, and must make the row before it changes an argument.

        Args:
            row: `tensor<4xi64>`: the least and the greatest index, the lowest one allowed, and the
                one after the highest one.
            argument: the name of the argument that holds the indices.
            limit: the limit in words, for the message: `must be in 0..<highest>, <limit>`.
        """
        from ir_runtime.op_reg.generate.index_report import report_bounds

        with self.context, self.location, self.ip:
            report_bounds(self, row, argument, limit)

    def _checked(self, results: Sequence[Value], descs: Sequence[Any]) -> list[Value]:
        """Return the values that `generate` yields, cast to the declared types; only once.

        Args:
            results: the values; a number for a result that is declared as a number.
            descs: the declarations of `select`: results, then in-place arguments.
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
        """End the kernel with its results, followed by the new values of in-place arguments."""
