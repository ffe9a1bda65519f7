"""A C++ compiler that remembers what it made: Inductor calls it in place of `g++` in tests.

`install` writes this file, made executable, into the directory of a session. It keeps shared
libraries, found by their source, flags, compiler and torch, beside what IREE's compiler made; any
other call goes to the compiler. torch's own caches know nothing of it, so each test still starts
with empty ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["install"]

COMPILER = "g++"
DIRECTORY, TORCH = "IR_TESTS_CXX_CACHE", "IR_TESTS_CXX_TORCH"


def install(session: Path, cache: Path) -> None:
    """Write the compiler into a session's directory, and have Inductor call it.

    Args:
        session: the directory.
        cache: where results are kept.
    """
    from importlib.metadata import version

    if shutil.which(COMPILER) is None or "CXX" in os.environ:
        return
    script = session / "cached-c++"
    script.write_text(f"#!{sys.executable} -IS\n{Path(__file__).read_text('utf-8')}", "utf-8")
    script.chmod(0o755)
    cache.mkdir(parents=True, exist_ok=True)
    found = {"CXX": str(script), DIRECTORY: str(cache), TORCH: version("torch")}
    os.environ.update(found)  # torch reads it at import, and child processes inherit it


def _run(arguments: list[str]) -> int:
    return subprocess.run([COMPILER, *arguments]).returncode


def _key(source: str, arguments: list[str]) -> str:
    """Return the name of what these arguments make of a source."""
    said = subprocess.run([COMPILER, "--version"], capture_output=True, check=True).stdout
    parts = [said, Path(source).read_bytes(), os.environ[TORCH].encode()]
    parts += [argument.encode() for argument in arguments]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def main(arguments: list[str]) -> int:
    """Compile, or take the result of an earlier call."""
    sources = [argument for argument in arguments if argument.endswith(".cpp")]
    if len(sources) != 1 or "-shared" not in arguments or "-o" not in arguments[:-1]:
        return _run(arguments)
    target = arguments[arguments.index("-o") + 1]
    flags = [argument for argument in arguments if argument not in (sources[0], target)]
    kept = Path(os.environ[DIRECTORY]) / f"{_key(sources[0], flags)}.so"
    if kept.is_file():
        shutil.copyfile(kept, target)
        return 0
    code = _run(arguments)
    if code == 0 and Path(target).is_file():
        part = kept.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):  # a full disk costs the cache alone
            shutil.copyfile(target, part)
            part.replace(kept)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
