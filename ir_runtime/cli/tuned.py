"""`ir-runtime tuned`: show, ship, compare and clear the tuned table of this machine."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ir_runtime.errors import ArgumentError, StoreError
from ir_runtime.ir.tuning.shape_class import device_type_of
from ir_runtime.ir.tuning.table import Table, TableIdentity
from ir_runtime.ir.tuning.table_file import DIRECTORY, change_table, read_table, write_whole
from ir_runtime.ir.tuning.tables import tables
from ir_runtime.settings import current_settings

__all__ = ["run", "table_differences"]


def run(arguments: argparse.Namespace) -> int:
    """Do what the action says; 0, or for `diff` 1 if the tables differ.

    Raises:
        ArgumentError: there are too few or too many words.
        StoreError: a file is no table, or is one of another machine.
    """
    words, wanted = arguments.words, {"export": (1, 1), "import": (1, 1), "diff": (1, 2)}
    least, most = wanted.get(arguments.action, (0, sys.maxsize))
    if not least <= len(words) <= most:
        raise ArgumentError(
            f"tuned {arguments.action}: {len(words)} words after it, must be "
            f"{least if least == most else f'{least} or {most}'}: the files"
        )
    return _DO[arguments.action](words, as_json=arguments.json)


def table_differences(one: Table, other: Table) -> list[str]:
    """Return in what two tables differ, a line each; times that changed no order do not count."""
    lines = [
        f"for another machine or version: {d}" for d in one.identity.differences(other.identity)
    ]
    mine = {(op, name): ranking for op, name, ranking in one.rows()}
    theirs = {(op, name): ranking for op, name, ranking in other.rows()}
    for op, name in sorted({*mine, *theirs}):
        before, now = mine.get((op, name)), theirs.get((op, name))
        if before is None or now is None or before.order != now.order:
            words = [("not measured" if r is None else r.in_words()) for r in (before, now)]
            lines += [f"{op}({name})", f"  - {words[0]}", f"  + {words[1]}"]
    return lines


def _identity() -> TableIdentity:
    device_type = device_type_of(())
    assert device_type is not None, "there is always a CPU"
    return TableIdentity.of_device_type(device_type)


def _own_path() -> Path:
    return current_settings().store / DIRECTORY / _identity().file_name


def _own_table() -> Table:
    return read_table(_own_path()) or Table(_identity())


def _given_table(path: Path) -> Table:
    table = read_table(path, own=False)
    if table is None:
        raise StoreError(f"tuned table {path}: there is no such file")
    return table


def _show(words: list[str], *, as_json: bool) -> int:
    table = _own_table()
    rows = [row for row in table.rows() if not words or row[0] in words]
    if as_json:
        print(table.to_bytes().decode(), end="")
        return 0
    print(f"{_own_path()}: {len(rows)} measured")
    for op, name, ranking in rows:
        print(f"{op}({name})\n  {ranking.in_words()}")
        for choice, why in ranking.left_out.items():
            print(f"  left out {choice}: {why}")
    return 0


def _export(words: list[str], *, as_json: bool) -> int:
    table, path = _own_table(), Path(words[0]).absolute()
    if not table.ops:
        raise StoreError(
            f"tuned table {_own_path()}: is empty, must have something to export",
            fix="ir-runtime tune",
        )
    try:
        write_whole(path, table.to_bytes())
    except OSError as error:
        raise StoreError(f"{path}: cannot be written", facts=[str(error)]) from error
    _say(f"{len(table.rows())} rankings written to {path}", as_json=as_json)
    return 0


def _import(words: list[str], *, as_json: bool) -> int:
    path = Path(words[0])
    given, identity = _given_table(path), _identity()
    differences = identity.differences(given.identity)
    if differences:
        raise StoreError(
            f"tuned table {path}: is for another machine or version, must be for this one",
            facts=differences,
            fix="ir-runtime tune, on this machine",
        )
    change_table(current_settings().store, identity, lambda table: table.merged(given))
    tables.forget()
    _say(f"{len(given.rows())} rankings added to {_own_path()}", as_json=as_json)
    return 0


def _diff(words: list[str], *, as_json: bool) -> int:
    one = _given_table(Path(words[0]))
    other = _given_table(Path(words[1])) if len(words) > 1 else _own_table()
    lines = table_differences(one, other)
    print(json.dumps({"differences": lines}) if as_json else "\n".join(lines) or "no difference")
    return 1 if lines else 0


def _clear(words: list[str], *, as_json: bool) -> int:
    before = len(_own_table().rows()) if _own_path().exists() else 0
    left = 0
    if before:
        table = change_table(
            current_settings().store, _identity(), lambda table: table.without(tuple(words))
        )
        left = len(table.rows())
    tables.forget()
    _say(f"{before - left} rankings forgotten, {left} left", as_json=as_json)
    return 0


def _say(text: str, *, as_json: bool) -> None:
    print(json.dumps({"done": text}) if as_json else text)


_DO = {"show": _show, "export": _export, "import": _import, "diff": _diff, "clear": _clear}
