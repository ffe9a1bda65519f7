"""Translate MLIR to a VMFB, in this process or as the child process of another.

As a script it answers requests on its standard input until that closes. It imports nothing of
this package, so that a child starts fast, and nothing but the compiler can take it down.

Wire format, both directions: 4 bytes little-endian length, that many bytes of JSON, then `size`
payload bytes.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import sys
from collections.abc import Callable, Sequence
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
        flags: of this compile.
        process_flags: those that IREE takes only for a whole process; the first ones given hold.
                With any, the text of the host program is returned, too.

    Returns:
        The VMFB, None on failure; the module after the stream phase, as bytecode, and after the
        HAL phase, as text, this one empty unless asked for; and the diagnostics, each as
        `<severity>: <message>`.
    """
    from iree.compiler.api import Output, Session, Source

    _set_process_flags(tuple(process_flags))
    diagnostics: list[str] = []
    stream = host = b""
    with Session() as session:
        try:
            session.set_flags(*flags)
        except ValueError as error:
            return None, b"", b"", [f"error: {error}"]
        invocation: Any = session.invocation()
        with invocation:
            callback = _capture_diagnostics(invocation, diagnostics)
            with Source.wrap_buffer(session, source) as wrapped:
                # Going on after a failure kills the process: each step's answer counts.
                wants_host = process_flags and len(source) <= _HOST_SOURCE_MAX
                done = invocation.parse_source(wrapped)
                done = done and _run(invocation, "", _FLOW_PHASE)
                done = done and _give_each_use_its_tensor(session, invocation)
                if done and _run(invocation, _FLOW_PHASE, _STREAM_PHASE):
                    stream = _bytecode_of(invocation)
                    done = not wants_host or _run(invocation, _STREAM_PHASE, _HOST_PHASE)
                    host = _text_of(invocation) if wants_host and done else b""
                    done = done and _run(
                        invocation, _HOST_PHASE if wants_host else _STREAM_PHASE, "end"
                    )
                if not done or not stream:
                    return None, b"", b"", diagnostics or ["error: the compiler gave no reason"]
                with Output.open_membuffer() as output:
                    try:
                        invocation.output_vm_bytecode(output)
                    except ValueError as error:
                        return None, b"", b"", [*diagnostics, f"error: {error}"]
                    vmfb = bytes(output.map_memory())
            del callback
    return vmfb, stream, host, diagnostics


def _give_each_use_its_tensor(session: Any, invocation: Any) -> bool:
    """Rewrite the module between the flow and the stream phase; see `_separate_generated`."""
    session.context  # noqa: B018 -- the module is exported into it
    module = invocation.export_module()
    _separate_generated(module)
    invocation.import_module(module)
    return True


def run_pipeline(
    source: bytes, pipeline: str, process_flags: Sequence[str] = ()
) -> tuple[bytes | None, list[str]]:
    """Run passes over MLIR text or bytecode.

    Args:
        source: the MLIR.
        pipeline: passes over the module, as text.
        process_flags: as of `translate`.

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
    """Give the compiler's own command line its flags, which it takes once a process."""
    if not flags or _process_flags:
        return
    from iree.compiler.api import ctypes_dl

    ctypes_dl._initializeGlobalCL("iree-compile", *flags)
    _process_flags.extend(flags)


def _run(invocation: Any, first: str, last: str) -> bool:
    """Run the phases after `first`, up to and with `last`; returns whether they succeeded."""
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


_SAME_TENSOR = ("flow.tensor.reshape", "flow.tensor.bitcast", "tensor.cast")
_READERS = ("flow.tensor.slice", "flow.tensor.load", "flow.tensor.trace", "hal.tensor.export")


