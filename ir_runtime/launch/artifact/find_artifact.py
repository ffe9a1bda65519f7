"""The search for a stored program by directory, device type, entry point and selector."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ir_runtime.device import Target
from ir_runtime.errors import AmbiguousArtifactError, ArtifactNotFoundError
from ir_runtime.launch.artifact.key import KernelKey, digest_of
from ir_runtime.launch.artifact.store import Artifact, DirectoryStore
from ir_runtime.launch.artifact.store_hit import note_store_hit

__all__ = ["choose_artifact"]

_SHORTEST_DIGEST = 4
_SHORT_TEXT = 80
_MANY = 20


def choose_artifact(
    store: DirectoryStore,
    targets: Sequence[Target],
    entry_point: str | None,
    selector: str | None,
) -> Artifact:
    """Return the one artifact of a store that fits targets, an entry point and a selector.

    Args:
        store: where to look.
        targets: the targets that it may be compiled for; the first one that has any is taken.
        entry_point: the function it was compiled for, None for any.
        selector: its name, the start of its digest, or its MLIR source; None for any.

    Raises:
        ArtifactNotFoundError: none fits.
        AmbiguousArtifactError: several fit; the message lists them.
    """
    stored = store.keys()
    fitting = ([k for k in stored if k.device_type == t.device_type] for t in targets)
    chosen = (_chosen(keys, entry_point, selector) for keys in fitting)
    keys = next((keys for keys in chosen if keys), [])
    if len(keys) > 1:
        raise AmbiguousArtifactError(
            f"{store.root}: {len(keys)} artifacts fit, must be one",
            facts=[_in_words(key) for key in keys],
            fix="pass selector= a name, the start of a digest, or the MLIR source",
        )
    started_ns = time.perf_counter_ns()
    artifact = store.load(keys[0]) if keys else None
    if artifact is None:
        raise _not_found(store, targets, entry_point, selector)
    note_store_hit(store, artifact, started_ns, targets[0].device_type)
    return artifact


def _chosen(
    keys: Sequence[KernelKey], entry_point: str | None, selector: str | None
) -> Sequence[KernelKey]:
    """Return the keys that fit an entry point and a selector."""
    if entry_point is not None:
        exact = [key for key in keys if key.entry == entry_point]
        keys = exact or [key for key in keys if key.entry == ""]
    if selector is not None:
        keys = [key for key in keys if _is_selected(key, selector)]
    return keys


def _is_selected(key: KernelKey, selector: str) -> bool:
    named = selector in (key.name, key.label) or key.source_digest == digest_of(selector)
    return named or (len(selector) >= _SHORTEST_DIGEST and key.digest.startswith(selector))


def _in_words(key: KernelKey) -> str:
    return f"{key.label}: entry point {key.entry or 'default'}, compiler {key.compiler}"


def _not_found(
    store: DirectoryStore,
    targets: Sequence[Target],
    entry_point: str | None,
    selector: str | None,
) -> ArtifactNotFoundError:
    wanted = f"entry point {entry_point or 'any'}"
    if selector is not None:
        wanted += f", selector {selector if len(selector) <= _SHORT_TEXT else 'MLIR source'!r}"
    types = [target.device_type for target in targets]
    facts = [f"device type {types[0]}", wanted]
    for key in store.keys()[:_MANY]:
        other = key.device_type not in types
        facts.append(f"stored: {_in_words(key)}{', for ' + key.device_type if other else ''}")
    return ArtifactNotFoundError(
        f"{store.root}: no artifact fits, and compiling is not allowed here",
        facts=facts if len(facts) > 2 else [*facts, "nothing is stored"],
        fix="compile it into this directory with Launchable.jit_compile(file_cache_dir=...)",
    )
