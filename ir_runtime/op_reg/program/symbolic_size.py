"""The open sizes of a program as symbols for `select`, and the conclusions of `select`.

An open size is a torch symbol with a representative value. If the program's symbols and ranges
answer a question of `select` for all sizes, that answer is used. If only the representative value
answers it, the answer is recorded, and must become an assertion in the program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch

from ir_runtime.frozen import frozen
from ir_runtime.op_reg.generate.torch_type import TorchTensorType

if TYPE_CHECKING:
    from iree.compiler.ir import Value

__all__ = ["NO_MAX", "OpenSize", "SizeRead", "SizeTable", "example_choices"]

NO_MAX = (1 << 63) - 1
"""The upper bound of a size without a bound."""
_COMMON_EXAMPLE = 24


@frozen
class OpenSize:
    """A symbol of the program: its name, and its range in the program."""

    name: str
    least: int = 0
    most: int = NO_MAX


@frozen
class SizeRead:
    """The place of a size at run time: a dimension of a value, or an integer value."""

    value: Value
    dim: int | None
    label: str


Choose = Callable[[OpenSize], int]
"""Returns the representative value of a symbol."""


class SizeTable:
    """The symbols of one call of an op in a program.

    Args:
        choose: returns the representative value of each symbol.
    """

    def __init__(self, choose: Choose) -> None:
        from torch.fx.experimental.symbolic_shapes import ShapeEnv

        self.env = ShapeEnv(specialize_zero_one=False, duck_shape=False)
        self._choose = choose
        self._symbols: dict[str, tuple[OpenSize, torch.SymInt]] = {}
        self._reads: list[tuple[Any, SizeRead]] = []
        self._shapes: list[tuple[Value, list[Any]]] = []

    def shape_of(self, value: Value, kind: TorchTensorType, label: str) -> list[int | torch.SymInt]:
        """Return the sizes of a tensor value of the program; an open size is a symbol."""
        for seen, sizes in self._shapes:
            if seen == value:
                return sizes
        known = _bound_shape(value)
        sizes: list[Any] = []
        for i, dim in enumerate(kind.dims):
            if dim is not None:
                sizes.append(dim)
                continue
            place = f"{label}.shape[{i}]"
            if known is None:
                size = self.symbol(OpenSize(place))
            else:
                size = self._evaluate(known.results[i], known.symbols)
            sizes.append(size)
            if isinstance(size, torch.SymInt):
                self._reads.append((size.node.expr, SizeRead(value, i, place)))
        self._shapes.append((value, sizes))
        return sizes

    def integer(self, value: Value, label: str) -> torch.SymInt:
        """Return the symbol of an integer value of the program."""
        size = self.symbol(OpenSize(label, least=-NO_MAX))
        self._reads.append((size.node.expr, SizeRead(value, None, label)))
        return size

    def symbol(self, size: OpenSize) -> torch.SymInt:
        """Return the symbol with a name; it is made at its first use."""
        from torch._dynamo.source import ConstantSource
        from torch.fx.experimental.symbolic_shapes import DimDynamic

        if size.name in self._symbols:
            return self._symbols[size.name][1]
        example = self._choose(size)
        source = ConstantSource(size.name)
        symbol = self.env.create_symbol(
            example,
            source,
            dynamic_dim=DimDynamic.DYNAMIC,
            positive=None,
            do_not_specialize_zero_one=True,
        )
        self.env.constrain_symbol_range(symbol, size.least, size.most)  # pyright: ignore[reportArgumentType]
        made: Any = self.env.create_symintnode(symbol, hint=example, source=source)
        self._symbols[size.name] = size, made
        return made

    def reads(self) -> list[tuple[Any, SizeRead]]:
        """Return each open size as a sympy expression, with its place."""
        return self._reads

    def open_sizes(self) -> Iterator[tuple[Any, OpenSize]]:
        """Yield the sympy symbols, each with its name and range in the program."""
        for size, symbol in self._symbols.values():
            yield symbol.node.expr, size

    def fixed(self) -> Iterator[tuple[str, int]]:
        """Yield the sizes that `select` fixed to one number: the place and the number."""
        for symbol, number in self.env.replacements.items():
            if number.is_Integer:
                read = self.read_of(symbol)
                yield (read[0].label if read else str(symbol)), int(number)

    def conclusions(self) -> list[Any]:
        """Return the sympy conditions that only the representative values answered."""
        return [guard.expr for guard in self.env.guards]

    def read_of(self, symbol: Any) -> tuple[SizeRead, int, int] | None:
        """Return the place of `factor * symbol + offset`, with both numbers; None without place."""
        for expression, read in self._reads:
            if expression.free_symbols != {symbol}:
                continue
            factor = expression.coeff(symbol)
            offset = (expression - factor * symbol).expand()
            if factor.is_Integer and offset.is_Integer:
                return read, int(factor), int(offset)
        return None

    def label_of(self, symbol: Any) -> str:
        """Return the label of a symbol for a message: its place, or else its name."""
        return next((read.label for expr, read in self._reads if expr == symbol), str(symbol))

    def _evaluate(self, expression: Any, symbols: list[OpenSize]) -> Any:
        """Turn an affine expression over symbols of the program into a size."""
        from iree.compiler import ir

        if isinstance(expression, ir.AffineConstantExpr):
            return expression.value
        if isinstance(expression, ir.AffineSymbolExpr):
            return self.symbol(symbols[expression.position])
        left = self._evaluate(expression.lhs, symbols)
        right = self._evaluate(expression.rhs, symbols)
        if isinstance(expression, ir.AffineAddExpr):
            return left + right
        if isinstance(expression, ir.AffineMulExpr):
            return left * right
        if isinstance(expression, ir.AffineModExpr):
            return left % right
        if isinstance(expression, ir.AffineFloorDivExpr):
            return left // right
        return -(-left // right)


@frozen
class _BoundShape:
    results: list[Any]
    symbols: list[OpenSize]


def _bound_shape(value: Value) -> _BoundShape | None:
    """Read the `torch.bind_symbolic_shape` of a value, None if the program has none for it."""
    from iree.compiler.ir import AffineMapAttr

    for use in value.uses:
        op = use.owner.operation
        if op.name == "torch.bind_symbolic_shape" and use.operand_number == 0:
            affine_map: Any = AffineMapAttr(op.attributes["shape_expressions"]).value
            symbols = [_open_size(operand) for operand in list(op.operands)[1:]]
            return _BoundShape(list(affine_map.results), symbols)
    return None


def _open_size(value: Value) -> OpenSize:
    attributes: Any = value.owner.attributes
    least = attributes["min_val"].value
    # torch writes 2 as the least value of each size, because it treats 0 and 1 as special cases;
    # programs run at those sizes, too.
    return OpenSize(
        attributes["symbol_name"].value, 0 if least <= 2 else least, attributes["max_val"].value
    )


def example_choices(hints: Mapping[str, int], static: Iterable[int]) -> Iterator[Choose]:
    """Yield ways to choose representative values: all different, all equal, all a static size.

    Args:
        hints: the known representative values, by symbol.
        static: the static sizes of the call.
    """
    taken: set[int] = set(static)

    def in_range(size: OpenSize, example: int) -> int:
        return hints.get(size.name, min(max(example, size.least), size.most))

    chosen: dict[str, int] = {}

    def different(size: OpenSize) -> int:
        if size.name not in chosen:
            example = 6
            while example in taken:
                example += 4
            taken.add(example)
            chosen[size.name] = example
        return in_range(size, chosen[size.name])

    yield different
    for common in (_COMMON_EXAMPLE, *sorted(n for n in set(static) if n > 1)):
        yield lambda size, common=common: in_range(size, common)