def _separate_generated(module: Any) -> None:
    """Give each use of a tensor that is made of no other tensor its own dispatch and executable.

    Such a tensor is an `arange`, or the places that a sort moves. Where two dispatches update it in
    place, IREE 3.13 does not copy it but repeats the dispatch that makes it, and later merges the
    two equal dispatches: both updates happen in one buffer, and the numbers are wrong
    (https://github.com/iree-org/iree/pull/23665). It never merges different executables.
    """
    operations = _operations_in(module)
    executables = {
        op.attributes["sym_name"].value: op for op in operations if op.name == "flow.executable"
    }
    makers: dict[str, list[Any]] = {}
    for op in operations:
        if op.name == "flow.dispatch" and not any(_is_tensor(value) for value in op.operands):
            makers.setdefault(op.attributes["entry_points"][0].value[0], []).append(op)
    for name, dispatches in makers.items():
        if name not in executables:  # code from elsewhere, whose symbols cannot be renamed
            continue
        uses = [use for op in dispatches for use in _uses_of(op)]
        if len(uses) < 2 or not any(_may_write(*use) for use in uses):
            continue
        for i, op in enumerate(dispatches):
            if i:
                _call_copy(op, executables)
            _separate(op, lambda op: _call_copy(op.clone(), executables))


def _operations_in(module: Any) -> list[Any]:
    from iree.compiler.ir import WalkResult

    found: list[Any] = []

    def visit(operation: Any) -> Any:
        found.append(operation)
        return WalkResult.ADVANCE

    module.walk(visit)
    return found


def _is_tensor(value: Any) -> bool:
    return str(value.type).startswith("tensor<")


def _uses_of(op: Any) -> list[tuple[Any, int]]:
    """Return what uses an operation's results, also through views: users and operand numbers."""
    found: list[tuple[Any, int]] = []
    for result in op.results:
        for use in result.uses:
            user = use.owner.operation
            views = user.name in _SAME_TENSOR
            found.extend(_uses_of(user) if views else [(user, use.operand_number)])
    return found


def _may_write(user: Any, number: int) -> bool:
    """Tell whether an operation may update one of its operands in place."""
    if user.name == "flow.dispatch":
        first = user.attributes["operandSegmentSizes"][0]
        return any(tied.value == number - first for tied in user.attributes["tied_operands"])
    if user.name == "flow.tensor.update":
        return number == 0
    return user.name not in _READERS and user.name != "hal.tensor.barrier"


def _separate(op: Any, copy: Callable[[Any], Any]) -> None:
    """Copy an operation, and the views of its results, for each use but the first."""
    for result in op.results:
        for use in list(result.uses):
            if use.owner.operation.name in _SAME_TENSOR:
                _separate(use.owner.operation, lambda view: view.clone())
    uses = [
        (i, use.owner.operation, use.operand_number)
        for i, result in enumerate(op.results)
        for use in result.uses
    ]
    for i, user, number in uses[1:]:
        with op.context, _before(op):
            user.operands[number] = copy(op).results[i]


def _before(op: Any) -> Any:
    from iree.compiler.ir import InsertionPoint

    return InsertionPoint(op)


def _call_copy(dispatch: Any, executables: dict[str, Any]) -> Any:
    """Let a dispatch call a copy of its executable, and return it."""
    from iree.compiler.ir import ArrayAttr, SymbolRefAttr

    name, entry = dispatch.attributes["entry_points"][0].value
    original = executables[name]
    names = (f"{name}_use_{i}" for i in itertools.count())
    fresh = next(unused for unused in names if unused not in executables)
    suffix = fresh.removeprefix(name)
    with dispatch.context, _before(original):
        executables[fresh] = twin = original.clone()
        _rename_entries(twin, name, suffix)
        called = SymbolRefAttr.get([fresh, entry + suffix])
        dispatch.attributes["entry_points"] = ArrayAttr.get([called])
    return dispatch


def _rename_entries(executable: Any, name: str, suffix: str) -> None:
    """Rename an executable and its functions: the code of all executables is linked together."""
    from iree.compiler.ir import FlatSymbolRefAttr, StringAttr

    operations = _operations_in(executable)
    exports = [op for op in operations if "function_ref" in op.attributes]
    renamed = {name, *(export.attributes["sym_name"].value for export in exports)}
    for export in exports:
        function = export.attributes["function_ref"].value
        renamed.add(function)
        export.attributes["function_ref"] = FlatSymbolRefAttr.get(function + suffix)
    for op in operations:
        if "sym_name" in op.attributes and op.attributes["sym_name"].value in renamed:
            op.attributes["sym_name"] = StringAttr.get(op.attributes["sym_name"].value + suffix)


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
    os.dup2(2, 1)  # what the compiler prints must not mix with the replies
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
