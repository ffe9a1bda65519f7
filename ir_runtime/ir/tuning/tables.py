"""The tuned tables that this process reads: which ranking holds for a call, and why none does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ir_runtime.errors import StoreError
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.frozen import frozen
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.log import logger, warn_once
from ir_runtime.ir.op_facts import OpFacts
from ir_runtime.ir.tuning.ranking import Ranking
from ir_runtime.ir.tuning.shape_class import device_type_of, shape_class
from ir_runtime.ir.tuning.table import OpRankings, Table, TableIdentity, provider_digest
from ir_runtime.ir.tuning.table_file import (
    DIRECTORY,
    Signature,
    change_table,
    read_table,
    signature_of,
    table_files,
)
from ir_runtime.launch.artifact.key import digest_of
from ir_runtime.settings import Settings, current_settings, on_change

__all__ = ["Found", "Tables", "describe_tables", "tables", "wanted_variants", "why_unused"]

_READ_AGAIN_S = 1.0
"""The files are looked at again after this time at the earliest."""

Listener = Callable[[str | None], None]
"""Called after a change of tables, with the op that it concerns, None for all."""


@frozen
class Found:
    """The ranking of a call in the tables.

    Attributes:
        ranking: what was measured; None if nothing was that holds here.
        shape_class: the class of the call, None if it has none.
        reason: where the ranking is from, or why there is none; "" if there is no table.
    """

    ranking: Ranking | None = None
    shape_class: str | None = None
    reason: str = ""


@frozen
class _Read:
    """The tables for one device type, the first one asked first, and complaints about files."""

    tables: tuple[tuple[Path, Table], ...]
    unused: tuple[str, ...]
    signatures: Mapping[Path, Signature]


class Tables:
    """The tables in force, by device type: the pinned one, or those of the store and base stores.

    Files are read when a call that is not remembered first asks, and again when they changed, which
    is looked at once a second at most.

    Args:
        clock: seconds that never go back; for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = fork_safe_lock()
        self._read: dict[str, _Read] = {}
        self._unsaved: dict[tuple[Path, str], Table] = {}  # by store and device type
        self._digests: dict[tuple[str, str], tuple[Any, str]] = {}
        self._listeners: list[Listener] = []
        self._looked_s = clock()
        self._active: bool | None = None

    @property
    def active(self) -> bool:
        """Whether there is a table, or a call may be measured: else nothing need be asked."""
        if self._active is None:
            self._active = self._find_active()
        return self._active

    def _find_active(self) -> bool:
        settings = current_settings()
        if settings.tune != "off" or settings.tuned_table is not None:
            return True
        if any(root == settings.store for root, _ in self._unsaved):
            return True
        return any((root / DIRECTORY).is_dir() for root in _roots(settings))

    def on_change(self, listener: Listener) -> Listener:
        """Call `listener(op)` after each change; a decorator."""
        self._listeners.append(listener)
        return listener

    def poll(self) -> None:
        """Look whether files changed, if that was not done within a second."""
        now = self._clock()
        if now - self._looked_s < _READ_AGAIN_S:
            return
        self._looked_s = now
        changed = self._active is False and self._find_active()
        for read in tuple(self._read.values()):
            changed = changed or any(signature_of(p) != s for p, s in read.signatures.items())
        if changed:
            self.forget()

    def forget(self, op: str | None = None) -> None:
        """Read the files again when they are next asked for; tell the listeners."""
        with self._lock:
            self._read.clear()
            self._active = None
        for listener in self._listeners:
            listener(op)

    def find(self, op: OpFacts[IrOpImpl], values: Sequence[Any], *, traced: bool = False) -> Found:
        """Return what the tables say of a call, given all its arguments.

        Args:
            op: the op.
            values: all arguments.
            traced: whether fake tensors count as plain ones, as in a graph that is being compiled.
        """
        if not self.active:
            return Found()
        name = shape_class(op, values, traced=traced)
        device_type = None if name is None else device_type_of(values)
        if name is None or device_type is None:
            return Found(reason="the call has no class: a tensor is not a plain one")
        read = self._of_device_type(device_type)
        reason = "; ".join(read.unused)
        for path, table in read.tables:
            rankings = table.ops.get(op.name)
            ranking = None if rankings is None else rankings.classes.get(name)
            if rankings is None or ranking is None:
                continue
            changed = rankings.changed_provider(ranking, self._digests_of(op, ranking))
            if changed is None:
                return Found(ranking, name, f"{path}")
            reason = f"{path}: measured with other code of provider {changed}"
        if not reason and read.tables:
            reason = "not measured"
        return Found(None, name, reason)

    def rankings(self, op: OpFacts[IrOpImpl], values: Sequence[Any]) -> list[Found]:
        """Return all rankings of an op that hold on the device of a call, for any class of calls.

        Args:
            op: the op.
            values: all arguments; only their device counts.
        """
        device_type = device_type_of(values) if self.active else None
        if device_type is None:
            return []
        return [
            Found(ranking, name)
            for _, table in self._of_device_type(device_type).tables
            if (rankings := table.ops.get(op.name)) is not None
            for name, ranking in rankings.classes.items()
            if rankings.changed_provider(ranking, self._digests_of(op, ranking)) is None
        ]

    def digest(self) -> str:
        """Digest what all tables in force for this CPU say; "" if there is none."""
        device_type = device_type_of(()) if self.active else None
        if device_type is None:
            return ""
        read = self._of_device_type(device_type)
        return digest_of(*(table.to_bytes() for _, table in read.tables)) if read.tables else ""

    def _digests_of(self, op: OpFacts[IrOpImpl], ranking: Ranking) -> dict[str, str]:
        digests: dict[str, str] = {}
        for name in ranking.providers:
            impl = op.impls.get(name)
            if impl is None:
                continue
            known = self._digests.get((op.name, name))
            if known is None or known[0] is not impl:
                known = (impl, provider_digest(impl))
                self._digests[op.name, name] = known
            digests[name] = known[1]
        return digests

    def record(self, op: OpFacts[IrOpImpl], values: Sequence[Any], ranking: Ranking) -> Path | None:
        """Add what was measured for a call to the table of the store.

        Returns:
            The file; None if it cannot be written: the ranking then holds in this process alone.
        """
        name, device_type = shape_class(op, values), device_type_of(values)
        assert name is not None, "measured a call without a class"
        assert device_type is not None, "measured a call without a device type"
        identity = TableIdentity.of_device_type(device_type)
        code = self._digests_of(op, ranking)
        newer = Table(identity, {op.name: OpRankings(code, {name: ranking})})
        root = current_settings().store
        path = root / DIRECTORY / identity.file_name
        try:
            change_table(root, identity, lambda table: table.merged(newer))
        except StoreError as error:
            warn_once(f"tuned {root}", f"{error}\n  the table is kept in this process alone")
            with self._lock:
                before = self._unsaved.get((root, device_type), Table(identity))
                self._unsaved[root, device_type] = before.merged(newer)
            path = None
        self.forget(op.name)
        return path

    def _of_device_type(self, device_type: str) -> _Read:
        with self._lock:
            read = self._read.get(device_type)
            if read is None:
                read = self._read[device_type] = self._load(device_type)
                for complaint in read.unused:
                    warn_once(f"tuned {complaint}", complaint)
        return read

    def _load(self, device_type: str) -> _Read:
        identity = TableIdentity.of_device_type(device_type)
        settings = current_settings()
        found: list[tuple[Path, Table]] = []
        unused: list[str] = []
        paths = [root / DIRECTORY / identity.file_name for root in _roots(settings)]
        pinned = settings.tuned_table
        if pinned is not None:
            paths = [pinned]
        elif (settings.store, device_type) in self._unsaved:
            found.append((Path("memory"), self._unsaved[settings.store, device_type]))
        signatures = {path: signature_of(path) for path in paths}
        for path in paths:
            try:
                table = read_table(path, own=pinned is None)
            except StoreError as error:
                unused.append(f"{error.headline}: {', '.join(error.facts)}")
                continue
            why = why_unused(path, table, identity, pinned=pinned is not None)
            if why:
                unused.append(why)
            elif table is not None:
                found.append((path, table))
        if pinned is None and not found and not unused:
            _log_others(settings, identity)
        return _Read(tuple(found), tuple(unused), signatures)


