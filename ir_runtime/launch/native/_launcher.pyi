from collections.abc import Sequence
from typing import TypeAlias, final

from torch import Tensor

REFUSALS: dict[int, str]

def set_parallel_bytes(size: int, /) -> int: ...
def transient_bytes() -> int: ...
def has_pool() -> bool: ...

@final
class Executable:
    name: str
    functions: tuple[str, ...]
    def __new__(cls, name: str, elf: bytes) -> Executable: ...

_Binding: TypeAlias = tuple[int, int, int]
_Dispatch: TypeAlias = tuple[
    str, int, int, tuple[int, int, int], tuple[int, ...], tuple[_Binding, ...]
]
_Fill: TypeAlias = tuple[str, _Binding, bytes]
_Copy: TypeAlias = tuple[str, _Binding, _Binding]

@final
class Plan:
    touched_bytes: int
    transient_bytes: int
    def __new__(
        cls,
        executables: Sequence[Executable],
        operand_count: int,
        result_count: int,
        minimum_sizes: Sequence[int],
        transients: Sequence[int],
        steps: Sequence[_Dispatch | _Fill | _Copy],
        touched_bytes: int,
        constants: Sequence[bytes] = (),
    ) -> Plan: ...
    def run(self, operands: Sequence[Tensor], results: Sequence[Tensor], /) -> int: ...
