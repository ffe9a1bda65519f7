import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, final

import torch
from torch import Tensor

_Binding: TypeAlias = tuple[int, int, int]
_Grid: TypeAlias = tuple[int, int, int]
_Dispatch: TypeAlias = tuple[str, int, int, _Grid, tuple[int, ...], tuple[_Binding, ...]]
_Fill: TypeAlias = tuple[str, _Binding, bytes]
_Copy: TypeAlias = tuple[str, _Binding, _Binding]
_Export: TypeAlias = tuple[str, _Grid, int, int, int]
_Failure: TypeAlias = Callable[[str, int, str, str, int, int, str | None, int], bool]
_Results: TypeAlias = Sequence[tuple[Sequence[int], torch.dtype]]

REFUSALS: dict[int, str]

def set_parallel_bytes(size: int, /) -> int: ...
def transient_bytes() -> int: ...
def has_pool() -> bool: ...
def take_copies() -> int: ...
def needs_grad(*values: Any) -> bool: ...
def use_gpu_memory(exchange: Any, allocate: Any, /) -> tuple[Any, Any]: ...

@final
class Executable:
    @property
    def name(self) -> str: ...
    @property
    def functions(self) -> tuple[str, ...]: ...
    def __new__(cls, name: str, elf: bytes) -> Executable: ...

@final
class GpuDriver:
    @property
    def kind(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def device_type(self) -> int: ...
    @property
    def version(self) -> int: ...
    def __new__(cls, kind: str, path: str) -> GpuDriver: ...

@final
class GpuExecutable:
    @property
    def name(self) -> str: ...
    @property
    def functions(self) -> tuple[str, ...]: ...
    def __new__(
        cls, driver: GpuDriver, name: str, image: bytes, functions: Sequence[_Export]
    ) -> GpuExecutable: ...
    def use_image(self, device: int, image: bytes, /) -> None: ...
    def is_loaded(self, device: int, /) -> bool: ...

@final
class Plan:
    used: bool
    @property
    def device_type(self) -> int: ...
    @property
    def touched_bytes(self) -> int: ...
    @property
    def transient_bytes(self) -> int: ...
    @property
    def changed_count(self) -> int: ...
    def __new__(
        cls,
        executables: Sequence[Executable | GpuExecutable],
        operand_count: int,
        result_count: int,
        minimum_sizes: Sequence[int],
        transients: Sequence[int],
        steps: Sequence[_Dispatch | _Fill | _Copy],
        touched_bytes: int,
        constants: Sequence[bytes | memoryview | tuple[int, int]] = (),
        report_rows: int = 0,
        report_fault: Callable[[Any], None] | None = None,
        changed: Sequence[int] = (),
        copies: int = 0,
        checked_at: int = ...,
        driver: GpuDriver | None = None,
        failure: _Failure | None = None,
        place: Callable[[int, int, bool], int] | None = None,
        patched: tuple[tuple[int, int], ...] = (),
    ) -> Plan: ...
    def run(self, operands: Sequence[Tensor], results: Sequence[Tensor], /) -> int: ...

@final
class Call:
    @property
    def remembered(self) -> int: ...
    @property
    def hits(self) -> int: ...
    def __new__(
        cls,
        slow: Callable[..., Any],
        *,
        takes_keyset: bool,
        plain_keyset: int,
        set_devices: list[Any],
        parameters: Sequence[str],
        positional: int,
        defaults: dict[str, Any],
        check: Callable[..., Any] | None = None,
        eager: Callable[..., Any] | None = None,
        outs: Sequence[str] = (),
        capacity: int = 16,
        asked: int = -1,
        autocast: dict[str, torch.dtype] | None = None,
        peers: Sequence[Call] = (),
        is_told: bool = False,
        returned: int = -1,
        device_type: int = 1,
    ) -> Call: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def remember(
        self,
        args: Sequence[Any],
        plan: Plan,
        operands: Sequence[int],
        results: _Results,
        alike: tuple[int, int, int] | None = None,
    ) -> bool: ...
    def clear(self, capacity: int = ..., /) -> None: ...
    def why_refused(self, *args: Any, **kwargs: Any) -> int: ...

@final
class Choice:
    threads: int
    asks_again: int
    @property
    def remembered(self) -> int: ...
    @property
    def hits(self) -> int: ...
    def __new__(
        cls,
        otherwise: Callable[..., Any],
        *,
        kinds: str,
        not_plain: Any,
        not_taken: type[Exception],
        levels: Mapping[int, bool],
        set_devices: list[Any],
        capacity: int = 16,
        results: int = 0,
    ) -> Choice: ...
    def plain(self, *values: Any) -> Any: ...
    def unobserved(self, *values: Any) -> Any: ...
    def keyed(self, *values: Any) -> Any: ...
    def below(self, *values: Any) -> Any: ...
    def remember(
        self,
        args: tuple[Any, ...],
        details: str,
        instead: Callable[..., Any],
        *,
        skips: bool = False,
        declines: bool = False,
    ) -> bool: ...
    def clear(self, capacity: int = ..., /) -> None: ...

@final
class BoundCall:
    __name__: str
    __qualname__: str
    __signature__: inspect.Signature
    @property
    def __text_signature__(self) -> str | None: ...
    @property
    def name(self) -> str: ...
    def __new__(
        cls,
        name: str,
        args: Sequence[Any],
        plan: Plan,
        operands: Sequence[int],
        results: _Results,
        signature: inspect.Signature | None = None,
    ) -> BoundCall: ...
    def __call__(self, *args: Any) -> Any: ...
