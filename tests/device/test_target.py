"""Names of targets, sets of CPU features, and what `IR_RUNTIME_CPU` makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ir_runtime.device import Device, parse_target
from ir_runtime.device.cpu import CpuTarget, cpu_target_from_flags
from ir_runtime.device.cpu_name import contained_levels, cpu_name, cpu_named, missing_features
from ir_runtime.device.cuda import CudaDriver
from ir_runtime.device.driver_table import DRIVERS
from ir_runtime.device.hip import HipDriver
from ir_runtime.device.machine import Machine, _code_machines, read_machine, usual_machine
from ir_runtime.device.target_name import parse_targets, target_names, type_name
from ir_runtime.errors import ArgumentError, DeviceError
from ir_runtime.settings import override_settings

V3, V4 = cpu_named("x86-64-v3"), cpu_named("x86-64-v4")
SAPPHIRE_RAPIDS = cpu_named("x86-64-v4+avx512bf16+amx-tile+amx-bf16")


def machine(cpu: CpuTarget) -> Machine:
    return Machine(cpu, 4, 48 << 10, 2 << 20, 64 << 20)


def names(machines: tuple[Machine, ...]) -> list[str]:
    return [cpu_name(machine.cpu) for machine in machines]


@pytest.mark.parametrize("name", [n for n in target_names() if n != "cpu:native"])
def test_each_listed_name_is_read_and_found_again_from_its_device_type(name: str) -> None:
    target = parse_target(name)
    assert target.name == name
    assert type_name(target.device_type) == name


def test_every_driver_has_named_targets() -> None:
    kinds = {name.partition(":")[0] for name in target_names()}
    assert kinds == {driver.named_targets.kind for driver in DRIVERS} >= {"cpu", "cuda", "hip"}


def test_own_target_is_that_of_the_device() -> None:
    assert parse_target("cpu:native").device_type == Device("local-sync").type_cache_key


@pytest.mark.parametrize("name", ["metal:m1", "x86-64-v3", "cuda", "cuda:", "", "local-sync"])
def test_unknown_kind_is_refused_with_all_known_names(name: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_target(name)
    assert caught.value.headline == f"target {name!r}: not known, must be one of"
    assert ", ".join(caught.value.facts) == ", ".join(target_names())


@pytest.mark.parametrize(("name", "back_end"), [("cuda:sm_90", "cuda"), ("hip:gfx906", "rocm")])
def test_chip_without_a_back_end_is_named_as_such(name: str, back_end: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_target(name)
    why = f"the compiler's back end {back_end!r} (IREE 3.13) does not know it"
    assert caught.value.headline == f"target {name!r}: {why}, must be one of"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cpu:x86-64-v5", "CPU 'x86-64-v5': not known, must be one of native, x86-64, x86-64-v2"),
        ("cpu:native+avx", "CPU 'native+avx': not known"),
        ("cpu:x86-64-v3+sve", "CPU 'x86-64-v3+sve': no feature 'sve', must be one of amx-bf16"),
        ("cpu:aarch64+avx", "CPU 'aarch64+avx': no feature 'avx', must be one of bf16, dotprod"),
    ],
)
def test_unknown_cpu_or_feature_is_refused_with_the_known_ones(name: str, said: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_target(name)
    assert caught.value.headline.startswith(said)


def test_features_of_a_level_are_not_named_again() -> None:
    assert cpu_named("x86-64-v4+avx2") == V4
    assert cpu_named("x86-64-v3+avx512f").features == ("+avx512f",)


def test_several_targets_are_read_once_each() -> None:
    found = parse_targets(["cpu:x86-64-v3, cuda:sm_80", "cpu:x86-64-v3"])
    assert [target.name for target in found] == ["cpu:x86-64-v3", "cuda:sm_80"]
    with pytest.raises(ArgumentError, match="none given"):
        parse_targets([])


def test_machine_runs_its_own_level_and_those_below() -> None:
    below_v3 = ["x86-64-v3", "x86-64-v2", "x86-64"]
    assert [cpu_name(c) for c in contained_levels(SAPPHIRE_RAPIDS)] == ["x86-64-v4", *below_v3]
    some_avx512 = cpu_named("x86-64-v3+avx512f")
    assert [cpu_name(c) for c in contained_levels(some_avx512)] == below_v3
    graviton = cpu_target_from_flags("aarch64", frozenset({"asimddp", "bf16"}))
    assert [cpu_name(c) for c in contained_levels(graviton)] == ["aarch64"]


def test_missing_features_are_named() -> None:
    assert missing_features(V3, V4) == ()
    assert missing_features(SAPPHIRE_RAPIDS, V4) == ("amx-bf16", "amx-tile", "avx512bf16")
    assert missing_features(cpu_named("aarch64"), V4) == ("the instructions of aarch64",)


def test_without_the_setting_own_features_come_first() -> None:
    found = _code_machines(None, machine(cpu_named("x86-64-v4+avx512bf16")))
    levels = ["x86-64-v4", "x86-64-v3", "x86-64-v2", "x86-64"]
    assert names(found) == ["x86-64-v4+avx512bf16", *levels]
    assert found[1] == usual_machine(V4)  # the same on each machine of a fleet


def test_setting_names_exactly_what_is_looked_for() -> None:
    """Also `native` by itself: no weaker kernel is used then."""
    own = machine(V4)
    wanted = "cpu:x86-64-v2, x86-64-v4+amx-tile, aarch64, x86-64-v3"
    assert names(_code_machines(wanted, own)) == ["x86-64-v3", "x86-64-v2"]
    with override_settings(cpu="native"):
        assert [t.name for t in Device("local-sync").targets] == [parse_target("cpu:native").name]


def test_setting_that_the_machine_cannot_follow_is_refused_with_what_it_lacks() -> None:
    with pytest.raises(DeviceError) as caught:
        _code_machines("x86-64-v4+amx-tile,aarch64", machine(V3))
    assert str(caught.value) == (
        "IR_RUNTIME_CPU: this machine (x86-64-v3) runs none of x86-64-v4+amx-tile,aarch64, "
        "must run one of them\n"
        "    x86-64-v4+amx-tile needs amx-tile, avx512bw, avx512cd, avx512dq, avx512f, avx512vl\n"
        "    aarch64 needs the instructions of aarch64\n"
        "  fix: name a weaker target, such as x86-64-v2, or unset IR_RUNTIME_CPU"
    )


def test_devices_follow_a_change_of_the_setting() -> None:
    device, before = Device("local-sync"), Device("local-sync").targets
    weakest = cpu_name(contained_levels(before[0].machine.cpu)[-1])  # type: ignore[union-attr]
    with override_settings(cpu=weakest):
        assert device.type_cache_key == parse_target(f"cpu:{weakest}").device_type
    assert device.targets == before
    with pytest.raises(ArgumentError, match="names no CPU"), override_settings(cpu=" , "):
        pass
    said = "IR_RUNTIME_CPU: CPU 'i386': not known"
    with pytest.raises(ArgumentError, match=said), override_settings(cpu="i386"):
        pass
    assert device.targets == before


class _State:
    uri, torch_device, torch_stream = "gpu", None, None

    def __init__(self, details: str, name: str = "") -> None:
        self.details, self.enumerated_info = details, {"name": name}


def test_gpus_run_code_for_older_chips_that_theirs_contains() -> None:
    ampere: Any = _State("compute capability 8.6")
    cuda = [target.name for target in CudaDriver().targets(ampere)]
    assert cuda[:3] == ["cuda:sm_86", "cuda:sm_80", "cuda:sm_75"]
    assert CudaDriver().lacks(ampere, parse_target("cuda:sm_89")) == ("sm_89",)
    product: Any = _State("gfx942", "AMD Instinct MI300X")
    hip = [target.name for target in HipDriver().targets(product)]
    assert hip == ["hip:mi300x", "hip:gfx942"]


def test_caches_and_cores_come_from_sysfs(tmp_path: Path) -> None:
    caches = [(1, "Data", "48K"), (1, "Instruction", "32K"), (2, "Unified", "2048K")]
    for i, (level, kind, size) in enumerate(caches):
        index = tmp_path / f"cache/index{i}"
        index.mkdir(parents=True)
        for name, text in (("level", level), ("type", kind), ("size", size)):
            (index / name).write_text(f"{text}\n")
    found = read_machine(SAPPHIRE_RAPIDS, tmp_path, cores=3)
    assert (found.cores, found.l1_bytes, found.l2_bytes) == (3, 48 << 10, 2 << 20)
    assert found.l3_bytes == 2 << 20  # there is no other last cache
    assert found.vector_bytes == 64
    unknown = read_machine(V3, tmp_path / "absent", cores=1)
    assert (unknown.l2_bytes, unknown.l3_bytes) == (512 << 10, 16 << 20)
    assert unknown.vector_bytes == 32
