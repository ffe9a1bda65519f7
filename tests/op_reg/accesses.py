"""One function that uses indices in each way that torch has, each of its own argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["ACCESSES", "ROWS", "SHIFT", "Access", "X", "every_access", "index_arguments"]

ROWS, COLUMNS, SHIFT = 4, 5, 1
X = torch.linspace(-1, 1, ROWS * COLUMNS).reshape(ROWS, COLUMNS)


@dataclass(frozen=True)
class Access:
    """A use of an index.

    Attributes:
        id: the argument.
        compute: takes the tensor and the index.
        size: of what is indexed.
        wraps: whether torch counts negative indices from the end.
        shape: of the index.
        dtype: likewise.
    """

    id: str
    compute: Callable[[Tensor, Tensor], Tensor]
    size: int = ROWS
    wraps: bool = False
    shape: tuple[int, ...] = (2,)
    dtype: torch.dtype = torch.int64

    def legal(self) -> Tensor:
        return (
            torch.arange(torch.Size(self.shape).numel(), dtype=self.dtype).reshape(self.shape) % 2
        )


def _set(x: Tensor, i: Tensor) -> Tensor:
    y = x.clone()
    y[i] = 3.0
    return y


ELEMENTS = (2, COLUMNS)
ACCESSES = [
    Access("embedding", lambda x, i: F.embedding(i, x)),
    Access("embedding_i32", lambda x, i: F.embedding(i, x), dtype=torch.int32),
    Access("computed", lambda x, i: F.embedding(i + SHIFT, x), size=ROWS - SHIFT),
    Access("gather", lambda x, i: x.gather(0, i), shape=ELEMENTS),
    Access("gather_columns", lambda x, i: x.gather(-1, i), size=COLUMNS, shape=ELEMENTS),
    Access("index_select", lambda x, i: x.index_select(1, i), size=COLUMNS),
    Access("index_add", lambda x, i: x.index_add(0, i, x[:2])),
    Access("index_copy", lambda x, i: x.index_copy(0, i, x[:2])),
    Access("index_fill", lambda x, i: x.index_fill(0, i, 1.0), wraps=True),
    Access("take", lambda x, i: x.take(i), size=ROWS * COLUMNS, wraps=True),
    Access("scatter", lambda x, i: x.scatter(0, i, x[:2]), shape=ELEMENTS),
    Access("scatter_value", lambda x, i: x.scatter(0, i, 2.0), shape=ELEMENTS),
    Access("scatter_add", lambda x, i: x.scatter_add(0, i, x[:2]), shape=ELEMENTS),
    Access("scatter_max", lambda x, i: x.scatter_reduce(0, i, x[:2], "amax"), shape=ELEMENTS),
    Access("index", lambda x, i: x[i], wraps=True),
    Access("index_columns", lambda x, i: x[:, i], size=COLUMNS, wraps=True),
    Access("index_both", lambda x, i: x[i, i], wraps=True),
    Access("index_put", lambda x, i: x.index_put((i,), x[0]), wraps=True),
    Access("index_put_sum", lambda x, i: x.index_put((i,), x[0], accumulate=True), wraps=True),
    Access("assigned", _set, wraps=True),
    Access("number", lambda x, i: x[i.item()], wraps=True, shape=()),
    Access("one_hot", lambda x, i: F.one_hot(i, 3) + x[0, 0], size=3),
]


def every_access(x: Tensor, *indices: Tensor) -> Tensor:
    """Compute each access of its own argument, and put the results into a line."""
    results = [a.compute(x, i) for a, i in zip(ACCESSES, indices, strict=True)]
    return torch.cat([result.reshape(-1) for result in results])


def index_arguments(**changed: Any) -> tuple[Tensor, ...]:
    """Return legal arguments, but for one whose last index is another number."""
    found = [access.legal() for access in ACCESSES]
    for i, access in enumerate(ACCESSES):
        if access.id in changed:
            found[i].view(-1)[-1] = changed[access.id]
    return X, *found
