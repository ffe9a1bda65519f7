"""The way from a key to an artifact: from the store, else from the compiler, once per key."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path

from ir_runtime.errors import ArtifactNotFoundError, CompileError
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.launch.artifact.key import (
    KernelKey,
    compiler_version,
    digest_of,
    runtime_version,
    same_release,
)
from ir_runtime.launch.artifact.store import Artifact, DirectoryStore, Store
from ir_runtime.launch.artifact.store_chain import StoreChain
from ir_runtime.launch.artifact.store_hit import event_fields, note_store_hit
from ir_runtime.launch.compile.compile_cache import Compiled
from ir_runtime.launch.compile.compiler import BASE_FLAGS, compile_program, compiler_installed
from ir_runtime.launch.compile.program_record import program_files
from ir_runtime.settings import current_settings
from ir_runtime.trace_lock import hold
from ir_runtime.tracing import Span

__all__ = [
    "add_compile_listener",
    "can_compile",
    "default_store",
    "is_stored",
    "nearest_artifact",
    "obtain_artifact",
    "program_key",
]

_log = logging.getLogger("ir_runtime.build")

CompileListener = Callable[[str, bool], None]
"""Called with a program's name and whether its compile begins (True) or has ended (False)."""

_listeners: list[CompileListener] = []
_stores: dict[tuple[Path, ...], Store] = {}
_lock = fork_safe_lock()


def default_store() -> Store:
    """Return the process's store: the `store` setting's directory above the base stores."""
    settings = current_settings()
    roots = (settings.store, *settings.base_stores)
    with _lock:
        if roots not in _stores:
            first, *bases = map(DirectoryStore, roots)
            _stores[roots] = StoreChain(first, bases) if bases else first
        return _stores[roots]


