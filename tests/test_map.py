"""Links of the documents lead somewhere, and the map names each room."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h).strip().lower().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    broken = []
    for link in _LINK.findall(page.read_text("utf-8")):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    assert broken == []


def test_the_map_names_each_room():
    text = (ROOT / "docs/dev.md").read_text("utf-8")
    rooms = {p.parent.relative_to(ROOT).as_posix() for p in ROOT.glob("ir_runtime/**/__init__.py")}
    rooms.discard("ir_runtime")
    assert {room for room in rooms if f"](../{room}/)" not in text} == {
        "ir_runtime/op_reg",  # their rooms are named
        "ir_runtime/launch",
    }
