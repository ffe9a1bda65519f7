"""A program as MLIR, and how its artifacts are obtained for targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ir_runtime.device import Target
from ir_runtime.device.driver_table import host_flags_for
from ir_runtime.frozen import frozen
from ir_runtime.launch.artifact.key import KernelKey
from ir_runtime.launch.artifact.store import Artifact, Store
from ir_runtime.launch.compile.build import obtain_artifact, program_key
from ir_runtime.launch.loaded_program import LoadedProgram

if TYPE_CHECKING:
    from iree.runtime import ParameterProvider

__all__ = ["ProgramSource"]


@frozen
class ProgramSource:
    """A program that can be compiled for any target.

    Attributes:
        name: its name in messages and in the store.
        text: MLIR as text or bytecode.
        store: where its artifacts are kept.
        flags: compiler flags beyond those of the target.
        entry: the exported function, None for the default one.
    """

    name: str
    text: bytes
    store: Store
    flags: tuple[str, ...]
    entry: str | None

    def obtain(self, target: Target, weaker: Sequence[Target] = ()) -> Artifact:
        """Return the artifact for a target: stored, or stored for a weaker one, or compiled."""
        return obtain_artifact(
            self.store,
            self._key(target),
            target.flags,
            lambda: self.text,
            lambda: map(self._key, weaker),
        )

    def load(
        self, targets: Sequence[Target], providers: Sequence[ParameterProvider]
    ) -> LoadedProgram:
        """Return the program for the best of some targets that is stored, else for the first."""
        best, *weaker = targets
        return LoadedProgram(
            self.name,
            artifact=self.obtain(best, weaker),
            wanted_type=best.device_type,
            entry=self.entry,
            providers=providers,
        )

    def _key(self, target: Target) -> KernelKey:
        every = (*host_flags_for(target), *self.flags)
        return program_key(self.name, self.text, target.device_type, every, self.entry)
