"""A function's reads from outside of the program: environment, files, clocks, random numbers.

Environment variables and facts about the machine count in a key by their value. Other reads are
refused, because a stored kernel is found before the code that reads them runs.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence

import torch

from ir_runtime.frozen import frozen
from ir_runtime.op_reg.digest.bytecode_read import Constant, Load, Other, Token

__all__ = ["FILES", "OutsideRead", "outside_read"]

_ENVIRONMENT = ("os.environ", "os.environb", "os.getenv", "os.getenvb")
_ABOUT_FILES = (
    "keep the text in a module-level name: MlirTemplate.beside(__file__, 'name.mlir') or a "
    "template loader for MLIR, a constant for anything else"
)
FILES = ("files", _ABOUT_FILES)
"""The kind and the fix in the refusal of a file."""

_ABOUT_VALUES = "make it an attribute of the op's signature, or a module-level constant"
_OF_FILES = (
    "builtins.open io _io codecs.open os.open os.read os.listdir os.scandir os.walk os.stat "
    "os.fdopen glob fileinput tempfile shutil mmap importlib.resources pkgutil.get_data "
    "numpy.load numpy.loadtxt numpy.genfromtxt numpy.fromfile numpy.memmap torch.load "
    "torch.from_file pathlib.Path.cwd pathlib.Path.home pathlib.Path.read_text "
    "pathlib.Path.read_bytes pathlib.Path.open pathlib.Path.exists pathlib.Path.is_file "
    "pathlib.Path.is_dir pathlib.Path.iterdir pathlib.Path.glob pathlib.Path.rglob "
    "pathlib.Path.stat os.getcwd os.path.exists os.path.isfile os.path.getmtime sqlite3 "
    "shelve dbm zipfile tarfile linecache"
)
_CHANGING = (
    "time random secrets datetime.datetime.now datetime.datetime.today "
    "datetime.datetime.utcnow datetime.date.today uuid.uuid1 uuid.uuid4 numpy.random "
    "os.urandom os.getpid os.getppid os.times os.getloadavg socket subprocess urllib http "
    "select psutil torch.rand torch.randn torch.randint torch.randperm torch.initial_seed "
    "torch.seed torch.random tracemalloc builtins.input sys.argv sys.stdin sys.path resource "
    "os.system os.popen requests"
)
_STEADY = "time.sleep io.StringIO io.BytesIO _io.StringIO _io.BytesIO time.struct_time glob.escape"
_REFUSED: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(_OF_FILES.split(), FILES),
    **dict.fromkeys(_CHANGING.split(), ("values that differ from run to run", _ABOUT_VALUES)),
}
_FACTS: Mapping[str, Callable[[], object]] = {
    "os.cpu_count": os.cpu_count,
    "multiprocessing.cpu_count": os.cpu_count,
    "platform.machine": platform.machine,
    "platform.system": platform.system,
    "platform.processor": platform.processor,
    "platform.node": platform.node,
    "torch.get_num_threads": torch.get_num_threads,
    "torch.get_default_dtype": torch.get_default_dtype,
    "sys.platform": lambda: sys.platform,
}


@frozen
class OutsideRead:
    """A read from outside of the program.

    Attributes:
        name: the name that the code uses, such as `os.environ`.
        described: the text that counts in a key; None if the read is refused.
        kind: the kind of value, for messages.
        fix: how to avoid the read.
    """

    name: str
    described: str | None
    kind: str = ""
    fix: str = ""


def outside_read(
    name: str, tokens: Sequence[Token], at: int, text_of: Callable[[Load], object]
) -> OutsideRead | None:
    """Return the outside read that the use of a library's name is, None if it is none.

    Args:
        name: the full name, with the attributes that the code reads from it.
        tokens: of the code.
        at: the position of the name in `tokens`.
        text_of: returns the value of another load.
    """
    for word in _ENVIRONMENT:
        if name == word or name.startswith(f"{word}."):
            return _environment(name, tokens, at, text_of)
    for prefix in _prefixes(name):
        if prefix in _STEADY.split():
            return None
        if prefix in _FACTS:
            return OutsideRead(prefix, f"{prefix}={_FACTS[prefix]()!r}")
        if prefix in _REFUSED:
            kind, fix = _REFUSED[prefix]
            return OutsideRead(prefix.removeprefix("builtins."), None, kind, fix)
    return None


def _prefixes(name: str) -> list[str]:
    """Return the name and its prefixes that end before a dot, the longest first."""
    parts = name.split(".")
    return [".".join(parts[:i]) for i in range(len(parts), 0, -1)]


def _environment(
    name: str, tokens: Sequence[Token], at: int, text_of: Callable[[Load], object]
) -> OutsideRead:
    after = [*tokens[at + 1 : at + 3], Other("end"), Other("end")]
    variable: object = None
    before = tokens[at - 1] if at else None
    if isinstance(after[0], Other) and after[0].name == "CONTAINS_OP":
        variable = _value(before, text_of)
    elif name not in ("os.environ", "os.environb") or (
        isinstance(after[1], Other) and after[1].name in ("BINARY_SUBSCR", "BINARY_OP")
    ):
        variable = _value(after[0], text_of)
    if isinstance(variable, bytes):
        variable = os.fsdecode(variable)
    if not isinstance(variable, str):
        fix = "name the variable in the code: os.environ['NAME']; or read it into a constant"
        return OutsideRead(name, None, "environment variables that the code does not name", fix)
    return OutsideRead(name, f"environment {variable}={os.environ.get(variable)!r}")


def _value(token: Token | None, text_of: Callable[[Load], object]) -> object:
    if isinstance(token, Constant):
        return token.value
    return text_of(token) if isinstance(token, Load) else None
