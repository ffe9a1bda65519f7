"""Passes as users write them: a callable that changes a graph, and a text for Inductor's keys."""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from torch import fx
from torch._inductor.custom_graph_pass import CustomGraphPass
from torch._inductor.pattern_matcher import PatternMatcherPass

from ir_runtime.errors import UndescribedStateError
from ir_runtime.op_reg.digest.description import Description
from ir_runtime.op_reg.digest.torch_cache import own_code_digest
from ir_runtime.passes.compile_context import CompileRange
from ir_runtime.passes.errors import PassError

__all__ = ["CallableInductorPass", "Hook", "InductorPass"]

Hook = Literal["pre_grad", "joint_pre", "joint_post", "post_grad_pre", "post_grad"]
"""Where Inductor calls a pass: before autograd on torch functions, else on ATen with `val`."""

_log = logging.getLogger("ir_runtime.passes")
_RUN_BY_TORCH = ("pattern", "replacement", "get_inputs", "extra_check", "is_applicable_for_range")


class InductorPass(CustomGraphPass):
    """A pass over an FX graph: `__call__(graph)` changes the graph in place.

    Inductor puts `uuid()` into the keys of its caches, and Dynamo compiles again if a pass is not
    equal to the one that it knows. So two passes are equal if their types and uuids are.

    Attributes:
        hook: where a `Pipeline` runs it: `pre_grad`, `joint_pre`, `joint_post`, `post_grad_pre` or
            `post_grad`.
        derived: names of attributes that follow from others, or that runs write. They are not in
            the uuid. Matchers of patterns never are.
    """

    hook: ClassVar[Hook] = "post_grad"
    derived: ClassVar[frozenset[str]] = frozenset()

    @property
    def name(self) -> str:
        """The name in logs, records and settings: `pass_name` if it is set, else the class's."""
        return str(vars(self).get("pass_name") or type(self).__name__)

    def uuid(self) -> Any | None:
        """Return what stands for this pass in keys: a digest of its code and its parameters.

        The code is that of its class, with the functions, globals and closures that it reads. The
        parameters are its attributes. None, with a warning, if a key cannot hold one of them:
        then the graphs that the pass changes are not cached.
        """
        owner = type(self)
        own = owner.__module__.startswith("ir_runtime.")  # then the digest of all our code counts
        return self._digest(owner.__qualname__ if own else owner, self.parameters())

    def _digest(self, *values: Any) -> str | None:
        description = Description("")
        description.names |= set(_RUN_BY_TORCH)
        description.add(own_code_digest(), type(self).__module__)
        try:
            for value in values:
                description.code_of(value)
            return description.digest()
        except UndescribedStateError as error:
            _warn_once(self.name, str(error))
            return None

    def parameters(self) -> dict[str, Any]:
        """Return the attributes on which the pass depends: all but those named in `derived`."""
        return {
            name: value
            for name, value in vars(self).items()
            if name not in self.derived and not isinstance(value, PatternMatcherPass)
        }

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

    def is_applicable_for_range(self, compile_range: CompileRange | None) -> bool:
        """Tell whether the pass runs for graphs of these batch sizes; by default for all."""
        del compile_range
        return True

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return False
        uuid = self.uuid()
        return uuid is not None and uuid == other.uuid()  # pyright: ignore[reportAttributeAccessIssue]

    def __hash__(self) -> int:
        return hash((type(self), self.uuid()))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy the pass; an attribute that cannot be copied is named.

        Raises:
            PassError: there is such an attribute.
        """
        made = copy.copy(self)
        memo[id(self)] = made
        for name, value in vars(made).items():
            try:
                object.__setattr__(made, name, copy.deepcopy(value, memo))
            except TypeError as error:
                raise PassError(
                    f"pass {self.name}: its attribute `{name}` cannot be copied, must be for "
                    "`torch.compile`, which copies its options",
                    pass_name=self.name,
                    facts=[str(error)],
                    fix="put the pass into a Pipeline, whose options are not copied, or leave the "
                    "attribute out of `__getstate__`",
                ) from error
        return made


class CallableInductorPass(InductorPass):
    """A function as a pass.

    Args:
        function: changes a graph in place.
        uuid: stands for it in keys; by default a digest of its code and what it reads.
        hook: where a `Pipeline` runs it.
    """

    def __init__(
        self,
        function: Callable[[fx.Graph], None],
        uuid: Any | None = None,
        *,
        hook: Hook = "post_grad",
    ) -> None:
        self.callable = function
        self.hook = hook  # pyright: ignore[reportAttributeAccessIssue]
        self._uuid = uuid

    @property
    def name(self) -> str:
        return str(getattr(self.callable, "__name__", type(self.callable).__name__))

    def __call__(self, graph: fx.Graph) -> None:
        self.callable(graph)

    def uuid(self) -> Any | None:
        return self._digest(self.callable) if self._uuid is None else self._uuid


_warned: set[str] = set()


def _warn_once(name: str, reason: str) -> None:
    if name not in _warned:
        _warned.add(name)
        _log.warning("pass %s: graphs that it changes are not cached\n%s", name, reason)


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
