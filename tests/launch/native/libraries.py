"""Which code do the launcher's tests run?  Executables in C, of the ABI that IREE's have."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

import ir_runtime.launch.direct.native
from ir_runtime.launch.direct.native._launcher import Executable, Plan, set_parallel_bytes

HEADERS = Path(ir_runtime.launch.direct.native.__file__).parent

_TEXT = """
#include "abi/library.h"
{functions}
static const library_header header = {{{version}, "test", {features}, {sanitizer}}};
static const char *const imports[] = {{{imports}}};
static const dispatch_function functions[] = {{{pointers}}};
static const dispatch_attributes attributes[] = {{{attributes}}};
static const char *const names[] = {{{names}}};
static const library_v0 library = {{
  &header,
  {{sizeof imports / sizeof *imports - 1, imports}},
  {{sizeof functions / sizeof *functions, functions, attributes, 0, 0, names, 0, 0, 0, 0}},
  {{{constants}}},
}};
const void *iree_hal_executable_library_query(unsigned version, const void *environment) {{
  return version < {minimum} ? (void *)0 : (const void *)&library;
}}
"""

_FUNCTION = """
static int {name}(
    const library_environment *e, const dispatch_state *s, const workgroup_state *w) {{
  {body}
  return 0;
}}
"""


class Function:
    """A dispatch function in C: `e`, `s`, `w` are environment, dispatch state and workgroup."""

    def __init__(
        self,
        name: str,
        body: str,
        *,
        bindings: int = 0,
        constants: int = 0,
        pages: int = 0,
        flags: int = 0,
    ) -> None:
        self.name = name
        self.text = _FUNCTION.format(name=name, body=body)
        self.attributes = f"{{{flags}, {pages}, {constants}, {bindings}}}"


def library_source(
    functions: tuple[Function, ...],
    *,
    version: int = 6,
    minimum: int = 0,
    features: int = 0,
    sanitizer: int = 0,
    imports: tuple[str, ...] = (),
    constants: int = 0,
) -> str:
    return _TEXT.format(
        functions="".join(f.text for f in functions),
        pointers=", ".join(f.name for f in functions),
        attributes=", ".join(f.attributes for f in functions),
        names=", ".join(f'"{f.name}"' for f in functions),
        imports="".join(f'"{name}", ' for name in imports) + "0",
        version=version,
        minimum=minimum,
        features=features,
        sanitizer=sanitizer,
        constants=constants,
    )


@functools.cache
def compile_c(source: str) -> bytes:
    """Compile C to a shared object that needs no other."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "library.c")
        path.write_text(source)
        out = path.with_suffix(".so")
        flags = ["-shared", "-fPIC", "-O1", "-nostdlib", "-ffreestanding", f"-I{HEADERS}"]
        subprocess.run(["cc", *flags, str(path), "-o", str(out)], check=True)
        return out.read_bytes()


def executable(*functions: Function, name: str = "test", **header: object) -> Executable:
    return Executable(name, compile_c(library_source(functions, **header)))


SQUARE = Function(
    "square",
    # a workgroup is a row of 64 floats
    "const float *x = s->bindings[0]; float *y = s->bindings[1];"
    "for (int i = 0; i < 64; i++) y[w->x * 64 + i] = x[w->x * 64 + i] * x[w->x * 64 + i];",
    bindings=2,
)


def one_step(
    function: Function,
    grid: tuple[int, int, int],
    *sizes: int,
    results: int = 1,
    constants: tuple[int, ...] = (),
    touched_bytes: int | None = None,
) -> Plan:
    """Plan one dispatch that binds each tensor whole."""
    bindings = tuple((slot, 0, size) for slot, size in enumerate(sizes))
    step = ("dispatch", 0, 0, grid, constants, bindings)
    operands = len(sizes) - results
    touched = sum(sizes) if touched_bytes is None else touched_bytes
    return Plan([executable(function)], operands, results, sizes, [], [step], touched)


def square_plan(rows: int) -> Plan:
    return one_step(SQUARE, (rows, 1, 1), rows * 256, rows * 256)


@contextmanager
def always_parallel() -> Iterator[None]:
    before = set_parallel_bytes(0)
    try:
        yield
    finally:
        set_parallel_bytes(before)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
