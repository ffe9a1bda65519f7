"""What a pipeline found in the graphs of its compiles: a record a pass, graph by graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ir_runtime.passes.record.run_record import NearMiss, PassRecord

__all__ = ["GraphRecord", "PipelineRecord"]

_FORMAT = 1


@dataclass
class GraphRecord:
    """The run of one hook's passes over one graph.

    Attributes:
        hook: where the passes ran.
        number: of the graph, counted in this process from 0; dumps bear it.
        backward: whether the graph computes gradients.
        passes: a record a pass, in the order of the run.
        match_table: matches by name of the pass.
        nodes: how many nodes the graph had before and after.
        milliseconds: how long all of it took.
        cached: whether the record was read from a file, since the compiled graph came from a cache.
    """

    hook: str
    number: int = 0
    backward: bool = False
    passes: list[PassRecord] = field(default_factory=list)
    match_table: Counter[str] = field(default_factory=Counter)
    nodes: tuple[int, int] = (0, 0)
    milliseconds: float = 0.0
    cached: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return {
            "hook": self.hook,
            "backward": self.backward,
            "passes": [record.to_json() for record in self.passes],
            "match_table": dict(self.match_table),
            "nodes": list(self.nodes),
            "milliseconds": self.milliseconds,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> GraphRecord:
        """Read a record that `to_json` made.

        Raises:
            KeyError: a field is missing.
            TypeError: a field is of another kind.
        """
        before, after = values["nodes"]
        return cls(
            str(values["hook"]),
            backward=bool(values["backward"]),
            passes=[PassRecord.from_json(record) for record in values["passes"]],
            match_table=Counter(values["match_table"]),
            nodes=(int(before), int(after)),
            milliseconds=float(values["milliseconds"]),
            cached=True,
        )


@dataclass
class PipelineRecord:
    """The runs of a pipeline, in their order.

    Attributes:
        graphs: one a hook and graph.
    """

    graphs: list[GraphRecord] = field(default_factory=list)

    @property
    def passes(self) -> Iterator[PassRecord]:
        """The records of all passes over all graphs."""
        for graph in tuple(self.graphs):
            yield from graph.passes

    @property
    def match_table(self) -> Counter[str]:
        """Matches by name of the pass, over all graphs; a pass without a match is not in it."""
        total: Counter[str] = Counter()
        for graph in tuple(self.graphs):
            total.update(graph.match_table)
        return +total

    @property
    def selected_impls(self) -> dict[str, dict[str, str]]:
        """Provider by op and node, of lowering."""
        found: dict[str, dict[str, str]] = {}
        for record in self.passes:
            for op, providers in record.selected_impls.items():
                found.setdefault(op, {}).update(providers)
        return found

    @property
    def near_misses(self) -> list[NearMiss]:
        """Places that almost matched."""
        return [miss for record in self.passes for miss in record.near_misses]

    def of(self, name: str) -> list[PassRecord]:
        """Return the records of the passes with a name."""
        return [record for record in self.passes if record.name == name]

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return {"format": _FORMAT, "graphs": [graph.to_json() for graph in tuple(self.graphs)]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PipelineRecord:
        """Read a record that `to_json` made.

        Raises:
            KeyError: a field is missing.
            TypeError: a field is of another kind.
            ValueError: it is of another format.
        """
        if values["format"] != _FORMAT:
            raise ValueError(f"format {values['format']!r}, must be {_FORMAT}")
        return cls([GraphRecord.from_json(graph) for graph in values["graphs"]])

    def __str__(self) -> str:
        if not self.graphs:
            return "no graph was compiled"
        lines: list[str] = []
        for graph in tuple(self.graphs):
            lines.extend(_lines_of(graph))
        return "\n".join(lines)


def _lines_of(graph: GraphRecord) -> Iterator[str]:
    kind = ", backward" if graph.backward else ""
    source = ", read beside the cached graph" if graph.cached else ""
    before, after = graph.nodes
    yield f"{graph.hook}{kind}: {before} nodes, {after} after, {graph.milliseconds:.1f} ms{source}"
    for record in graph.passes:
        found = record.skipped or f"{record.matched_count} matches, {record.milliseconds:.1f} ms"
        counts = ", ".join(f"{n} {name}" for name, n in sorted(record.counts.items()) if n)
        yield f"    {record.name:<28} {found}{f', {counts}' if counts else ''}"
        for op, providers in record.selected_impls.items():
            chosen = Counter(providers.values())
            yield f"        {op}: {', '.join(f'{n} {p}' for p, n in sorted(chosen.items()))}"
        for miss in record.near_misses:
            where = f" ({miss.where})" if miss.where else ""
            yield f"        almost {miss.pattern} at {miss.node}{where}: {miss.reason}"
