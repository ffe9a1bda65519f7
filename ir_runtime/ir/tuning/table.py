"""A tuned table as data: rankings by op and class of calls, for one device type and versions."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, field, fields
from typing import Any

import torch

from ir_runtime.errors import UndescribedStateError
from ir_runtime.frozen import frozen
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.tuning.ranking import Ranking
from ir_runtime.launch.artifact.key import digest_of, runtime_version
from ir_runtime.op_reg.digest.mlir_schema import MLIR_SCHEMA

__all__ = ["OpRankings", "Table", "TableIdentity", "provider_digest"]

_FORMAT = "ir_runtime tuned table 1"
_FAMILY = re.compile(r"\w+")


@frozen
class TableIdentity:
    """The machine and versions of a table; its times mean nothing for others.

    Attributes:
        device_type: as `Device.type_cache_key`.
        torch: version of torch.
        iree: version of IREE's runtime.
        schema: `MLIR_SCHEMA` of this package.
    """

    device_type: str
    torch: str
    iree: str
    schema: int

    @classmethod
    def of_device_type(cls, device_type: str) -> TableIdentity:
        """Return the identity of what this process measures."""
        return cls(device_type, str(torch.__version__), runtime_version(), MLIR_SCHEMA)

    @property
    def file_name(self) -> str:
        """The name of its file in a store."""
        family = _FAMILY.match(self.device_type)
        digest = digest_of(*(str(getattr(self, f.name)) for f in fields(self)))
        return f"{family[0] if family else 'device'}-{digest[:16]}.json"

    def differences(self, other: TableIdentity) -> tuple[str, ...]:
        """Say in what another table differs from this one."""
        rows: list[str] = []
        for name in (f.name for f in fields(self)):
            mine, theirs = getattr(self, name), getattr(other, name)
            if name == "device_type" and mine != theirs:
                rows.append("device type: " + _odd_flags(mine, theirs))
            elif mine != theirs:
                rows.append(f"{name}: {theirs}, here {mine}")
        return tuple(rows)


def _odd_flags(mine: str, theirs: str) -> str:
    here, there = mine.split(";"), theirs.split(";")
    odd = [f for f in there if f not in here] or [f"without {f}" for f in here if f not in there]
    text = " ".join(odd)
    return text if len(text) <= 120 else f"{text[:117]}..."


@frozen
class OpRankings:
    """The rankings of one op.

    Attributes:
        code: digest of the code of each provider that was measured.
        classes: rankings by class of calls.
    """

    code: Mapping[str, str]
    classes: Mapping[str, Ranking]

    def changed_provider(self, ranking: Ranking, code: Mapping[str, str]) -> str | None:
        """Return a ranked provider whose code is not what was measured; None if all are."""
        for provider in ranking.providers:
            if provider not in code or self.code.get(provider) != code[provider]:
                return provider
        return None

    def merged(self, newer: OpRankings) -> OpRankings:
        """Return these rankings with newer ones added, without those of code that changed."""
        code = {**self.code, **newer.code}
        kept = {
            name: ranking
            for name, ranking in self.classes.items()
            if self.changed_provider(ranking, code) is None
        }
        return OpRankings(code, {**kept, **newer.classes})


@frozen
class Table:
    """Rankings of any number of ops.

    Attributes:
        identity: what they hold for.
        ops: rankings by name of the op.
    """

    identity: TableIdentity
    ops: Mapping[str, OpRankings] = field(default_factory=dict)

    def merged(self, newer: Table) -> Table:
        """Return this table with the rankings of a newer one of the same identity."""
        ops = dict(self.ops)
        for name, rankings in newer.ops.items():
            ops[name] = ops[name].merged(rankings) if name in ops else rankings
        return Table(self.identity, ops)

    def without(self, ops: tuple[str, ...]) -> Table:
        """Return this table without some ops; without all, if none is named."""
        kept = {name: r for name, r in self.ops.items() if ops and name not in ops}
        return Table(self.identity, kept)

    def rows(self) -> list[tuple[str, str, Ranking]]:
        """Return op, class and ranking of each entry, sorted."""
        return [
            (op, name, ranking)
            for op, rankings in sorted(self.ops.items())
            for name, ranking in sorted(rankings.classes.items())
        ]

    def to_bytes(self) -> bytes:
        """Return the table as JSON."""
        ops = {
            op: {"code": dict(r.code), "classes": {c: asdict(v) for c, v in r.classes.items()}}
            for op, r in self.ops.items()
        }
        record = {"format": _FORMAT, **asdict(self.identity), "ops": ops}
        return json.dumps(record, indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> Table:
        """Rebuild a table from JSON.

        Raises:
            ValueError: it is no table; the message says why.
        """
        try:
            record = json.loads(data)
            if not isinstance(record, dict) or record.get("format") != _FORMAT:
                raise ValueError(f"its format is not {_FORMAT!r}")
            identity = TableIdentity(
                _text(record["device_type"]),
                _text(record["torch"]),
                _text(record["iree"]),
                int(record["schema"]),
            )
            return cls(identity, {op: _rankings(r) for op, r in record["ops"].items()})
        except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"a field is missing or of another type: {error}") from error


def _rankings(record: Mapping[str, Any]) -> OpRankings:
    code = {_text(k): _text(v) for k, v in record["code"].items()}
    return OpRankings(code, {_text(c): _ranking(r) for c, r in record["classes"].items()})


def _ranking(record: Mapping[str, Any]) -> Ranking:
    order = tuple(_text(choice) for choice in record["order"])
    times = {choice: float(record["median_ns"][choice]) for choice in order}
    left_out = {_text(k): _text(v) for k, v in record["left_out"].items()}
    if not order or len(set(order)) != len(order):
        raise ValueError("a ranking is empty, or has a choice twice")
    if not all(math.isfinite(t) and t >= 0 for t in times.values()):
        raise ValueError("a time is not a number >= 0")
    return Ranking(order, times, left_out, int(record["rounds"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def provider_digest(impl: IrOpImpl) -> str:
    """Return a digest of the code of a provider; of its name, if the code cannot be described."""
    try:
        return digest_of(impl.uuid())[:16]
    except UndescribedStateError:
        function = impl.impl_fn
        return f"{function.__module__}.{getattr(function, '__qualname__', impl.provider)}"
