"""A C++ compiler that remembers what it made: Inductor calls it in place of `g++` in tests.

`install` writes this file, made executable, beside what it keeps: shared libraries, found by their
source, flags, compiler, torch and CPU. Any other call goes to the compiler. torch's own caches know
nothing of it, so each test still starts with empty ones.

Its path is the same in each session: torch names precompiled headers by the path of the compiler,
and a session with a name of its own for them would make one (seconds, 150 MB), and find nothing
that was compiled with another.
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
ABOUT, PREFIX = "IR_TESTS_CXX_ABOUT", "IR_TESTS_CXX_PREFIX"


def install(cache: Path) -> None:
    """Write the compiler into a directory, and have Inductor call it.

    Args:
        cache: where results are kept.
    """
    from importlib.metadata import version

    if shutil.which(COMPILER) is None or "CXX" in os.environ:
        return
    text = f"#!{sys.executable} -IS\n{Path(__file__).read_text('utf-8')}"
    script = cache / f"c++-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    cache.mkdir(parents=True, exist_ok=True)
    if not script.exists():
        part = script.with_suffix(f".{os.getpid()}")
        part.write_text(text, "utf-8")
        part.chmod(0o755)
        part.replace(script)
    compiler = subprocess.run([COMPILER, "--version"], capture_output=True, check=True, text=True)
    about = f"{compiler.stdout}{version('torch')}\n{_cpu_flags()}"
    found = {"CXX": str(script), ABOUT: about, PREFIX: sys.prefix}
    os.environ.update(found)  # torch reads it at import, and child processes inherit it


def _cpu_flags() -> str:
    """Return what `-march=native` depends on."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith(("flags", "Features")):
                return line
    return ""


def _run(arguments: list[str]) -> int:
    return subprocess.run([COMPILER, *arguments]).returncode


def _key(source: str, flags: list[str]) -> str:
    """Return the name of what these flags make of a source, in whichever checkout."""
    parts = [os.environ[ABOUT].encode(), Path(source).read_bytes()]
    prefix = os.environ[PREFIX]
    for before, flag in zip(["", *flags], flags, strict=False):
        # A precompiled header is what the source includes all the same.
        header = before == "-include" and "/precompiled_headers/" in flag
        parts.append(b"" if header else flag.replace(prefix, "").encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def main(arguments: list[str]) -> int:
    """Compile, or take the result of an earlier call."""
    sources = [argument for argument in arguments if argument.endswith(".cpp")]
    if len(sources) != 1 or "-shared" not in arguments or "-o" not in arguments[:-1]:
        return _run(arguments)
    target = arguments[arguments.index("-o") + 1]
    flags = [argument for argument in arguments if argument not in (sources[0], target)]
    kept = Path(__file__).with_name(f"{_key(sources[0], flags)}.so")
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
