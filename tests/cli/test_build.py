import json

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime.cli import main
from ir_runtime.device.target_name import target_names
from ir_runtime.settings import override_settings
from tests.op_reg import ops
from tests.op_reg.ops import op_of

BUILD = ["build", "softmax", "f32[4,64]"]


def test_kernel_is_compiled_for_each_target_and_then_kept(store, capsys):
    targets = ["--target", "cpu:x86-64-v3,cpu:aarch64", "--target", "cuda:sm_80"]
    assert main([*BUILD, *targets]) == 0
    rows = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == ["cpu:x86-64-v3", "cpu:aarch64", "cuda:sm_80"]
    assert {row[1] for row in rows} == {key.label for key in store.keys()}
    assert {row[2] for row in rows} == {"compiled"}
    assert main([*BUILD, *targets, "--json"]) == 0
    built = json.loads(capsys.readouterr().out)["built"]
    assert [row["compiled"] for row in built] == [False] * 3


def test_the_setting_says_what_a_fleet_needs(store, capsys):
    with override_settings(cpu="aarch64, x86-64-v2"):
        assert main(["build", op_of(ops.add).qualified_name, "f32[3]", "f32[3]"]) == 0
    targets = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert targets == ["cpu:aarch64", "cpu:x86-64-v2"]


def test_unknown_words_are_refused(capsys):
    assert main([*BUILD, "--target", "cpu:z80"]) == 2
    assert capsys.readouterr().err.startswith("error: CPU 'z80': not known, must be one of native")
    assert main(["build"]) == 2
    assert "no op is named" in capsys.readouterr().err


def test_targets_are_listed(capsys):
    assert main(["build", "--list-targets"]) == 0
    assert capsys.readouterr().out.split() == list(target_names())
