"""The code of our ops in the keys of torch's caches of compiled graphs.

`torch.compile` stores the compiled graphs of Inductor and AOTAutograd on disk. Its keys have the
names of ops, but not their code. The stored graphs depend on that code: shapes and dtypes of
results come from `select` or a fake, the backward graph comes from the op's backward. So we add the
digests of a graph's ops to the details that torch hashes. A graph with an op that cannot be
described is not cached.

Nothing of Inductor is imported here: the details are extended when torch imports them.
"""

from __future__ import annotations

import functools
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ir_runtime.errors import IrRuntimeError
from ir_runtime.late_import import late_module
from ir_runtime.launch.artifact.key import digest_of
from ir_runtime.op_reg.digest.torch_op_code import DESCRIBED_OPS, Describe, describe_op
from ir_runtime.op_reg.digest.when_imported import when_imported

if TYPE_CHECKING:
    from ir_runtime.op_reg.digest import description
else:
    description = late_module("ir_runtime.op_reg.digest.description")

__all__ = ["codes_in", "op_digest", "own_code_digest", "show_code_to_torch"]

_CODECACHE = "torch._inductor.codecache"
_DETAILS = "FxGraphHashDetails"
_AUTOGRAD_CACHE = "_functorch/_aot_autograd/autograd_cache.py"


def show_code_to_torch(name: str, describe: Describe) -> None:
    """Add the code of a torch op to the keys of torch's caches.

    Args:
        name: name of the op, `namespace::name`. A later call replaces an earlier one.
        describe: adds the op's functions that `torch.compile` uses to a description: its meta
            function, its backward and other rules. It is called each time a graph is compiled.

    Warns:
        RuntimeWarning: once, if this version of torch has no place for it.
    """
    if not DESCRIBED_OPS:
        _install()
    DESCRIBED_OPS[name] = describe


def codes_in(graph_module: torch.fx.GraphModule | None) -> list[tuple[str, str]]:
    """Return the digest of each op of ours that a graph calls, sorted by name.

    Raises:
        UndescribedStateError: an op reads a value that no key can hold.
    """
    modules = () if graph_module is None else graph_module.modules()
    graphs = [m.graph for m in modules if isinstance(m, torch.fx.GraphModule)]
    names = {name for graph in graphs for node in graph.nodes for name in _ops_of(node)}
    return [(name, op_digest(name)) for name in sorted(names & DESCRIBED_OPS.keys())]


def _ops_of(node: torch.fx.Node) -> Iterator[str]:
    """Yield the ops that a node calls, and those that it passes to a higher-order op."""
    pending: list[Any] = [node.target, node.args, node.kwargs]
    while pending:
        value = pending.pop()
        if isinstance(value, torch._ops.OpOverload):
            yield value._schema.name
        elif isinstance(value, torch._ops.OpOverloadPacket):
            yield str(value._qualified_op_name)
        elif isinstance(value, dict):
            pending.extend(value.values())
        elif isinstance(value, list | tuple):
            pending.extend(value)


def op_digest(name: str) -> str:
    """Digest the functions of one of our ops that `torch.compile` uses, and this package.

    Args:
        name: `namespace::name` of a registered op.

    Raises:
        UndescribedStateError: the op reads a value that no key can hold.
    """
    described = description.Description("")
    described.add(own_code_digest())
    describe_op(described, name)
    return described.digest()


@functools.cache
def own_code_digest() -> str:
    """Digest this package: compiled graphs depend on all of it."""
    root = Path(__file__).parents[2]
    return digest_of(*(path.read_bytes() for path in sorted(root.rglob("*.py"))))


def _install() -> None:
    if _CODECACHE in sys.modules or _torch_has_a_place():
        when_imported(_CODECACHE, lambda: _extend(sys.modules[_CODECACHE]))
    else:
        _warn()


def _torch_has_a_place() -> bool:
    """Tell whether torch hashes the details that we extend, without importing them."""
    root = Path(str(torch.__file__)).parent
    codecache, autograd = root / "_inductor/codecache.py", root / _AUTOGRAD_CACHE
    if not codecache.is_file():
        return True  # no Inductor, no caches
    return f"class {_DETAILS}" in codecache.read_text(encoding="utf-8") and (
        not autograd.is_file() or f"({_DETAILS}):" in autograd.read_text(encoding="utf-8")
    )


def _warn() -> None:
    warnings.warn(
        f"ir_runtime: torch {torch.__version__} has no place in the keys of its compile caches for "
        "the code of ops; after an edit of an op's backward or meta function, set "
        "TORCHINDUCTOR_FORCE_DISABLE_CACHES=1 or empty TORCHINDUCTOR_CACHE_DIR",
        RuntimeWarning,
        stacklevel=4,
    )


def _extend(codecache: types.ModuleType) -> None:
    """Add the codes of a graph's ops to the details that `codecache` hashes."""
    details = getattr(codecache, _DETAILS, None)
    bypass = getattr(codecache, "BypassFxGraphCache", None)
    if details is None or bypass is None:
        _warn()
        return
    original = details.__init__

    @functools.wraps(original)
    def extended(self: Any, gm: Any, *args: Any, **kwargs: Any) -> None:
        original(self, gm, *args, **kwargs)
        try:
            codes = codes_in(gm)
        except IrRuntimeError as error:
            raise bypass(str(error)) from error
        if codes:
            self.ir_runtime_codes = codes

    details.__init__ = extended
