"""The objects that a value of a host function may be while it is read: numbers, buffers, fences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ir_runtime.frozen import frozen
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


@frozen
class Scalar:
    """A number; `position` in the program's values."""

    position: int


@frozen
class ElementType:
    """An MLIR element type, such as `f32`."""

    name: str


@frozen
class Buffer:
    """Memory from an offset on; `offset` is the position of a value."""

    memory: Memory
    offset: int


@frozen
class View:
    """A buffer with a shape: an argument, or one that the function made for a result."""

    buffer: Buffer
    made: TensorResult | None = None


@frozen
class HostBuffer:
    """Constant bytes in host memory."""

    data: bytes


@frozen
class Executable:
    """A loaded binary."""

    name: str
    variant: str


@frozen
class Function:
    """A function of an executable, by its indices in the program."""

    owner: Executable
    executable: int
    function: int


@dataclass(eq=False)
class Fence:
    """A fence; without `parts` it is ready once it is signalled, else once its parts are."""

    signalled: bool = False
    parts: Sequence[Fence] = ()

    @property
    def ready(self) -> bool:
        """Whether an earlier operation, in the order of the text, has signalled it."""
        return all(part.ready for part in self.parts) if self.parts else self.signalled


@dataclass(eq=False)
class Commands:
    """A command buffer: its recorded steps run at the place where it is executed."""

    steps: list[ProgramStep] = field(default_factory=list)
    finalized: bool = False
    executed: bool = False


@frozen
class Status:
    """The status of a wait, always success: all earlier steps have run by then."""


@frozen
class Device:
    """The one device."""


@frozen
class Ignored:
    """A value that only IREE's allocators use."""


@frozen
class NotUnderstood:
    """The result of an unknown operation without effects; nothing may use it."""

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
