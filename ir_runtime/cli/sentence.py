"""The sentences of the demo: docstrings of the Python standard library."""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from ir_runtime.errors import ArgumentError

__all__ = ["load_sentences"]

# Pure Python, well documented, present in every Python since 3.11; read as text, never imported.
_MODULES = [
    "argparse",
    "bdb",
    "calendar",
    "cgitb",
    "cmd",
    "code",
    "codecs",
    "collections/__init__",
    "concurrent/futures/_base",
    "configparser",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "dis",
    "doctest",
    "email/message",
    "enum",
    "fileinput",
    "filecmp",
    "fractions",
    "ftplib",
    "functools",
    "gettext",
    "heapq",
    "http/client",
    "http/cookiejar",
    "imaplib",
    "importlib/abc",
    "inspect",
    "ipaddress",
    "json/__init__",
    "json/decoder",
    "linecache",
    "locale",
    "logging/__init__",
    "mailbox",
    "mimetypes",
    "multiprocessing/pool",
    "netrc",
    "numbers",
    "optparse",
    "os",
    "pathlib",
    "pdb",
    "pickle",
    "pickletools",
    "platform",
    "plistlib",
    "poplib",
    "pprint",
    "profile",
    "queue",
    "random",
    "reprlib",
    "runpy",
    "sched",
    "selectors",
    "shelve",
    "shlex",
    "shutil",
    "smtplib",
    "socket",
    "socketserver",
    "statistics",
    "string",
    "subprocess",
    "tarfile",
    "tempfile",
    "textwrap",
    "threading",
    "timeit",
    "tokenize",
    "trace",
    "traceback",
    "turtle",
    "types",
    "typing",
    "unittest/case",
    "unittest/mock",
    "urllib/parse",
    "urllib/request",
    "urllib/robotparser",
    "uuid",
    "warnings",
    "wave",
    "weakref",
    "webbrowser",
    "xmlrpc/client",
    "zipfile",
]
_MIN_WORDS, _MAX_WORDS = 4, 90


def load_sentences(count: int, root: Path | None = None) -> list[str]:
    """Return real texts of mixed length, the same in every call with the same Python.

    Args:
        count: how many, >= 1; they are spread evenly over all texts.
        root: directory of the standard library's source; default: this Python's.

    Returns:
        `count` distinct texts of 4 to 90 words each, in the order of their modules.

    Raises:
        ArgumentError: there are fewer texts.
    """
    root = root or Path(sysconfig.get_path("stdlib"))
    found = list(dict.fromkeys(_texts(root)))
    if count > len(found):
        raise ArgumentError(
            f"demo: {count} sentences wanted, must be at most {len(found)}",
            facts=[f"texts are docstrings of the standard library in {root}"],
            fix="pass a smaller --sentences",
        )
    return [found[index * len(found) // count] for index in range(count)]


def _texts(root: Path) -> Iterator[str]:
    """Yield one text per docstring: in turn its first sentence, its first paragraph, all of it."""
    turn = 0
    for module in _MODULES:
        for docstring in _docstrings(root / f"{module}.py"):
            paragraphs = [" ".join(part.split()) for part in docstring.split("\n\n")]
            sentence = paragraphs[0].partition(". ")[0]
            text = (sentence, paragraphs[0], " ".join(paragraphs))[turn % 3]
            if _MIN_WORDS <= len(text.split()) <= _MAX_WORDS:
                turn += 1
                yield text


def _docstrings(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes())
    except OSError:  # later versions of Python may lack the module
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield docstring
