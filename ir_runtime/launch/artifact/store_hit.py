"""The record of a store hit in counters, log and trace."""

from __future__ import annotations

import logging

from ir_runtime.counters import add_count
from ir_runtime.launch.artifact.key import KernelKey
from ir_runtime.launch.artifact.store import Artifact, Store
from ir_runtime.tracing import record_event

__all__ = ["event_fields", "note_store_hit"]

_log = logging.getLogger("ir_runtime.build")


def note_store_hit(store: Store, artifact: Artifact, started_ns: int) -> None:
    """Count, log and trace that an artifact came from a store.

    Args:
        store: the store that had it.
        artifact: the artifact.
        started_ns: start of the read, by `time.perf_counter_ns`.
    """
    key = artifact.key
    add_count("store_hits")
    _log.debug("loaded %s from %r", key.label, store)
    vmfb_bytes = len(artifact.vmfb)
    record_event(
        "load", key.name, started_ns, **event_fields(key), store=repr(store), vmfb_bytes=vmfb_bytes
    )


def event_fields(key: KernelKey) -> dict[str, str]:
    """Return the fields that identify the artifact of a key in events."""
    return {
        "key": key.label,
        "digest": key.digest,
        "device_type": key.device_type,
        "selection": key.selection,
    }
