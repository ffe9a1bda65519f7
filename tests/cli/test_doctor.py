import json
import os
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ir_runtime.cli import main
from ir_runtime.cli.doctor import find_problems, gather_facts
from ir_runtime.device import Device
from ir_runtime.settings import current_settings, override_settings
from tests.devices import open_or_skip


@pytest.fixture(scope="module")
def facts():
    found = gather_facts(current_settings())
    versions = {name: version or "1" for name, version in found.versions.items()}
    return replace(found, versions=versions, cxx="/usr/bin/g++", artifacts=0, store_writable=True)


def without(facts, name):
    return replace(facts, versions={**facts.versions, name: None})


def test_report_shows_versions_devices_and_store(store, capsys):
    assert main(["doctor"]) == 0
    lines = {tuple(line.split(maxsplit=1)) for line in capsys.readouterr().out.splitlines()}
    assert ("torch", torch.__version__) in lines
    assert ("local-task", "local-task") in lines
    assert ("place", str(store.root)) in lines
    assert ("artifacts", "0, 0.0 MB") in lines
    assert ("IR_RUNTIME_STORE", str(store.root)) in lines


def test_json_report(store, capsys):
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["usable"] is True
    assert report["drivers"]["local-sync"] == "local-sync"
    assert set(report["drivers"]) == {"local-sync", "local-task", "cuda", "hip", "vulkan"}
    assert set(report["usable_drivers"]) >= {"local-sync", "local-task"}
    assert report["store"] == str(store.root)
    assert report["artifacts"] == 0
    assert report["cpu"]


def test_doctor_leaves_the_compiler_alone(tmp_path):
    code = (
        "import sys; from ir_runtime.cli import main; main(['doctor', '--json'])\n"
        "assert 'iree.compiler' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr


@pytest.mark.vulkan
def test_devices_are_named(facts):
    device = open_or_skip("vulkan")
    assert device.device_state.enumerated_name in facts.drivers["vulkan"]
    assert "vulkan" in facts.usable_drivers


def test_no_device_at_all_is_a_problem(facts):
    (problem,) = find_problems(replace(facts, usable_drivers=()))
    assert problem.required
    assert problem.what == "no driver finds a device"


def test_nothing_missing(facts):
    assert find_problems(facts) == ()


@pytest.mark.parametrize("name", ["torch", "numpy", "iree-base-runtime", "filelock"])
def test_base_packages_are_required(facts, name):
    (problem,) = find_problems(without(facts, name))
    assert problem.required
    assert problem.what == f"{name} is not installed"


@pytest.mark.parametrize(("artifacts", "required"), [(0, True), (3, False)])
def test_compiler_is_required_while_nothing_is_stored(facts, artifacts, required):
    (problem,) = find_problems(replace(without(facts, "iree-base-compiler"), artifacts=artifacts))
    assert problem.required is required
    assert "iree-base-compiler" in problem.fix


@pytest.mark.parametrize(("artifacts", "required"), [(0, True), (3, False)])
def test_a_full_store_may_be_read_only(facts, artifacts, required):
    (problem,) = find_problems(replace(facts, artifacts=artifacts, store_writable=False))
    assert problem.required is required
    assert problem.what == f"store {facts.store} cannot be written"


def test_demo_packages_and_cxx_are_optional(facts):
    problems = find_problems(replace(without(facts, "rich"), cxx=None))
    assert [(p.what, p.required) for p in problems] == [
        ("g++ is not installed", False),
        ("not installed: rich", False),
    ]


def test_a_file_in_place_of_the_store_is_required_to_go(tmp_path, capsys):
    place = tmp_path / "file"
    place.write_text("")
    with override_settings(store=place / "store"):
        assert main(["doctor"]) == 1
    output = capsys.readouterr().out
    assert f"store {place / 'store'} cannot be written: [Errno 20] Not a directory" in output
    assert "(required; needed for any kernel" in output
    assert "fix: free or unlock the directory, or name another with IR_RUNTIME_STORE" in output


def test_a_place_that_takes_no_files_is_found_by_a_write(capsys):
    """K4: the modes of /proc promise what it does not keep."""
    with override_settings(store=Path("/proc/x")):
        assert main(["doctor"]) == 1
    assert "store /proc/x cannot be written: [Errno" in capsys.readouterr().out


def test_a_store_that_others_can_write_is_shown_with_the_fix(tmp_path, capsys):
    tmp_path.chmod(0o777)
    with override_settings(store=tmp_path):
        assert main(["doctor"]) == 1
    output = capsys.readouterr().out
    assert f"store {tmp_path} cannot be written: {tmp_path} has mode 0777" in output
    assert f"fix: chmod -R go-w {tmp_path} if you trust its files, or name" in output
    tmp_path.chmod(0o755)
    assert list(tmp_path.iterdir()) == []


def test_compiling_switched_off_is_a_problem_without_artifacts(tmp_path, capsys):
    with override_settings(store=tmp_path, compile=False):
        assert main(["doctor"]) == 1
    assert "fix: unset IR_RUNTIME_COMPILE" in capsys.readouterr().out


def test_targets_of_the_store_and_of_the_lookup_are_counted(store, capsys):
    assert main(["build", "softmax", "f32[4,64]", "--target", "cpu:aarch64"]) == 0
    capsys.readouterr()
    assert main(["doctor"]) == 0
    lines = {tuple(line.split(maxsplit=1)) for line in capsys.readouterr().out.splitlines()}
    assert ("for", "cpu:aarch64: 1") in lines
    for target in Device("local-sync").targets:
        assert ("looked", f"for             {target.name}") in lines


def test_setting_that_this_machine_cannot_follow_is_a_problem():
    foreign, lacks = ("x86-64", "x86_64") if platform.machine() == "aarch64" else ("aarch64",) * 2
    run = subprocess.run(
        [sys.executable, "-m", "ir_runtime", "doctor", "--json"],
        env={**os.environ, "IR_RUNTIME_CPU": foreign},
        capture_output=True,
        text=True,
        timeout=120,
    )
    report = json.loads(run.stdout)
    (problem,) = [p for p in report["problems"] if p["what"].startswith("IR_RUNTIME_CPU")]
    assert problem["said"].strip() == f"{foreign} needs the instructions of {lacks}"
    assert problem["fix"].startswith("name a weaker target")
    assert run.returncode == 1
