"""The two parts of the suite, quick and full, and the limits that they keep.

A test marked `full` runs under `make test-full`. What passed there is recorded, by test file, with
a digest of all that the file depends on: `FULL_INPUTS` in the file, paths and patterns from the
root of the checkout, or all sources. `make test-changed` runs the files whose digest is another.
Tests that need a Vulkan device run after the others and are recorded apart from them.

A budget file holds how many programs each part may have compiled.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from ir_runtime.device.cpu import host_cpu_target
from ir_runtime.launch.compile.compile_cache import CompileCache
from tests.full_inputs import ALL_SOURCES, BUDGET, RECORD, ROOT, inputs_digest

__all__ = ["FullSuite", "over_budget"]

_ON_VULKAN = " on vulkan"
_NOT_REACHED = "not reached in the minutes that were given"


def over_budget(part: str, compiled: int, budget: dict[str, int]) -> str | None:
    """Say that a part of the suite compiled more programs than it may; None if it did not."""
    if compiled <= budget[part]:
        return None
    return (
        f"the {part} suite compiled {compiled} programs, may compile {budget[part]}\n"
        "  fix: share kernels between tests, use a kernel that is there already, or mark what is "
        f"long by nature `full`; with a good reason, raise {BUDGET.name}"
    )


class FullSuite:
    """Choose the tests of a part; at the end look at its budget, and record what passed.

    Args:
        config: pytest's, with `--full`, `--record` and `--minutes`.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._choice: str = config.getoption("--full")
        self._digests: dict[str, str] = {}
        self._ran: set[str] = set()
        self._bad: set[str] = set()
        self._said: list[str] = []
        self._not_reached = 0
        self._started_s = time.time()
        minutes = config.getoption("--minutes")
        self._given_s = None if minutes is None else 60 * minutes

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        chosen: list[pytest.Item] = []
        dropped: list[pytest.Item] = []
        for item in items:
            (chosen if self._is_chosen(item) else dropped).append(item)
        if dropped:
            self._config.hook.pytest_deselected(items=dropped)
            items[:] = chosen

    def _is_chosen(self, item: pytest.Item) -> bool:
        full = item.get_closest_marker("full") is not None
        if self._choice == "no":
            return not full
        changed = self._choice == "changed"
        return full and not (changed and _recorded().get(_part_of(item)) == self._digest(item))

    def _digest(self, item: pytest.Item) -> str:
        file = item.nodeid.partition("::")[0]
        if file not in self._digests:
            inputs = getattr(getattr(item, "module", None), "FULL_INPUTS", ALL_SOURCES)
            self._digests[file] = inputs_digest(item.path, inputs)
        return self._digests[file]

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if self._given_s is None:
            return
        own_limit = item.get_closest_marker("timeout")
        too_long = own_limit is not None and own_limit.args[0] > self._given_s
        if too_long or time.time() > self._started_s + self._given_s:
            pytest.skip(_NOT_REACHED)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        part = _part_name(report.nodeid, on_vulkan="vulkan" in report.keywords)
        self._ran.add(part)
        not_reached = report.skipped and _NOT_REACHED in str(report.longrepr)
        self._not_reached += not_reached
        if report.failed or not_reached:
            self._bad.add(part)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(self._config, "workerinput"):
            return
        if self._choice == "changed" and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            self._said.append("no full test depends on what has changed since it passed")
            session.exitstatus = pytest.ExitCode.OK
        if self._not_reached:
            self._said.append(
                f"{self._not_reached} full tests were not reached in time\n"
                "  fix: run `make test-full`, and commit tests/full_passed.json"
            )
        part = "quick" if self._choice == "no" else "full"
        if self._config.option.markexpr == "vulkan":
            part += _ON_VULKAN
        cache = CompileCache(Path(os.environ["IR_RUNTIME_COMPILE_CACHE"]))
        compiled = cache.used_since(self._started_s)
        problem = over_budget(part, compiled, json.loads(BUDGET.read_text("utf-8")))
        self._said.append(f"{compiled} programs compiled, or taken from the cache of compiles")
        if problem is not None:
            self._said.append(problem)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._config.getoption("--record") and self._ran_whole(session):
            self._write_record()

    def _ran_whole(self, session: pytest.Session) -> bool:
        """Tell whether no test file was left out, cut short or run in part."""
        every = self._config.args_source is pytest.Config.ArgsSource.TESTPATHS
        every &= self._config.option.markexpr in ("", "vulkan", "not vulkan")
        stopped = session.shouldstop or session.shouldfail or session.exitstatus not in (0, 1)
        return every and not self._config.option.keyword and not stopped

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for line in self._said:
            terminalreporter.write_line(line)

    def _write_record(self) -> None:
        """Record each file that ran whole and passed; forget those that are gone."""
        known = {part: old for part, old in _recorded().items() if (ROOT / _file(part)).exists()}
        for part in self._ran:
            known.pop(part, None)
            if part not in self._bad:
                known[part] = self._digest_of_file(_file(part))
        cpu = host_cpu_target()
        record = {"cpu": [cpu.cpu, *cpu.features], "passed": dict(sorted(known.items()))}
        RECORD.write_text(json.dumps(record, indent=1) + "\n", "utf-8")

    def _digest_of_file(self, file: str) -> str:
        import importlib

        module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
        return inputs_digest(ROOT / file, getattr(module, "FULL_INPUTS", ALL_SOURCES))


def _part_of(item: pytest.Item) -> str:
    return _part_name(item.nodeid, on_vulkan=item.get_closest_marker("vulkan") is not None)


def _part_name(nodeid: str, *, on_vulkan: bool) -> str:
    """Return what is recorded as one: a file's tests without, or with, a Vulkan device."""
    return nodeid.partition("::")[0] + (_ON_VULKAN if on_vulkan else "")


def _file(part: str) -> str:
    return part.removesuffix(_ON_VULKAN)


def _recorded() -> dict[str, str]:
    return json.loads(RECORD.read_text("utf-8"))["passed"] if RECORD.exists() else {}
