"""Give every test an empty store, no Inductor cache of an earlier run, and one compile cache."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests import cached_cxx
from tests.session import temporary_directory

_session_directory = temporary_directory("ir-runtime-tests-")
_session_root = Path(_session_directory.name)
os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(_session_root / "inductor")  # torch reads it at import
os.environ["IR_RUNTIME_STORE"] = str(_session_root / "store")  # child processes inherit it
os.environ.setdefault("TORCHINDUCTOR_VEC_ISA_OK", "1")  # else each process compiles to find out
# All workers, and later runs, share what the compiler made; a store knows nothing of it.
os.environ.setdefault(
    "IR_RUNTIME_COMPILE_CACHE",
    str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ir_runtime_tests"),
)
cached_cxx.install(Path(os.environ["IR_RUNTIME_COMPILE_CACHE"]) / "cxx")

import pytest  # noqa: E402

from ir_runtime.launch.artifact.store import DirectoryStore  # noqa: E402
from ir_runtime.settings import override_settings  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("parts of the suite")
    group.addoption(
        "--full",
        choices=("no", "all", "changed"),
        default="no",
        help="run the tests marked `full`: all, or those whose inputs changed since they passed",
    )
    group.addoption(
        "--minutes", type=float, help="skip what has not begun by then, or may take longer alone"
    )
    group.addoption("--record", action="store_true", help="record which full tests passed")


def pytest_configure(config: pytest.Config) -> None:
    from tests.full import FullSuite

    _require_the_launcher()
    config.pluginmanager.register(FullSuite(config), "full-suite")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the files that take long; `--no-loadscope-reorder` keeps this order."""
    from tests.schedule import in_order

    items[:] = in_order(items, quick=config.getoption("--full") == "no")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Let `gc.collect` pass over what stays: some tests call it, and each would take a second."""
    _let_stay_what_is_there()
    atexit.register(gc.unfreeze)  # else nanobind takes what stays for leaks


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Let what a file leaves stay, such as modules that its tests imported."""
    if nextitem is not None and nextitem.path != item.path:
        _let_stay_what_is_there()


def _let_stay_what_is_there() -> None:
    gc.collect()
    gc.freeze()


def _require_the_launcher() -> None:
    """Fail where the launcher must be there and is not: else its tests would only be skipped."""
    from ir_runtime.launch.direct.native import why_absent

    required = os.environ.get("IR_RUNTIME_REQUIRE_LAUNCHER", "0") not in {"", "0"}
    absent = why_absent()
    if required and absent is not None:
        raise pytest.UsageError(
            f"IR_RUNTIME_REQUIRE_LAUNCHER is set, but the C launcher is absent: {absent}\n"
            "  fix: `make launcher`; or unset it, then the launcher's tests are skipped"
        )


def _forget_kernels() -> None:
    from ir_runtime.op_reg import forget_kernels

    forget_kernels()


def _forget_tables() -> None:
    from ir_runtime.ir.tuning.tables import tables

    tables.forget()


@pytest.fixture(scope="session", autouse=True)
def session_store() -> Iterator[Path]:
    """Keep the artifacts of this run, and only those, in one directory."""
    root = _session_root / "store"
    with override_settings(store=root):
        yield root


@pytest.fixture(autouse=True)
def nothing_compiled() -> Iterator[None]:
    """Let no test meet what another compiled: Dynamo's limit counts code that torch shares."""
    yield
    if dynamo := sys.modules.get("torch._dynamo"):
        dynamo.reset()


@pytest.fixture(autouse=True)
def no_table_is_left(session_store: Path) -> Iterator[None]:
    """Fail a test that leaves a tuned table in the store of all tests: others would follow it."""
    yield
    left = session_store / "tuned"
    if left.is_dir():
        shutil.rmtree(left)
        _forget_tables()
        pytest.fail("leaves a tuned table to other tests: must use the fixture `store`")


@pytest.fixture(autouse=True)
def vulkan_only_where_marked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that opens a Vulkan device and is not marked `vulkan`.

    Two threads of IREE wait actively in Mesa's software driver for as long as the device is open:
    they slow down all that runs beside them.
    """
    if request.node.get_closest_marker("vulkan") is not None:
        yield
        return
    before = _open_vulkan_places()
    yield
    assert _open_vulkan_places() == before, "opens a Vulkan device: must be marked `vulkan`"


def _open_vulkan_places() -> int:
    from ir_runtime.device import place

    return sum(uri.startswith("vulkan") for uri, _stream in tuple(place._places))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DirectoryStore]:
    """Give the test an empty default store of its own; no op remembers a kernel."""
    root = tmp_path / "store"
    monkeypatch.setenv("IR_RUNTIME_STORE", str(root))
    with override_settings(store=root):
        _forget_kernels()
        yield DirectoryStore(root)
    _forget_kernels()


@pytest.fixture
def no_compile_cache() -> Iterator[None]:
    """Run the compiler itself, whatever the cache has."""
    with override_settings(compile_cache=None):
        yield


@pytest.fixture
def trace(store: DirectoryStore, tmp_path: Path) -> Iterator[Path]:
    """Let the test trace into a directory of its own."""
    directory = tmp_path / "trace"
    with override_settings(trace=directory):
        yield directory
