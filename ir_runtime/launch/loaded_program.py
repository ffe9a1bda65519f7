"""A program that is loaded for one device type, by each executor before its first run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from ir_runtime.device import Device
from ir_runtime.errors import EntryPointError
from ir_runtime.fork_lock import cached_property, fork_safe_lock, fork_waits
from ir_runtime.frozen import frozen
from ir_runtime.late_import import late_module
from ir_runtime.launch.artifact.store import Artifact
from ir_runtime.launch.compile.program_record import (
    DEFAULT_ENTRIES,
    changes_operands,
    stored_entry,
)
from ir_runtime.launch.direct.direct_program import DirectProgram, load_direct
from ir_runtime.launch.operand.index_fault import REFLECTION, IndexReport
from ir_runtime.launch.operand.mutation import changed_arguments
from ir_runtime.launch.vm.loaded_global import load_globals
from ir_runtime.launch.vm.vm_program import VmProgram, exports_of

if TYPE_CHECKING:
    from iree.runtime import ParameterProvider, VmModule

    from ir_runtime.launch.direct import gpu_launch
else:
    gpu_launch = late_module("ir_runtime.launch.direct.gpu_launch")

__all__ = ["DirectEntry", "LoadedProgram", "entry_of"]


@frozen
class DirectEntry:
    """The entry function of a program that can be launched directly.

    Attributes:
        program: its host program, with the executables loaded.
        changed: the arguments that its first results are written to.
        report: the index report in its last result, None if it has none.
    """

    program: DirectProgram
    changed: tuple[int, ...]
    report: IndexReport | None


class LoadedProgram:
    """An artifact, or a VM module of the caller; each executor loads it before its first run.

    Args:
        name: for messages.
        artifact: from the store or the compiler; None for a module of the caller.
        wanted_type: the device type that was looked for first; "" without an artifact.
        module: a loaded VM module, if there is no artifact.
        entry: the exported function; None for the default one.
        providers: parameter providers that it links against.

    Attributes:
        label: the label of its key, None without an artifact.
    """

    def __init__(
        self,
        name: str,
        *,
        artifact: Artifact | None = None,
        wanted_type: str = "",
        module: VmModule | None = None,
        entry: str | None = None,
        providers: Sequence[ParameterProvider] = (),
    ) -> None:
        self.name = name
        self.label = None if artifact is None else artifact.key.label
        self.artifact = artifact
        self.wanted_type = wanted_type
        self._module = module
        self._entry = entry
        self._providers = tuple(providers)
        self._lock = fork_safe_lock()

    @property
    def vm(self) -> tuple[VmProgram, str]:
        """The program for IREE's VM, and the name of its entry function.

        Raises:
            EntryPointError: it exports no such function.
            LaunchError: this runtime cannot load it.
        """
        with self._lock:
            return self._vm

    @property
    def direct(self) -> DirectEntry | str:
        """The entry function for the executor `direct`, or the reason why there is none."""
        with self._lock:
            return self._direct

    @cached_property
    def _vm(self) -> tuple[VmProgram, str]:
        if self.artifact is None:
            assert self._module is not None
            program = VmProgram(self.name, self._module, providers=self._providers)
        else:
            program = VmProgram.from_artifact(self.artifact, providers=self._providers)
        return program, entry_of(self.name, program.module, self._entry)

    @cached_property
    def _direct(self) -> DirectEntry | str:
        artifact = self.artifact
        if artifact is None:
            return "it is a VM module of the caller, without a host program"
        if changes_operands(artifact.source):
            return "it changes its operands on purpose"
        with fork_waits():
            if artifact.key.device_type.startswith("local:"):
                loaded = load_direct(artifact, self._load_globals, has_report=False)
            else:
                loaded = gpu_launch.load_gpu_direct(artifact, has_report=False)
        if isinstance(loaded, str):
            return loaded
        stored = stored_entry(artifact)
        if stored is None:
            return "its stored host program does not say of which function it is"
        entry, reflection = stored
        if self._entry not in (None, entry):
            return f"its stored host program is of the function {entry}"
        program = loaded.program
        if program.destinations:
            return "it takes tensors for its results among its arguments"
        arguments, results = len(program.arguments), len(program.results)
        told = reflection.get(REFLECTION)
        return DirectEntry(
            loaded,
            changed_arguments(entry, reflection, arguments, results),
            None if told is None else IndexReport.from_text(told),
        )

    def _load_globals(self) -> list[Tensor]:
        return load_globals(self._vm[0], Device("local-sync"))


def entry_of(name: str, module: VmModule, wanted: str | None) -> str:
    """Return the entry function of a module: `wanted`, or `main$async`, or `main`.

    Raises:
        EntryPointError: the module exports no such function.
    """
    exports = exports_of(module)
    choices = DEFAULT_ENTRIES if wanted is None else (wanted,)
    for entry in choices:
        if entry in exports:
            return entry
    listed = f"must be one of {', '.join(exports)}" if exports else "and it exports no function"
    raise EntryPointError(f"{name}: no entry point {' or '.join(map(repr, choices))}, {listed}")