@contextmanager
def add_compile_listener(listener: CompileListener) -> Generator[None]:
    """Call `listener` at the start and end of each compile, on any thread, in a `with` block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def program_key(
    name: str, text: bytes, device_type: str, flags: Sequence[str], entry_point: str | None
) -> KernelKey:
    """Return the key of a whole program that a user compiles.

    Args:
        name: for people.
        text: its MLIR.
        device_type: the device type that it is compiled for.
        flags: compiler flags beyond those of the device type and of every compile.
        entry_point: the exported function, None for the default one.
    """
    return KernelKey(
        name=name,
        source_digest=digest_of(text),
        device_type=device_type,
        compiler=compiler_version() or runtime_version(),
        flags=(*BASE_FLAGS, *flags),
        entry=entry_point or "",
    )


def obtain_artifact(
    store: Store,
    key: KernelKey,
    device_flags: tuple[str, ...],
    source: Callable[[], bytes],
    weaker: Callable[[], Iterable[KernelKey]] = tuple,
) -> Artifact:
    """Return the artifact of `key` or of a weaker key from the store, else compile that of `key`.

    Args:
        store: where to look, and where a new artifact goes.
        key: identity of the artifact.
        device_flags: compiler flags of `key.device_type`.
        source: makes the MLIR; called only if it must be compiled.
        weaker: gives keys of the same kernel for targets whose code runs here, too, the best
            first; called only if that of `key` is not stored.

    Raises:
        ArtifactNotFoundError: it is not stored, and compiling is off or impossible.
        CompileError: the compiler refused it, crashed or took too long.
        UntrustedStoreError: somebody else could change the store.
    """
    artifact = _load(store, key) or _load_weaker(store, key, weaker)
    if artifact is None:
        _refuse_if_not_compiling(store, key)
        with hold(store.lock(key)):
            artifact = _load(store, key) or _make(store, key, device_flags, source)
    return artifact


def _load_weaker(
    store: Store, key: KernelKey, weaker: Callable[[], Iterable[KernelKey]]
) -> Artifact | None:
    """Return the first artifact that is stored of keys for weaker targets."""
    found = (_load(store, other, key.device_type) for other in weaker())
    return next((artifact for artifact in found if artifact is not None), None)


def _load(store: Store, key: KernelKey, wanted_type: str | None = None) -> Artifact | None:
    started_ns = time.perf_counter_ns()
    artifact = _find(store, key)
    if artifact is not None:
        note_store_hit(store, artifact, started_ns, wanted_type)
    return artifact


def _find(store: Store, key: KernelKey) -> Artifact | None:
    artifact = store.load(key)
    if artifact is None and not compiler_installed():
        artifact = _from_other_compiler(store, key)
    return artifact


def is_stored(store: Store, key: KernelKey) -> bool:
    """Tell whether `obtain_artifact` would find the artifact of `key` in the store, whole."""
    return _find(store, key) is not None


def _from_other_compiler(store: Store, key: KernelKey) -> Artifact | None:
    """Without a compiler, accept an artifact of any compiler version that this runtime can load."""
    for stored in sorted(store.keys(), key=lambda k: k.compiler, reverse=True):
        rows = key.differences(stored)
        other_compiler = len(rows) == 1 and stored.compiler != key.compiler
        if other_compiler and same_release(stored.compiler, runtime_version()):
            return store.load(stored)
    return None


def can_compile() -> bool:
    """Tell whether what is not stored may be compiled here."""
    return current_settings().compile and compiler_installed()


def _refuse_if_not_compiling(store: Store, key: KernelKey) -> None:
    if can_compile():
        return
    compiling = current_settings().compile
    why = (
        "the compiler is not installed" if compiling else "compiling is off (IR_RUNTIME_COMPILE=0)"
    )
    raise ArtifactNotFoundError(
        f"{key.name}: no artifact {key.label}, and {why}",
        facts=[repr(store), f"device type {key.device_type}", *nearest_artifact(store, key)],
        fix="fill the store on a machine that has it: pip install 'iree-base-compiler==3.13.*'"
        if compiling
        else "unset IR_RUNTIME_COMPILE",
    )


def nearest_artifact(store: Store, key: KernelKey) -> list[str]:
    """Return the fields in which the most similar stored artifact of this name differs."""
    candidates = [key.differences(k) for k in store.keys() if k.name == key.name]
    if not candidates:
        return [f"nothing named {key.name!r} is stored"]
    return [f"nearest artifact differs in: {row}" for row in min(candidates, key=len)]


def _make(
    store: Store, key: KernelKey, device_flags: tuple[str, ...], source: Callable[[], bytes]
) -> Artifact:
    flags = (*device_flags, *key.flags)
    with Span("compile", key.name, **event_fields(key), flags=flags) as span:
        text = source()
        span.keep(f"{key.label}.mlir", text)
        span.fields |= {"source_bytes": len(text), "generate_ms": span.elapsed_ms()}
        compiled = _compile(store, key, flags, text)
        vmfb = compiled.vmfb
        span.keep(f"{key.label}.vmfb", vmfb)
        compile_ms = span.elapsed_ms() - span.fields["generate_ms"]
        span.fields |= {"vmfb_bytes": len(vmfb), "compile_ms": compile_ms}
    _log.info("compiled %s in %.0f ms", key.label, compile_ms)
    program, executables = program_files(compiled, text, key.entry)
    artifact = Artifact(key, text, vmfb, program, executables)
    store.save(artifact)
    return artifact


def _compile(store: Store, key: KernelKey, flags: tuple[str, ...], text: bytes) -> Compiled:
    for listener in tuple(_listeners):
        listener(key.name, True)  # noqa: FBT003 - the listener's signature
    try:
        return compile_program(key.name, text, flags)
    except CompileError as error:
        kept = store.keep_failed_source(key, text)
        if kept is not None:
            error.source_path = kept
            error.facts = (*error.facts, f"source kept in {kept}")
        raise
    finally:
        for listener in tuple(_listeners):
            listener(key.name, False)  # noqa: FBT003
