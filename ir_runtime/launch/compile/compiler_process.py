"""Translate MLIR to a VMFB, in this process or as the child process of another.

Run as a script, this file answers requests from its standard input until the input closes. It
imports nothing of this package, so that a child process starts fast and only the compiler can crash
it.

Wire format, both directions: 4 bytes little-endian length, that many bytes of JSON, then `size`
payload bytes.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["print_source", "read_message", "run_pipeline", "translate", "write_message"]

_FLOW_PHASE, _STREAM_PHASE, _HOST_PHASE = "flow", "stream", "hal"
_HOST_SOURCE_MAX = 16 << 20  # the text has the constants in hexadecimal
_process_flags: list[str] = []
_SEVERITIES = ("note", "warning", "error", "remark")
_CALLBACK = ctypes.CFUNCTYPE(
    None, ctypes.c_int, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t, ctypes.c_void_p
)


def translate(
    source: bytes, flags: Sequence[str], process_flags: Sequence[str] = ()
) -> tuple[bytes | None, bytes, bytes, list[str]]:
    """Compile MLIR text or bytecode.

    Args:
        source: the MLIR.
        flags: the flags of this compile.
        process_flags: the flags that IREE takes only for a whole process; only the first ones
                given have an effect. If there are any, the text of the host program is also
                returned.

    Returns:
        The VMFB, None on failure; the module after the stream phase, as bytecode; the module after
        the HAL phase, as text, empty unless requested; and the diagnostics, each as
        `<severity>: <message>`.
    """
    from iree.compiler.api import Session

    _set_process_flags(tuple(process_flags))
    wants_host = bool(process_flags) and len(source) <= _HOST_SOURCE_MAX
    diagnostics: list[str] = []
    with Session() as session:
        try:
            session.set_flags(*flags)
        except ValueError as error:
            return None, b"", b"", [f"error: {error}"]
        found = _translate_after("", session, source, diagnostics, wants_host=wants_host)
    if found is None:
        return None, b"", b"", diagnostics or ["error: the compiler gave no reason"]
    return *found, diagnostics


def _translate_after(
    phase: str, session: Any, source: bytes, diagnostics: list[str], *, wants_host: bool
) -> tuple[bytes, bytes, bytes] | None:
    """Compile a module from the end of a phase; returns the first three results of `translate`."""
    from iree.compiler.api import Source

    invocation: Any = session.invocation()
    with invocation:
        callback = _capture_diagnostics(invocation, diagnostics)
        with Source.wrap_buffer(session, source) as wrapped:
            # To continue after a failure crashes the process, so each step's result is checked.
            if not invocation.parse_source(wrapped):
                return None
            if phase != _FLOW_PHASE:
                if not _run(invocation, phase, _FLOW_PHASE):
                    return None
                separated = _module("compile", "separate_tensor").with_separate_tensors(
                    _bytecode_of(invocation)
                )
                if separated is not None:
                    return _translate_after(
                        _FLOW_PHASE, session, separated, diagnostics, wants_host=wants_host
                    )
            found = _finish(session, invocation, diagnostics, wants_host=wants_host)
        del callback
    return found


def _finish(
    session: Any, invocation: Any, diagnostics: list[str], *, wants_host: bool
) -> tuple[bytes, bytes, bytes] | None:
    """Compile a module from the end of the flow phase to the VMFB."""
    if not _run(invocation, _FLOW_PHASE, _STREAM_PHASE):
        return None
    stream, host, last = _bytecode_of(invocation), b"", _STREAM_PHASE
    if wants_host:
        if not _run(invocation, _STREAM_PHASE, _HOST_PHASE):
            return None
        host, last = _text_of(invocation), _HOST_PHASE
        with_getter = _module("host_program", "global_getter").with_global_getter(host)
        if with_getter is not None:
            vmfb = _end(session, with_getter, diagnostics)
            return None if vmfb is None else (vmfb, stream, with_getter)
    vmfb = _vmfb_of(invocation, last, diagnostics)
    return None if vmfb is None else (vmfb, stream, host)


def _end(session: Any, host: bytes, diagnostics: list[str]) -> bytes | None:
    """Compile a module from the end of the HAL phase, as text, to the VMFB."""
    from iree.compiler.api import Source

    invocation: Any = session.invocation()
    with invocation:
        callback = _capture_diagnostics(invocation, diagnostics)
        with Source.wrap_buffer(session, host) as wrapped:
            parsed = invocation.parse_source(wrapped)
            vmfb = _vmfb_of(invocation, _HOST_PHASE, diagnostics) if parsed else None
        del callback
    return vmfb


def _vmfb_of(invocation: Any, last: str, diagnostics: list[str]) -> bytes | None:
    from iree.compiler.api import Output

    if not _run(invocation, last, "end"):
        return None
    with Output.open_membuffer() as output:
        try:
            invocation.output_vm_bytecode(output)
        except ValueError as error:
            diagnostics.append(f"error: {error}")
            return None
        return bytes(output.map_memory())


@functools.cache
def _module(room: str, name: str) -> Any:
    """Load a module of this package by its path: run as a script, this file has no package."""
    path = Path(__file__).parents[1] / room / f"{name}.py"
    spec: Any = importlib.util.spec_from_file_location(f"ir_runtime_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_pipeline(
    source: bytes, pipeline: str, process_flags: Sequence[str] = ()
) -> tuple[bytes | None, list[str]]:
    """Run passes over MLIR text or bytecode.

    Args:
        source: the MLIR.
        pipeline: passes over the module, as text.
        process_flags: as in `translate`.

    Returns:
        The module as text, None on failure; and the diagnostics.
    """
    from iree.compiler.api import Session, Source

    _set_process_flags(tuple(process_flags))
    diagnostics: list[str] = []
    with Session() as session:
        invocation: Any = session.invocation()
        with invocation:
            callback = _capture_diagnostics(invocation, diagnostics)
            with Source.wrap_buffer(session, source) as wrapped:
                done = invocation.parse_source(wrapped)
                done = done and invocation.execute_text_pass_pipeline(pipeline)
                text = _text_of(invocation) if done else None
            del callback
    return text, diagnostics or ([] if done else ["error: the compiler gave no reason"])


def _set_process_flags(flags: tuple[str, ...]) -> None:
    """Set the flags of the compiler's command line; the compiler takes them once per process."""
    if not flags or _process_flags:
        return
    from iree.compiler.api import ctypes_dl

    ctypes_dl._initializeGlobalCL("iree-compile", *flags)
    _process_flags.extend(flags)


