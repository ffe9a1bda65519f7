"""Do ops run where they are asked to, in eager calls and compiled ones?"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.errors import ArgumentError, LaunchError, MixedDeviceError
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.op_reg import CustomOp
from ir_runtime.op_reg.call.kernel import bind_call
from tests.devices import ANY_DEVICE, open_or_skip, torch_place
from tests.op_reg import ops

X, Y = torch.arange(32.0).view(4, 8), torch.full((4, 8), 3.0)


@pytest.fixture(params=ANY_DEVICE)
def device(request: pytest.FixtureRequest) -> Iterator[Device]:
    """Make a device current; the tests' tensors go where its torch device is."""
    chosen = open_or_skip(request.param)
    with chosen:
        yield chosen


@pytest.fixture
def x(device: Device) -> torch.Tensor:
    return X.clone().to(torch_place(device))


@pytest.fixture
def y(device: Device) -> torch.Tensor:
    return Y.clone().to(torch_place(device))


def families(store: DirectoryStore) -> set[str]:
    return {key.device_type.partition(":")[0] for key in store.keys()}


def test_kernel_is_compiled_for_the_device_and_runs_there(
    device: Device, x: torch.Tensor, y: torch.Tensor, store: DirectoryStore
) -> None:
    with count_since() as counts:
        result = ops.add(x, y)
    assert torch.equal(result.cpu(), X + Y)
    assert result.device == x.device
    assert families(store) == {device.driver.family}
    assert {key.device_type for key in store.keys()} == {device.type_cache_key}
    assert counts[0].compiles == 1


def test_second_call_neither_selects_nor_compiles(
    device: Device, x: torch.Tensor, y: torch.Tensor
) -> None:
    ops.add(x, y)
    with count_since() as counts:
        ops.add(x, y)
    assert (counts[0].selects, counts[0].compiles, counts[0].store_hits) == (0, 0, 0)


def test_results_are_never_the_argument(device: Device, x: torch.Tensor) -> None:
    result = ops.identity(x)
    assert torch.equal(result, x)
    assert result.data_ptr() != x.data_ptr()


def test_in_place_op_changes_its_argument(device: Device, x: torch.Tensor) -> None:
    """2.3: `inplace_tied` was never written back."""
    strided = x[:, ::2]
    assert ops.twice(strided) is strided
    assert torch.equal(x.cpu()[:, ::2], X[:, ::2] * 2)
    assert torch.equal(x.cpu()[:, 1::2], X[:, 1::2])


def test_several_mutated_arguments(device: Device, x: torch.Tensor, y: torch.Tensor) -> None:
    ops.exchange(x, y)
    assert torch.equal(x.cpu(), Y)
    assert torch.equal(y.cpu(), X)


def test_several_results(device: Device, x: torch.Tensor, y: torch.Tensor) -> None:
    total, difference = ops.sum_and_difference(x, y)
    assert torch.equal(total.cpu(), X + Y)
    assert torch.equal(difference.cpu(), X - Y)


def test_list_optional_int_and_attribute(device: Device, x: torch.Tensor, y: torch.Tensor) -> None:
    assert torch.equal(ops.list_sum([x, y, x]).cpu(), X + Y + X)
    assert torch.equal(ops.affine(x, None, y).cpu(), X + Y)
    assert torch.equal(ops.affine(x, y).cpu(), X * Y)
    counted = torch.arange(5).to(x.device)
    assert torch.equal(ops.shift(counted, -3).cpu(), torch.arange(5) - 3)
    assert torch.equal(ops.keyed(x, factor=0.5, bias=y).cpu(), X * 0.5 + Y)


@pytest.mark.parametrize("staged", [False, True])
def test_out_overload_writes_into_the_given_tensor(
    device: Device, x: torch.Tensor, y: torch.Tensor, staged: bool
) -> None:
    for out in (torch.empty_like(x), torch.empty(8, 4, device=x.device).T):
        assert ops.add.out(x, y, staged=staged, out=out) is out
        assert torch.equal(out.cpu(), X + Y)


def test_tensors_without_elements(device: Device, x: torch.Tensor) -> None:
    assert ops.add(x[:0], x[:0]).shape == (0, 8)
    empty = x[:0, :4]
    if device.driver_id == "vulkan":
        with pytest.raises(LaunchError, match="fix: run calls with tensors without elements on"):
            ops.column_sum(empty)
    else:
        assert torch.equal(ops.column_sum(empty).cpu(), torch.zeros(4))


def test_gradient(device: Device, x: torch.Tensor, y: torch.Tensor) -> None:
    x.requires_grad_()
    (ops.add(x, y) * 2).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad.cpu(), torch.full_like(X, 2.0))


