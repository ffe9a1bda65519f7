"""What can a value of a host function be?  Numbers, buffers, fences and the like, while reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ir_runtime.launch.host_program.program import ProgramStep, TensorResult
from ir_runtime.launch.host_program.program_builder import Memory

__all__ = [
    "Buffer",
    "Commands",
    "Device",
    "ElementType",
    "Executable",
    "Fence",
    "Function",
    "HostBuffer",
    "HostObject",
    "Ignored",
    "NotUnderstood",
    "Scalar",
    "Status",
    "View",
]


@dataclass(frozen=True)
class Scalar:
    """A number; `position` in the program's values."""

    position: int


@dataclass(frozen=True)
class ElementType:
    """An MLIR element type, such as `f32`."""

    name: str


@dataclass(frozen=True)
class Buffer:
    """Memory from an offset on, the position of a value."""

    memory: Memory
    offset: int


@dataclass(frozen=True)
class View:
    """A buffer with a shape: an argument, or one that the function made for a result."""

    buffer: Buffer
    made: TensorResult | None = None


@dataclass(frozen=True)
class HostBuffer:
    """Constant bytes in host memory."""

    data: bytes


@dataclass(frozen=True)
class Executable:
    """A loaded binary."""

    name: str
    variant: str


@dataclass(frozen=True)
class Function:
    """A function of an executable, by its indices in the program."""

    owner: Executable
    executable: int
    function: int


@dataclass(eq=False)
class Fence:
    """Something to wait for; without `parts` it is ready when something has signalled it."""

    signalled: bool = False
    parts: Sequence[Fence] = ()

    @property
    def ready(self) -> bool:
        """Whether all that comes before it has run, in the order of the text."""
        return all(part.ready for part in self.parts) if self.parts else self.signalled


@dataclass(eq=False)
class Commands:
    """A command buffer: what is recorded runs where it is executed."""

    steps: list[ProgramStep] = field(default_factory=list)
    finalized: bool = False
    executed: bool = False


@dataclass(frozen=True)
class Status:
    """Whether a wait succeeded: with nothing to wait for it does."""


@dataclass(frozen=True)
class Device:
    """The one device."""


@dataclass(frozen=True)
class Ignored:
    """What matters to IREE's allocators only."""


@dataclass(frozen=True)
class NotUnderstood:
    """The result of an operation without effects that is unknown here; nothing may use it."""

    op: str


HostObject = (
    Scalar
    | ElementType
    | Buffer
    | View
    | HostBuffer
    | Executable
    | Function
    | Fence
    | Commands
    | Status
    | Device
    | Ignored
    | NotUnderstood
)
