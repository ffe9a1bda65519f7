"""A loaded VMFB, which runs in IREE's VM and HAL, with one context per thread and device."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ir_runtime.device.instance import get_vm_instance, on_exit
from ir_runtime.errors import EntryPointError, LaunchError
from ir_runtime.fork_lock import fork_waits
from ir_runtime.launch.artifact.store import Artifact
from ir_runtime.launch.compile.program_record import WrittenOperands, stored_written_operands
from ir_runtime.launch.vm.link import Place, open_context
from ir_runtime.launch.vm.signature import Signature, signature_of

if TYPE_CHECKING:
    from iree.runtime import ParameterProvider, VmContext, VmFunction, VmModule

__all__ = ["VmProgram", "exports_of", "load_module"]

# Functions of IREE's HAL module that write a buffer without a dispatch. A VMFB contains the names
# of exactly the functions that it calls.
_TRANSFERS = (
    b"hal.command_buffer.copy_buffer",
    b"hal.command_buffer.fill_buffer",
    b"hal.command_buffer.update_buffer",
    b"hal.device.queue.copy",
    b"hal.device.queue.fill",
    b"hal.device.queue.update",
)


class _Contexts(threading.local):
    def __init__(self) -> None:
        self.by_uri: dict[str, tuple[VmContext, Any]] = {}


class VmProgram:
    """A compiled module, loaded; opens a context on each thread and device that runs it.

    Args:
        name: for messages.
        module: a loaded VM module.
        providers: parameter providers that it links against.
        label: the label of its artifact's key, None if it does not come from an artifact.
        transfers: whether it may write results by copies and fills.
        written: the operands that its functions overwrite as scratch memory; they get copies.
    """

    def __init__(
        self,
        name: str,
        module: VmModule,
        *,
        providers: Sequence[ParameterProvider] = (),
        label: str | None = None,
        transfers: bool = True,
        written: WrittenOperands | None = None,
    ) -> None:
        self.name = name
        self._written = written or {}
        self.module = module
        self.label = label
        self.transfers = transfers
        self._providers = tuple(providers)
        self._contexts = _Contexts()
        self._signatures: dict[str, Signature] = {}
        _programs.add(self)

    @classmethod
    def from_vmfb(
        cls,
        name: str,
        vmfb: bytes,
        *,
        providers: Sequence[ParameterProvider] = (),
        label: str | None = None,
        written: WrittenOperands | None = None,
    ) -> VmProgram:
        """Load a VMFB.

        Raises:
            LaunchError: the bytes are not a VMFB that this runtime can load.
        """
        transfers = any(function in vmfb for function in _TRANSFERS)
        module = load_module(name, vmfb)
        return cls(
            name, module, providers=providers, label=label, transfers=transfers, written=written
        )

    @classmethod
    def from_artifact(
        cls, artifact: Artifact, *, providers: Sequence[ParameterProvider] = ()
    ) -> VmProgram:
        """Load the VMFB of an artifact.

        Raises:
            LaunchError: this runtime cannot load it.
        """
        key, written = artifact.key, stored_written_operands(artifact)
        return cls.from_vmfb(
            key.name, artifact.vmfb, providers=providers, label=key.label, written=written
        )

    def keeps_operands(self, entry: str) -> bool:
        """Tell whether a function leaves all operand tensors unchanged."""
        return self._written.get(entry, ()) == ()

    def keeps_operand(self, entry: str, place: int) -> bool:
        """Tell whether a function leaves the operand tensor at `place` unchanged."""
        written = self._written.get(entry, ())
        return written is not None and place not in written

    def function(self, place: Place, entry: str) -> tuple[VmContext, VmFunction]:
        """Return the calling thread's context at `place`, and the entry function.

        Raises:
            EntryPointError: the program exports no such function.
            LinkError: a module that it needs, such as `io_parameters`, or a parameter is missing.
            DeviceError: it is compiled for more or other devices.
        """
        function = self.module.lookup_function(entry)
        if function is None:
            raise EntryPointError(
                f"{self.name}: no entry point {entry!r}, "
                f"must be one of {', '.join(exports_of(self.module))}"
            )
        cached = self._contexts.by_uri.get(place.instance_cache_key)
        if cached is None:
            cached = self._contexts.by_uri[place.instance_cache_key] = open_context(
                self.name, place, self.module, self._providers
            )
        return cached[0], function

    def signature(self, function: VmFunction, entry: str) -> Signature:
        """Return the arguments and results of the exported function `entry`.

        Raises:
            LaunchError: its calling convention is not known.
        """
        found = self._signatures.get(entry)
        if found is None:
            found = self._signatures[entry] = signature_of(function, entry)
        return found

    def close(self) -> None:
        """Release IREE's objects; the program cannot run after this."""
        self._contexts = _Contexts()
        del self.module


@fork_waits()
def load_module(name: str, vmfb: bytes) -> VmModule:
    """Load a VMFB.

    Raises:
        LaunchError: the bytes are not a VMFB that this runtime can load.
    """
    from iree.runtime import VmModule

    try:
        return VmModule.copy_buffer(get_vm_instance(), vmfb)
    except Exception as error:
        raise LaunchError(f"{name}: the VMFB does not load", facts=[str(error)]) from error


def exports_of(module: VmModule) -> list[str]:
    """Return the functions that a module offers to callers, sorted."""
    return sorted(name for name in module.function_names if not name.startswith("__"))


_programs: weakref.WeakSet[VmProgram] = weakref.WeakSet()


@on_exit
def _close_programs() -> None:
    for program in tuple(_programs):
        program.close()
