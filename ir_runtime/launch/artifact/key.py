"""The key of a compiled program: every fact that makes two binaries different."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from ir_runtime.fork_lock import cached_property
from ir_runtime.frozen import frozen

__all__ = ["KernelKey", "compiler_version", "digest_of", "runtime_version", "same_release"]

_TRANSLATION = "2"
"""Increased when the same MLIR and flags compile to other code: older binaries are then misses."""


@frozen
class KernelKey:
    """The identity of one binary; equal keys mean interchangeable binaries.

    Attributes:
        name: readable name, for people: the op or program.
        source_digest: SHA-256 of a program's text; for an op, of its selection and the code of its
            generator (so a stored kernel is found without generating MLIR).
        device_type: the device type that the code is compiled for; `Device.type_cache_key`.
        compiler: version of the compiler package.
        flags: compiler flags, except those of the device type.
        entry: the exported function.
        selection: the specialisation in words, for people; part of `source_digest` already.
    """

    name: str
    source_digest: str
    device_type: str
    compiler: str
    flags: tuple[str, ...] = ()
    entry: str = "main"
    selection: str = ""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all fields, in hex."""
        return digest_of(_TRANSLATION, json.dumps(asdict(self), sort_keys=True))

    @property
    def label(self) -> str:
        """The directory name of the artifact: `<name>-<16 hex digits>`."""
        return f"{re.sub(r'^[.]|[^A-Za-z0-9_.]', '_', self.name)[:60]}-{self.digest[:16]}"

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> KernelKey:
        """Rebuild a key from `to_json`; ValueError, KeyError or TypeError if it is not a key."""
        known = {field.name: values[field.name] for field in fields(cls)}
        flags = known.pop("flags")
        if isinstance(flags, str) or not all(
            isinstance(value, str) for value in (*known.values(), *flags)
        ):
            raise ValueError("a field is not a string, or flags are not a list of them")
        return cls(**known, flags=tuple(flags))

    def differences(self, other: KernelKey) -> tuple[str, ...]:
        """Return the fields in which a stored key differs from this one, with both values."""
        rows = []
        for field in fields(self):
            wanted, stored = getattr(self, field.name), getattr(other, field.name)
            if wanted != stored:
                rows.append(
                    f"{field.name} ({_beyond(stored, wanted)} wanted, "
                    f"{_beyond(wanted, stored)} stored)"
                )
        return tuple(rows)


def _beyond(base: Any, value: Any) -> str:
    """Return the parts of `value` that `base` lacks: of two lists of flags, the difference."""
    parts, known = (v if isinstance(v, tuple) else tuple(v.split(";")) for v in (value, base))
    odd = " ".join(part for part in parts if part not in known)
    if not odd:  # all of it is in the other, or only the order differs
        odd = " ".join(parts) if set(parts) == set(known) else "none"
    return odd if len(odd) <= 120 else f"{odd[:117]}..."


def digest_of(*parts: str | bytes) -> str:
    """Return the SHA-256 of parts, in hex; the boundaries between the parts count, too."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()


@functools.cache
def compiler_version() -> str | None:
    """Return the version of the installed compiler package, None if there is none."""
    return _installed("iree-base-compiler")


@functools.cache
def runtime_version() -> str:
    """Return the version of the installed IREE runtime."""
    return _installed("iree-base-runtime") or "unknown"


def _installed(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def same_release(one: str, other: str) -> bool:
    """Tell whether two versions agree in their first two numbers: binaries of one run on both."""
    return one.split(".")[:2] == other.split(".")[:2]
