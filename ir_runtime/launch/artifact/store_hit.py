"""The record of a store hit in counters, log and trace."""

from __future__ import annotations

import logging
from typing import Any

from ir_runtime.counters import add_count
from ir_runtime.device.target_name import type_name
from ir_runtime.launch.artifact.key import KernelKey
from ir_runtime.launch.artifact.store import Artifact, Store
from ir_runtime.tracing import record_event

__all__ = ["event_fields", "note_store_hit"]

_log = logging.getLogger("ir_runtime.build")


def note_store_hit(
    store: Store, artifact: Artifact, started_ns: int, wanted_type: str | None = None
) -> None:
    """Count, log and trace that an artifact came from a store.

    Args:
        store: the store that had it.
        artifact: the artifact.
        started_ns: start of the read, by `time.perf_counter_ns`.
        wanted_type: the device type that was looked for first; None for that of the artifact.
    """
    key = artifact.key
    add_count("store_hits")
    _log.debug("loaded %s from %r", key.label, store)
    fields = event_fields(key) | {"store": repr(store), "vmfb_bytes": len(artifact.vmfb)}
    if wanted_type not in (None, key.device_type):
        add_count("weaker_hits")
        wanted = type_name(wanted_type)
        _log.info("%s: none for %s is stored, using %s", key.label, wanted, fields["target"])
        fields["wanted_target"] = wanted
    record_event("load", key.name, started_ns, **fields)


def event_fields(key: KernelKey) -> dict[str, Any]:
    """Return the fields that identify the artifact of a key in events."""
    return {
        "key": key.label,
        "digest": key.digest,
        "device_type": key.device_type,
        "target": type_name(key.device_type),
        "selection": key.selection,
    }
