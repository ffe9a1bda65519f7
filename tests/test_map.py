"""The map of the repository is true: links lead somewhere, and names are where it says."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
MAPS = (ROOT / "docs" / "concepts.md", ROOT / "docs" / "dev.md")
DEV = ROOT / "docs" / "dev.md"
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAME = re.compile(r"`([A-Za-z_]\w*(?:\.\w+)*)`")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def links_of(text: str) -> Iterator[str]:
    """Yield the relative links of a page, or of a part of one."""
    for target in LINK.findall(CODE.sub("", FENCE.sub("", text))):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of the headings of a page."""
    headings = HEADING.findall(FENCE.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def linked(page: Path) -> set[Path]:
    """Return the files and folders that a page links."""
    targets = (target.partition("#")[0] for target in links_of(page.read_text("utf-8")))
    return {(page.parent / target).resolve() for target in targets}


def fault_of(page: Path, target: str) -> str | None:
    """Say what is wrong with a link, None if nothing is."""
    name, _, anchor = target.partition("#")
    path = (page.parent / name).resolve() if name else page
    if not path.exists():
        return f"{target}: no such file"
    if not path.is_relative_to(ROOT):
        return f"{target}: not in the repository"
    if anchor and anchor not in anchors_of(path):
        return f"{target}: no such heading"
    return None


def code_in(path: Path) -> str:
    """Return the text of a file, or of all sources in a folder."""
    if path.is_file():
        return path.read_text("utf-8")
    files = [p for p in sorted(path.rglob("*")) if p.suffix in (".py", ".pyi", ".c", ".h")]
    return "\n".join(p.read_text("utf-8") for p in files)


def packages(root: Path) -> list[Path]:
    """Return the packages in a package, at any depth."""
    return sorted(path.parent for path in root.glob("*/**/__init__.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_relative_link_leads_somewhere(page: Path) -> None:
    faults = [fault_of(page, target) for target in links_of(page.read_text("utf-8"))]
    assert [fault for fault in faults if fault] == []


def test_what_is_wrong_with_a_link_is_said() -> None:
    assert fault_of(DEV, "nowhere.md") == "nowhere.md: no such file"
    assert fault_of(DEV, "../../elsewhere") == "../../elsewhere: no such file"
    assert fault_of(DEV, "concepts.md#nothing") == "concepts.md#nothing: no such heading"
    assert fault_of(DEV, "concepts.md#the-way-of-a-call") is None
    text = "[a](b.md) `[c](d.md)` [e](https://f.org)\n```python\n[g](h)\n```\n"
    assert list(links_of(text)) == ["b.md"]


def test_the_readme_leads_to_each_page() -> None:
    found = linked(ROOT / "README.md")
    found |= {target for page in found if page.suffix == ".md" for target in linked(page)}
    assert [page.name for page in PAGES if page not in found | {ROOT / "README.md"}] == []


def test_each_package_is_on_the_map() -> None:
    found = linked(DEV)
    missing = [path for path in packages(ROOT / "ir_runtime") if path not in found]
    assert [str(path.relative_to(ROOT)) for path in missing] == []


def rules_of(text: str) -> dict[Path, set[str]]:
    """Return the folders with one file a thing, each with the words that its files have.

    They are the rows of the tables whose second column is headed `one file a`.
    """
    rules: dict[Path, set[str]] = {}
    is_rule = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            is_rule = False
        elif cells[1:2] == ["one file a"]:
            is_rule = True
        elif is_rule:
            words = set(NAME.findall(cells[-1]))
            rules |= {(DEV.parent / target).resolve(): words for target in links_of(cells[0])}
    return rules


def is_on_the_map(path: Path, found: set[Path], rules: dict[Path, set[str]]) -> bool:
    """Tell whether a file is linked, or is one more of the things that its folder has."""
    words = rules.get(path.parent)
    text = path.read_text("utf-8")
    return path in found or (words is not None and words <= set(re.findall(r"\w+", text)))


def test_each_file_is_on_the_map() -> None:
    found, rules = linked(DEV), rules_of(DEV.read_text("utf-8"))
    missing = [
        str(path.relative_to(ROOT))
        for path in sources()
        if path.name != "__init__.py" and not path.name.startswith("test_")
        if not is_on_the_map(path, found, rules)
    ]
    assert sorted(missing) == [], "add a row to docs/dev.md that says what is decided there"


def test_a_folder_with_one_file_a_thing_is_declared() -> None:
    rules = rules_of(DEV.read_text("utf-8"))
    assert len(rules) > 10
    assert all(words and folder.is_dir() for folder, words in rules.items())
    passes = ROOT / "ir_runtime" / "passes"
    assert rules[passes / "raising"] == {"Form"}
    assert is_on_the_map(passes / "raising" / "gelu.py", set(), rules)
    assert not is_on_the_map(passes / "raising" / "half.py", set(), rules)
    assert not is_on_the_map(passes / "hooks.py", set(), rules)


@pytest.mark.parametrize("page", MAPS, ids=lambda page: page.name)
def test_each_name_is_in_a_file_that_its_cell_links(page: Path) -> None:
    wrong: list[str] = []
    for line in page.read_text("utf-8").splitlines():
        for cell in line.split(" | ") if line.startswith("| ") else ():
            paths = [(page.parent / target).resolve() for target in links_of(cell)]
            if not any(p.is_dir() or p.suffix in (".py", ".c") for p in paths):
                continue
            words = set(re.findall(r"\w+", "\n".join(code_in(p) for p in paths if p.exists())))
            names = {part for name in NAME.findall(cell) for part in name.split(".")}
            wrong += [f"{name}: not in a file of {cell!r}" for name in sorted(names - words)]
    assert wrong == []


def sources() -> list[Path]:
    """Return the files of the package, the catalogue, the tests and the benchmarks."""
    folders = ("ir_runtime", "kernels_mlir", "tests", "benchmarks")
    files = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return [path for path in files if path.suffix in (".py", ".c", ".h")]


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function without its docstring, which is an op's specification."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        lines -= (function.body[0].end_lineno or 0) - function.body[0].lineno + 1
    return lines


def test_no_file_is_longer_than_400_lines() -> None:
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in sources()}
    assert {str(path): count for path, count in lines.items() if count > 400} == {}


def test_no_function_is_longer_than_50_lines() -> None:
    long: list[str] = []
    for path in sources():
        tree = ast.parse(path.read_text("utf-8") if path.suffix == ".py" else "")
        functions = (
            n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
        )
        long += [f"{path}:{f.lineno} {f.name}" for f in functions if code_lines(f) > 50]
    assert long == []


def test_no_folder_of_the_package_has_more_than_25_files() -> None:
    folders = Counter(
        path.parent
        for folder in ("ir_runtime", "kernels_mlir")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".c", ".h", ".mlir")
    )
    assert {str(folder): count for folder, count in folders.items() if count > 25} == {}