def _run(invocation: Any, first: str, last: str) -> bool:
    """Run the phases after `first`, up to and including `last`; returns whether they succeeded."""
    from iree.compiler.api import ctypes_dl

    for name, phase in (("From", first), ("To", last)):
        if phase:
            choose = getattr(ctypes_dl._dylib, f"ireeCompilerInvocationSetCompile{name}Phase")
            choose.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
            choose.restype = None
            choose(invocation._inv_p, phase.encode())
    return invocation.execute()


def _bytecode_of(invocation: Any) -> bytes:
    from iree.compiler.api import Output

    with Output.open_membuffer() as output:
        invocation.output_ir_bytecode(output)
        return bytes(output.map_memory())


def _text_of(invocation: Any) -> bytes:
    from iree.compiler.api import Output

    with Output.open_membuffer() as output:
        invocation.output_ir(output)
        return bytes(output.map_memory())


def print_source(source: Any) -> tuple[bytes | None, list[str]]:
    """Parse an `iree.compiler.api.Source` and print it as text; it stays open for its owner.

    Returns:
        The MLIR, None if it does not parse; and the diagnostics.
    """
    from iree.compiler.api import Session

    diagnostics: list[str] = []
    with Session() as session:
        invocation: Any = session.invocation()
        with invocation:
            callback = _capture_diagnostics(invocation, diagnostics)
            parsed = invocation.parse_source(source)
            invocation._sources.clear()  # else it is closed with the invocation
            if not parsed:
                return None, diagnostics or ["error: the compiler gave no reason"]
            text = _text_of(invocation)
            del callback
    return text, diagnostics


def _capture_diagnostics(invocation: Any, into: list[str]) -> Any:
    from iree.compiler.api import ctypes_dl

    @_CALLBACK
    def receive(severity: int, message: Any, size: int, _data: Any) -> None:
        text = ctypes.string_at(message, size).decode("utf-8", "replace").strip()
        into.append(f"{_SEVERITIES[severity] if severity < 4 else 'note'}: {text}")

    enable = ctypes_dl._dylib.ireeCompilerInvocationEnableCallbackDiagnostics
    enable.argtypes = [ctypes.c_void_p, ctypes.c_int, _CALLBACK, ctypes.c_void_p]
    enable.restype = None
    enable(invocation._inv_p, 0, receive, None)
    return receive  # the compiler holds a bare pointer to it


def write_message(stream: BinaryIO, header: dict[str, Any], payload: bytes = b"") -> None:
    """Send one message."""
    encoded = json.dumps({**header, "size": len(payload)}).encode()
    stream.write(len(encoded).to_bytes(4, "little") + encoded + payload)
    stream.flush()


def read_message(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Receive one message, None if the other side is gone."""
    prefix = stream.read(4)
    if len(prefix) < 4:
        return None
    size = int.from_bytes(prefix, "little")
    encoded = stream.read(size)
    if len(encoded) < size:
        return None
    header = json.loads(encoded)
    payload = stream.read(header["size"])
    return (header, payload) if len(payload) == header["size"] else None


def _serve() -> None:
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # the compiler's own output must not mix with the replies
    first = read_message(requests)
    if first is None:
        return
    sys.path[:] = first[0]["sys_path"]
    while (message := read_message(requests)) is not None:
        header, source = message
        if "pipeline" in header:
            text, diagnostics = run_pipeline(source, header["pipeline"], header["process_flags"])
            reply = {"ok": text is not None, "diagnostics": diagnostics}
            write_message(replies, reply, text or b"")
            continue
        vmfb, *phases, diagnostics = translate(source, header["flags"], header["process_flags"])
        sizes = [len(phase) for phase in phases]
        reply = {"ok": vmfb is not None, "diagnostics": diagnostics, "phase_sizes": sizes}
        write_message(replies, reply, b"".join((*phases, vmfb or b"")))


if __name__ == "__main__":
    _serve()
