"""MLIR on vectors that computes the places of elements in a table of several dimensions.

`gather` indexes one dimension; in the others, an element of the index uses its own coordinates. The
lanes of a vector start with their coordinates in the index. Each step adds the vector's length,
written as a number with the sizes of the index as bases of its digits. So at most one is carried
into each coordinate.
"""

from __future__ import annotations

from ir_runtime.frozen import frozen

__all__ = ["Places", "line_places", "table_places"]


@frozen
class Places:
    """MLIR for the parts of a read that depend on the rank of its table.

    Attributes:
        sizes: lines before the dispatch; they define its additional operands.
        operands: the additional operands, of type `i64`.
        start: lines before the loop over the vectors of a block.
        carried: the values that the loop carries from vector to vector, each with its first value.
        place: lines that compute `%place` from the index `%in`.
        advance: lines that compute `<carried>_next`.
    """

    sizes: str = ""
    operands: tuple[str, ...] = ()
    start: str = ""
    carried: tuple[tuple[str, str], ...] = ()
    place: str = ""
    advance: str = ""


def line_places() -> Places:
    """Return the places in a table of one dimension: the indices."""
    return Places(place="      %place = arith.addi %in, %zeros : !wide")


def table_places(table: str, index: str, rank: int, dim: int) -> Places:
    """Return the places in a table of several dimensions.

    Args:
        table: type of the table `%table`.
        index: type of the index `%index`, which has the same rank.
        rank: the rank of both, at least 2.
        dim: the indexed dimension.
    """
    sizes = tuple(f"%size_{i}" for i in range(rank))
    strides = tuple(f"%stride_{i}" for i in range(rank - 1))
    coordinates = tuple((f"%c_{i}", f"%start_{i}") for i in range(rank))
    return Places(
        sizes=_sizes(table, index, rank),
        operands=(*sizes, *strides),
        start=_start(rank),
        carried=coordinates,
        place=_place(rank, dim),
        advance=_advance(rank),
    )


def _sizes(table: str, index: str, rank: int) -> str:
    lines: list[str] = []
    for i in range(rank):
        lines += [
            f"%at_{i} = arith.constant {i} : index",
            f"%index_size_{i} = tensor.dim %index, %at_{i} : {index}",
            f"%size_{i} = arith.index_cast %index_size_{i} : index to i64",
            f"%table_size_{i} = tensor.dim %table, %at_{i} : {table}",
            f"%table_i64_{i} = arith.index_cast %table_size_{i} : index to i64",
        ]
    lines.append(f"%stride_{rank - 2} = arith.addi %table_i64_{rank - 1}, %none : i64")
    lines += [
        f"%stride_{i} = arith.muli %table_i64_{i + 1}, %stride_{i + 1} : i64"
        for i in reversed(range(rank - 2))
    ]
    return _indented(lines, 2)


def _start(rank: int) -> str:
    """Divide the number of each lane's element, and a vector's length, by the sizes in turn."""
    lines = [
        "%lane_index = vector.step : !lanes",
        "%lane = arith.index_cast %lane_index : !lanes to !wide",
        "%begin_i64 = arith.index_cast %begin : index to i64",
        "%begins = vector.broadcast %begin_i64 : i64 to !wide",
        f"%left_{rank - 1} = arith.addi %begins, %lane : !wide",
        "%steps_i64 = arith.index_cast %k_lanes : index to i64",
        f"%steps_{rank - 1} = vector.broadcast %steps_i64 : i64 to !wide",
        "%ones = vector.broadcast %one : i64 to !wide",
        "%entry_i64 = arith.index_cast %entry_n : index to i64",
        "%last_place = arith.subi %entry_i64, %one : i64",
        "%last_places = vector.broadcast %last_place : i64 to !wide",
    ]
    lines += [
        f"%strides_{i} = vector.broadcast %stride_{i}_in : i64 to !wide" for i in range(rank - 1)
    ]
    for i in reversed(range(1, rank)):
        lines += [
            f"%sizes_{i} = vector.broadcast %size_{i}_in : i64 to !wide",
            f"%start_{i} = arith.remui %left_{i}, %sizes_{i} : !wide",
            f"%left_{i - 1} = arith.divui %left_{i}, %sizes_{i} : !wide",
            f"%digit_{i} = arith.remui %steps_{i}, %sizes_{i} : !wide",
            f"%steps_{i - 1} = arith.divui %steps_{i}, %sizes_{i} : !wide",
        ]
    lines += [
        "%start_0 = arith.addi %left_0, %zeros : !wide",
        "%digit_0 = arith.addi %steps_0, %zeros : !wide",
    ]
    return _indented(lines, 4)


def _place(rank: int, dim: int) -> str:
    lines: list[str] = []
    terms: list[str] = []
    for i in range(rank):
        coordinate = "%in" if i == dim else f"%c_{i}"
        terms.append(coordinate if i == rank - 1 else f"%term_{i}")
        if i < rank - 1:
            lines.append(f"%term_{i} = arith.muli {coordinate}, %strides_{i} : !wide")
    total = terms[0]
    for i, term in enumerate(terms[1:]):
        lines.append(f"%sum_{i} = arith.addi {total}, {term} : !wide")
        total = f"%sum_{i}"
    # Lanes after the last index have no valid coordinates: clamp their places.
    lines.append(f"%place = arith.minui {total}, %last_places : !wide")
    return _indented(lines, 6)


def _advance(rank: int) -> str:
    lines: list[str] = []
    for i in reversed(range(rank)):
        moved = f"%moved_{i}"
        lines.append(f"{moved} = arith.addi %c_{i}, %digit_{i} : !wide")
        if i < rank - 1:
            lines += [
                f"%carry_{i} = arith.select %over_{i + 1}, %ones, %zeros : !mask, !wide",
                f"%carried_{i} = arith.addi {moved}, %carry_{i} : !wide",
            ]
            moved = f"%carried_{i}"
        if i == 0:
            lines.append(f"%c_0_next = arith.addi {moved}, %zeros : !wide")
        else:
            lines += [
                f"%over_{i} = arith.cmpi uge, {moved}, %sizes_{i} : !wide",
                f"%taken_{i} = arith.select %over_{i}, %sizes_{i}, %zeros : !mask, !wide",
                f"%c_{i}_next = arith.subi {moved}, %taken_{i} : !wide",
            ]
    return _indented(lines, 6)


def _indented(lines: list[str], by: int) -> str:
    return "\n".join(" " * by + line for line in lines)
