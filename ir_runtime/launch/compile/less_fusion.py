"""The second compile of a program, with less fusion, if the compiler refuses its own fused code."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from ir_runtime.errors import CompileError
from ir_runtime.launch.artifact.key import KernelKey
from ir_runtime.launch.artifact.store import Artifact
from ir_runtime.launch.compile.build import default_store, is_stored, obtain_artifact

__all__ = ["NO_FUSION_OF_SHARED", "is_stored_maybe_less_fused", "obtain_maybe_less_fused"]

_log = logging.getLogger("ir_runtime.build")
NO_FUSION_OF_SHARED = "--iree-dispatch-creation-fuse-multi-use=false"
_LESS_FUSION = (
    "--iree-dispatch-creation-enable-aggressive-fusion=false",
    NO_FUSION_OF_SHARED,
)
_OF_FUSION = ("stack allocation", "does not dominate this use")
"""Messages of the compiler about code that it broke by its own fusion."""


def obtain_maybe_less_fused(
    key: KernelKey,
    device_flags: tuple[str, ...],
    source: Callable[[], bytes],
    apart: Callable[[], bytes],
    weaker: Callable[[], Iterable[KernelKey]] = tuple,
) -> Artifact:
    """Return an artifact; if the compiler fails by its own fusion, it is compiled with less.

    IREE 3.13 fuses a softmax, or a write by index, of dynamic sizes with the code around it. It
    puts the intermediate values on the stack, without a bound, and then refuses that code. It also
    moves a value that several operations share behind one of them (`grid_sample`). The second
    compile turns this fusion off.

    Args:
        key: identity of the artifact.
        device_flags: compiler flags of `key.device_type`.
        source: makes the MLIR.
        apart: makes the MLIR of the second compile, in which softmaxes and writes by index are
            separated from the code before them; see `op_reg.trace.fusion_barrier`.
        weaker: as for `obtain_artifact`.

    Raises:
        CompileError: both compiles failed, or the first one for another reason. The error of the
            second compile has that of the first as its cause.
    """
    store = default_store()
    less = _with_less_fusion(key)

    def others() -> Iterator[KernelKey]:
        for other in weaker():
            yield from (other, _with_less_fusion(other))

    def all_keys() -> Iterator[KernelKey]:
        yield less
        yield from others()

    try:
        return obtain_artifact(store, key, device_flags, source, all_keys)
    except CompileError as error:
        said = "\n".join(error.diagnostics)
        if not any(words in said for words in _OF_FUSION):
            raise
        first = error
    _log.info(
        "%s: compiled again with less fusion, the compiler refused the code that it fused",
        key.name,
    )
    try:
        return obtain_artifact(store, less, device_flags, apart)
    except CompileError as second:
        raise second from first


def is_stored_maybe_less_fused(key: KernelKey) -> bool:
    """Tell whether `obtain_maybe_less_fused` would find the artifact of `key` in the store."""
    store = default_store()
    return is_stored(store, key) or is_stored(store, _with_less_fusion(key))


def _with_less_fusion(key: KernelKey) -> KernelKey:
    return replace(key, flags=tuple(dict.fromkeys((*key.flags, *_LESS_FUSION))))