def test_compiled_graph(device: Device, x: torch.Tensor, y: torch.Tensor) -> None:
    compiled = torch.compile(lambda a, b: ops.add(a, b) * 2, fullgraph=True)
    assert torch.equal(compiled(x, y).cpu(), (X + Y) * 2)


def test_threads_share_a_device(device: Device, x: torch.Tensor, y: torch.Tensor) -> None:
    wrong: list[object] = []

    def work() -> None:
        try:
            with Device(device.uri):
                sums = [ops.add(x, y).cpu() for _ in range(20)]
            wrong.extend(s for s in sums if not torch.equal(s, X + Y))
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_failing_launch_leaves_the_device_usable(
    device: Device, x: torch.Tensor, y: torch.Tensor
) -> None:
    with pytest.raises(ArgumentError, match="must have the shape"):
        ops.add(x, y[:2])
    assert torch.equal(ops.add(x, y).cpu(), X + Y)


@pytest.mark.vulkan
def test_only_the_thread_that_chose_a_device_runs_there(store: DirectoryStore) -> None:
    vulkan = open_or_skip("vulkan")
    with vulkan:
        thread = threading.Thread(target=ops.add, args=(X, Y))
        thread.start()
        thread.join()
    assert families(store) == {"local"}


@pytest.mark.vulkan
def test_calls_return_to_the_cpu_after_the_block(store: DirectoryStore) -> None:
    with open_or_skip("vulkan"):
        ops.add(X, Y)
        with Device("local-sync"):
            ops.scale(X)
    with count_since() as counts:
        ops.add(X, Y)
    assert counts[0].compiles == 1
    assert families(store) == {"local", "vulkan"}
    assert {k.device_type.partition(":")[0] for k in store.keys() if "scale" in k.name} == {"local"}


@pytest.mark.vulkan
def test_staging_copies_are_counted() -> None:
    with open_or_skip("vulkan"):
        ops.add(X, Y)
        with count_since() as counts:
            ops.add(X, Y)
    assert counts[0].copies == 3


def test_worker_pool_is_spared_empty_grids() -> None:
    """IREE's worker pool dies of SIGSEGV in a dispatch over an empty grid."""
    with Device("local-task"):
        assert torch.equal(ops.column_sum(torch.empty(0, 4)), torch.zeros(4))


class _ByFamily(CustomOp):
    """Says for which family of devices it was generated."""

    signature = "by_family_@UNIQUE@(Tensor x) -> Tensor"
    select = ops.like_first

    def generate(self, ksel, kb):
        factor = {"local": 1.0, "vulkan": 2.0, "cuda": 3.0, "hip": 4.0}[ksel.device_family]
        kb.yield_results(ops.scaled(kb, kb.arg(0), factor))


by_family = CustomOp.register(library=ops.LIBRARY)(_ByFamily)


def test_op_may_have_a_kernel_for_a_family(device: Device, x: torch.Tensor) -> None:
    factor = {"local": 1.0, "vulkan": 2.0, "cuda": 3.0, "hip": 4.0}[device.driver.family]
    assert torch.equal(by_family(x).cpu(), X * factor)


@pytest.mark.gpu
def test_gpu_tensors_run_on_the_gpu_without_being_asked(store: DirectoryStore) -> None:
    """O12."""
    device = open_or_skip("gpu")
    x, y = X.cuda(), Y.cuda()
    with count_since() as counts:
        result = ops.add(x, y)
    assert torch.equal(result.cpu(), X + Y)
    assert families(store) == {device.driver.family}
    assert counts[0].copies == 0


@pytest.mark.gpu
def test_launch_is_ordered_after_and_before_work_on_torchs_stream() -> None:
    """D12, D13."""
    open_or_skip("gpu")
    for stream in (torch.cuda.current_stream(), torch.cuda.Stream()):
        with torch.cuda.stream(stream):
            x = torch.zeros(1 << 20, device="cuda")
            for step in range(50):
                torch.cuda._sleep(100_000)
                x += 1
                y = ops.add(x, x)
                x += y * 0
                assert int(y.max()) == 2 * (step + 1) == int(y.min())


@pytest.mark.gpu
def test_mixed_devices_are_refused_also_after_a_hit() -> None:
    """2.3: silent `.to()` across devices."""
    open_or_skip("gpu")
    x, y = X.cuda(), Y.cuda()
    ops.add(x, y)
    with pytest.raises(MixedDeviceError):
        ops.add(x, Y)


def test_mixed_devices_are_refused() -> None:
    op = ops.op_of(ops.add)
    with pytest.raises(MixedDeviceError) as caught:
        bind_call(op, (X, Y.to("meta")))
    assert str(caught.value) == (f"{op.name}: `x` on cpu, `y` on meta, must all be on one device")
