"""Passes as users write them: a callable that changes a graph, and a text for Inductor's keys."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import fx
from torch._inductor.custom_graph_pass import CustomGraphPass

__all__ = ["CallableInductorPass", "InductorPass"]


class InductorPass(CustomGraphPass):
    """A pass over an FX graph: `__call__(graph)` changes the graph in place.

    Inductor puts `uuid()` into the keys of its caches, and Dynamo compiles again if a pass is not
    equal to the one that it knows. So two passes are equal if their types and uuids are.
    """

    def uuid(self) -> str:
        """Return what stands for this pass in keys: by default, a digest of its class's source.

        A class with parameters that change what it does must put them in.
        """
        return self.hash_source(type(self))

    @staticmethod
    def hash_source(*sources: Any) -> str:
        """Digest sources with SHA-256.

        Args:
            sources: texts, files, None, functions or classes (their source), other objects (the
                source of their class).
        """
        digest = hashlib.sha256()
        for source in sources:
            digest.update(_source_of(source).encode())
            digest.update(b"\0")
        return digest.hexdigest()

    @staticmethod
    def hash_dict(parameters: Mapping[str, Any]) -> str:
        """Digest JSON values with SHA-256; the order of the keys does not count."""
        return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()

    def is_applicable_for_range(self, compile_range: Any) -> bool:
        """Tell whether the pass runs for graphs of these batch sizes; by default for all."""
        del compile_range
        return True

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return type(self) is type(other) and self.uuid() == other.uuid()  # pyright: ignore[reportAttributeAccessIssue]

    def __hash__(self) -> int:
        return hash((type(self), self.uuid()))


class CallableInductorPass(InductorPass):
    """A function as a pass.

    Args:
        function: changes a graph in place.
        uuid: stands for it in keys; by default a digest of its source.
    """

    def __init__(self, function: Callable[[fx.Graph], None], uuid: Any | None = None) -> None:
        self.callable = function
        self._uuid = self.hash_source(function) if uuid is None else uuid

    def __call__(self, graph: fx.Graph) -> None:
        self.callable(graph)

    def uuid(self) -> Any:
        return self._uuid


def _source_of(source: Any) -> str:
    if source is None:
        return ""
    if isinstance(source, str):
        return source
    if isinstance(source, Path):
        return source.read_text("utf-8")
    if inspect.isfunction(source) or inspect.ismethod(source) or isinstance(source, type):
        return inspect.getsource(source)
    return inspect.getsource(type(source))
