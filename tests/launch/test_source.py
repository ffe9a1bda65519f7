"""Is a program the same whatever form it comes in, and is that form left alone?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.errors import ArgumentError, CompileError, UnsupportedTypeError
from ir_runtime.launch import Launchable
from ir_runtime.launch.compile.source import source_bytes

jit = Launchable.jit_compile
X = torch.arange(1.0, 6.0)


@pytest.fixture
def session() -> Iterator[Any]:
    from iree.compiler.api import Session

    with Session() as session:
        session.set_flags(*Device("local-sync").compile_target_flags)
        yield session


@pytest.fixture(params=["wrapped text", "wrapped bytecode", "opened file"])
def source(
    request: pytest.FixtureRequest, session: Any, tmp_path: Path, doubling: Callable[..., str]
) -> Any:
    """A `Source` of each origin."""
    from iree.compiler.api import Source
    from iree.compiler.ir import Context, Module

    if request.param == "opened file":
        (tmp_path / "p.mlir").write_text(doubling())
        return Source.open_file(session, str(tmp_path / "p.mlir"))
    if request.param == "wrapped text":
        return Source.wrap_buffer(session, doubling().encode())
    with Context():
        bytecode = Module.parse(doubling()).operation.get_asm(binary=True)
    return Source.wrap_buffer(session, bytecode)


def test_text_bytes_and_file_are_one_program(tmp_path: Path, doubling: Callable[..., str]) -> None:
    """L2."""
    text = doubling()
    (tmp_path / "sum.mlir").write_text(text)
    with count_since() as counted:
        for source in (text, text.encode(), tmp_path / "sum.mlir"):
            assert torch.equal(jit(source, file_cache_dir=tmp_path / "s")(X), X + X)
    assert counted[0].compiles == 1


@pytest.mark.parametrize("where", ["bytes", "file"])
def test_bytecode_is_a_source(tmp_path: Path, doubling: Callable[..., str], where: str) -> None:
    """L2."""
    from iree.compiler.ir import Context, Module

    with Context():
        bytecode = Module.parse(doubling()).operation.get_asm(binary=True)
    (tmp_path / "sum.mlirbc").write_bytes(bytecode)
    assert torch.equal(jit(bytecode if where == "bytes" else tmp_path / "sum.mlirbc")(X), X + X)


@pytest.mark.parametrize("part", ["module", "operation"])
def test_module_of_the_compiler_bindings_is_a_source(
    doubling: Callable[..., str], part: str
) -> None:
    from iree.compiler.ir import Context, Module

    with Context():
        module = Module.parse(doubling())
        program = jit(module if part == "module" else module.operation)
    assert torch.equal(program(X), X + X)


def test_module_is_read_at_once(doubling: Callable[..., str]) -> None:
    from iree.compiler.ir import Context, Module

    with Context():
        module = Module.parse(doubling())
        program = jit(module)
        module.body.operations[0].operation.erase()
    assert torch.equal(program(X), X + X)


def test_source_object_runs_without_a_cache_directory(source: Any) -> None:
    """L2: the seed forgets to read it then (launch.py:277)."""
    assert torch.equal(jit(source)(X), X + X)


def test_source_object_serves_two_device_types(source: Any, tmp_path: Path) -> None:
    """L2: the seed parses it again for each, after it was consumed (launch.py:308)."""
    program = jit(source, file_cache_dir=tmp_path)
    with count_since() as counted:
        assert torch.equal(program(X), X + X)
        again = jit(source, file_cache_dir=tmp_path, flags=["--iree-opt-level=O1"])
        assert torch.equal(again(X, device=Device("local-task")), X + X)
    assert counted[0].compiles == 2


def test_source_object_stays_its_owners(source: Any, session: Any) -> None:
    first = source_bytes(source)
    assert source_bytes(source) == first
    with session.invocation() as invocation:
        assert invocation.parse_source(source)
        assert invocation.execute()


def test_source_object_may_be_closed_once_it_was_read(source: Any, session: Any) -> None:
    program = jit(source)
    session.close()
    assert torch.equal(program(X), X + X)


def test_source_object_is_stored_as_text_without_its_origin(source: Any) -> None:
    text = source_bytes(source).decode()
    assert "func.func @main" in text
    assert "loc(" not in text
    assert "p.mlir" not in text


def test_closed_source_object_is_refused(source: Any) -> None:
    source.close()
    with pytest.raises(ArgumentError) as caught:
        jit(source)
    assert str(caught.value) == "source: a closed Source, must be open"


def test_source_object_that_does_not_parse_is_reported(session: Any) -> None:
    from iree.compiler.api import Source

    wrapped = Source.wrap_buffer(session, b"func.func @main( {")
    with pytest.raises(CompileError) as caught:
        jit(wrapped)
    assert caught.value.headline == "source: does not parse, must be MLIR"
    assert caught.value.diagnostics[0].startswith("error: source.mlir:1:17: expected")
    assert caught.value.diagnostics[0] in str(caught.value)


def test_file_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError) as caught:
        jit(tmp_path / "none.mlir")
    assert caught.value.headline == (
        f"source: {tmp_path}/none.mlir cannot be read, must be a file of MLIR"
    )


@pytest.mark.parametrize(("source", "kind"), [(3, "int"), (None, "NoneType"), (["x"], "list")])
def test_source_of_another_type_is_refused(source: object, kind: str) -> None:
    with pytest.raises(UnsupportedTypeError) as caught:
        jit(source)
    assert str(caught.value) == (
        f"source: a {kind}, must be MLIR as str, bytes, Path, Source or module"
    )