def why_unused(
    path: Path, table: Table | None, identity: TableIdentity, *, pinned: bool
) -> str | None:
    """Say why a table does not hold for what has an identity; None if it does."""
    if table is None:
        return f"tuned table {path}: there is no such file" if pinned else None
    differences = identity.differences(table.identity)
    if not differences:
        return None
    return f"tuned table {path}: not used, it is for another machine or version: " + "; ".join(
        differences
    )


def describe_tables(settings: Settings) -> dict[str, str]:
    """Return the files of tables that settings name, and what each holds or why it is unused.

    None are returned if `IR_RUNTIME_CPU` names no CPU whose code runs here.
    """
    device_type = device_type_of(())
    if device_type is None:
        return {}
    identity = TableIdentity.of_device_type(device_type)
    pinned = settings.tuned_table
    paths = [path for root in _roots(settings) for path in table_files(root)]
    described: dict[str, str] = {}
    for path in paths if pinned is None else [pinned]:
        try:
            table = read_table(path, own=pinned is None)
        except StoreError as error:
            described[str(path)] = f"not used: {', '.join(error.facts)}"
            continue
        differences = () if table is None else identity.differences(table.identity)
        if table is None:
            described[str(path)] = "not used: there is no such file"
        elif differences:
            described[str(path)] = f"for another machine or version: {'; '.join(differences)}"
        else:
            described[str(path)] = f"{len(table.rows())} rankings of {len(table.ops)} ops"
    return described


def _log_others(settings: Settings, identity: TableIdentity) -> None:
    others = [path.name for root in _roots(settings) for path in table_files(root)]
    if others:
        logger.info(
            "tuned tables %s: not used, each is for another machine or version than %s",
            ", ".join(others),
            identity.file_name,
        )


def _roots(settings: Settings) -> tuple[Path, ...]:
    return (settings.store, *settings.base_stores)


tables = Tables()
"""The tables of this process."""


def wanted_variants(op: OpFacts[IrOpImpl], values: Sequence[Any]) -> Mapping[str, str]:
    """Return the fastest measured form of an op's kernel for such calls; {} without one."""
    ranking = tables.find(op, values).ranking
    return {} if ranking is None else ranking.variants("iree")


@on_change
def _follow(before: Settings, now: Settings) -> None:
    names = ("store", "base_stores", "tune", "tuned_table")
    if any(getattr(before, name) != getattr(now, name) for name in names):
        tables.forget()
