"""Run mutants: `python -m tests.mutation.run [words of a name ...] [--jobs N] [--tests FOLDER]`.

Each mutant gets a copy of the package of its own. The guards run until the first one fails.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutation.mutant import Mutant
from tests.mutation.mutants import MUTANTS

ROOT = Path(__file__).parents[2]
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+(?: \S+)*?)(?: - .*)?$", re.MULTILINE)
_LIMIT_S = 1200


def caught_by(mutant: Mutant, tests: Path) -> str | None:
    """Return the first test that fails with a mutant; None if it survives.

    Args:
        mutant: what to change.
        tests: the folder of tests, in this checkout or in an older one.

    Raises:
        RuntimeError: the tests cannot run at all.
    """
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        copy = Path(name)
        _copy_with(mutant, tests, copy)
        try:
            run = _run_guards(mutant, copy)
        except subprocess.TimeoutExpired:
            return f"no end within {_LIMIT_S} s"
    if run.returncode == 0:
        return None
    found = _FAILED.search(run.stdout)
    if found is None:
        if run.returncode < 0 or "Fatal Python error" in run.stderr:
            return f"the process ended with {run.returncode}"
        raise RuntimeError(run.stdout[-2000:] + run.stderr[-2000:])
    return found[1].removeprefix("tests/")


def _copy_with(mutant: Mutant, tests: Path, copy: Path) -> None:
    """Copy the packages and the tests, and put the mutant into the copy."""
    ignored = shutil.ignore_patterns("__pycache__")
    for package in ("ir_runtime", "kernels_mlir", "benchmarks"):
        shutil.copytree(ROOT / package, copy / package, ignore=ignored)
    shutil.copytree(tests, copy / "tests", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", copy)
    path = copy / mutant.path
    path.write_text(mutant.applied(path.read_text("utf-8")), "utf-8")


def _run_guards(mutant: Mutant, copy: Path) -> subprocess.CompletedProcess[str]:
    """Run the guards of a mutant in a copy of the packages, up to the first failure."""
    present = [g for g in mutant.guards if (copy / "tests" / g.partition("::")[0]).exists()]
    pytest = [sys.executable, "-P", "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*pytest, *(f"tests/{guard}" for guard in present)],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
    )


def main() -> None:
    """Print what catches each mutant; exits with 1 if one survives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutants whose names have all of these")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--tests", type=Path, default=ROOT / "tests", help="folder of the tests")
    arguments = parser.parse_args()
    chosen = [m for m in MUTANTS if all(word in m.name for word in arguments.words)]
    survived = 0

    def judge(mutant: Mutant) -> tuple[Mutant, str | None, float]:
        started = time.monotonic()
        return mutant, caught_by(mutant, arguments.tests), time.monotonic() - started

    with ThreadPoolExecutor(arguments.jobs) as pool:
        for mutant, test, took_s in pool.map(judge, chosen):
            survived += test is None
            print(f"{mutant.name}\t{test or 'SURVIVED'}\t{took_s:.0f} s", flush=True)
    print(f"{len(chosen)} mutants, {survived} survived")
    raise SystemExit(survived > 0)


if __name__ == "__main__":
    main()
