"""Do keys differ exactly where binaries do, and are their labels safe file names?"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import PurePosixPath
from typing import Any

import pytest

from ir_runtime.launch.artifact.key import KernelKey, digest_of, runtime_version, same_release

KEY = KernelKey("softcap", "abc", "local:--x", "3.13.0", ("--f",), "main", "x=f32")
OTHER: dict[str, Any] = {
    "name": "tanh",
    "source_digest": "abd",
    "device_type": "local:--y",
    "compiler": "3.13.1",
    "flags": ("--f", "--g"),
    "entry": "main$async",
    "selection": "x=f16",
}


def test_equal_fields_make_equal_keys() -> None:
    again = dataclasses.replace(KEY)
    assert (again, hash(again), again.digest) == (KEY, hash(KEY), KEY.digest)


def test_digest_is_the_same_in_every_process_and_release() -> None:
    assert KEY.digest == "7e5113465a3bfbbc6b6a4a4ae31b0322da65531acb5728d4103da03ca0f3325d"


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(KernelKey)])
def test_every_field_changes_the_digest_and_the_label(field: str) -> None:
    changed = dataclasses.replace(KEY, **{field: OTHER[field]})
    assert changed != KEY
    assert changed.digest != KEY.digest
    assert changed.label != KEY.label


def test_flags_do_not_run_together() -> None:
    one, two = (dataclasses.replace(KEY, flags=flags) for flags in (("ab",), ("a", "b")))
    assert one.digest != two.digest


def test_json_round_trip_gives_an_equal_key() -> None:
    again = KernelKey.from_json(json.loads(json.dumps(KEY.to_json())))
    assert (again, again.digest) == (KEY, KEY.digest)


def test_key_without_flags_survives_json() -> None:
    key = dataclasses.replace(KEY, flags=())
    assert KernelKey.from_json(json.loads(json.dumps(key.to_json()))) == key


@pytest.mark.parametrize(
    "change",
    [
        {"name": 3},
        {"entry": None},
        {"flags": [1]},
        {"flags": 1},
        {"flags": None},
        {"selection": ["x"]},
    ],
)
def test_json_with_a_wrong_type_is_rejected(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        KernelKey.from_json({**KEY.to_json(), **change})


@pytest.mark.parametrize("values", [[], "text", 3, None, {}, {"name": "x"}])
def test_json_that_is_no_key_is_rejected(values: Any) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        KernelKey.from_json(values)


def test_json_with_a_text_for_flags_is_rejected() -> None:
    with pytest.raises((ValueError, TypeError)):
        KernelKey.from_json({**KEY.to_json(), "flags": "--f"})


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "a b\tc\n", "naïve-ядро-核", "x" * 200, "", ".", "..", ".hidden", "\0"],
)
def test_label_of_a_hostile_name_is_a_safe_file_name(name: str) -> None:
    label = dataclasses.replace(KEY, name=name).label
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", label)
    assert PurePosixPath(label).name == label
    assert not label.startswith(".")
    assert len(label) <= 80


def test_label_is_readable() -> None:
    assert KEY.label == f"softcap-{KEY.digest[:16]}"


def test_differences_name_field_and_both_values() -> None:
    stored = dataclasses.replace(KEY, compiler="3.12.0", flags=())
    assert KEY.differences(stored) == (
        "compiler (3.13.0 wanted, 3.12.0 stored)",
        "flags (--f wanted, none stored)",
    )


def test_differences_of_long_lists_name_the_odd_ones_out() -> None:
    wanted = dataclasses.replace(KEY, device_type="local:--x;--cpu=v4", flags=("--f", "--g"))
    stored = dataclasses.replace(KEY, device_type="local:--x;--cpu=v3", flags=("--f", "--h"))
    assert wanted.differences(stored) == (
        "device_type (--cpu=v4 wanted, --cpu=v3 stored)",
        "flags (--g wanted, --h stored)",
    )


def test_differences_of_order_alone_show_the_order() -> None:
    wanted, stored = (dataclasses.replace(KEY, flags=flags) for flags in (("a", "b"), ("b", "a")))
    assert wanted.differences(stored) == ("flags (a b wanted, b a stored)",)


def test_equal_keys_have_no_differences() -> None:
    assert KEY.differences(dataclasses.replace(KEY)) == ()


def test_long_values_are_cut_in_differences() -> None:
    (row,) = KEY.differences(dataclasses.replace(KEY, selection="y" * 500))
    assert row == f"selection (x=f32 wanted, {'y' * 117}... stored)"


def test_digest_counts_where_parts_end() -> None:
    assert digest_of("ab", "c") != digest_of("a", "bc")
    assert digest_of("ab") == digest_of(b"ab")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("3.13.0", "3.13.7", True), ("3.13.0", "3.12.0", False), ("3.13.0rc1", "3.13", True)],
)
def test_binaries_load_within_a_release(one: str, other: str, same: bool) -> None:
    assert same_release(one, other) is same


def test_runtime_version_is_that_of_the_installed_package() -> None:
    assert re.match(r"\d+\.\d+", runtime_version())
