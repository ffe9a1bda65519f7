"""Do programs with fences run, and does one that fails leave the others alone?"""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch

from ir_runtime.device import Device
from ir_runtime.errors import LaunchError
from ir_runtime.launch import Launchable
from ir_runtime.settings import override_settings

jit = Launchable.jit_compile
X = torch.arange(1.0, 6.0)
ASYNC = ["--iree-execution-model=async-external"]
URIS = ["local-sync", "local-task"]

NO_INPUTS = """
func.func @main() -> !torch.vtensor<[4],f32> {
  %0 = torch.vtensor.literal(dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>) : !torch.vtensor<[4],f32>
  %1 = torch.aten.neg %0 : !torch.vtensor<[4],f32> -> !torch.vtensor<[4],f32>
  return %1 : !torch.vtensor<[4],f32>
}"""
WITH_NUMBERS = """
func.func @main(%a: !torch.vtensor<[5],f32>, %n: !torch.int, %f: !torch.float)
    -> (!torch.vtensor<[5],f32>, !torch.int) {
  %0 = torch.aten.add.Scalar %a, %f, %n
      : !torch.vtensor<[5],f32>, !torch.float, !torch.int -> !torch.vtensor<[5],f32>
  return %0, %n : !torch.vtensor<[5],f32>, !torch.int
}"""
# Fails inside the queue, after the call itself has returned: its argument is 0.
FAILS_LATER = """
func.func @"main$async"(%n: i32, %wait: !hal.fence, %signal: !hal.fence) -> i32 {
  %zero = arith.constant 0 : i32
  %status = arith.constant 9 : i32
  %fails = arith.cmpi eq, %n, %zero : i32
  cf.cond_br %fails, ^bad, ^good
^bad:
  hal.fence.fail<%signal : !hal.fence> status(%status)
  cf.br ^end
^good:
  hal.fence.signal<%signal : !hal.fence>
  cf.br ^end
^end:
  return %n : i32
}"""
FAILS_AT_ONCE = """
func.func @main(%a: tensor<?xf32>, %n: i32) -> tensor<?xf32> {
  %zero = arith.constant 0 : i32
  %ok = arith.cmpi ne, %n, %zero : i32
  cf.assert %ok, "n is zero"
  %0 = arith.addf %a, %a : tensor<?xf32>
  return %0 : tensor<?xf32>
}"""


@pytest.mark.parametrize("uri", URIS)
@pytest.mark.parametrize("entry", [None, "main", "main$async"])
def test_program_of_torch_runs_by_either_function(entry: str | None, uri: str) -> None:
    """L2."""
    result, number = jit(WITH_NUMBERS, entry_point=entry)(X, 2, 1.5, device=Device(uri))
    assert torch.equal(result, X + 3.0)
    assert number == 2


def test_int_for_a_float_of_a_torch_program_is_converted() -> None:
    result, _ = jit(WITH_NUMBERS)(X, 1, 2)
    assert torch.equal(result, X + 2)


@pytest.mark.parametrize("uri", URIS)
@pytest.mark.parametrize("entry", ["main", "main$async"])
def test_program_without_inputs_runs(entry: str, uri: str) -> None:
    """The seed crashes in this (turbine #984)."""
    result = jit(NO_INPUTS, entry_point=entry)(device=Device(uri))
    assert torch.equal(result, -torch.arange(1.0, 5.0))


@pytest.mark.parametrize("uri", URIS)
def test_failure_inside_the_queue_is_raised(uri: str) -> None:
    """I1."""
    with pytest.raises(LaunchError) as caught:
        jit(FAILS_LATER, name="softcap")(0, device=Device(uri))
    assert caught.value.headline == "softcap: failed while running"
    assert "FAILED_PRECONDITION" in caught.value.facts[0]


@pytest.mark.parametrize("uri", URIS)
def test_failure_inside_the_queue_does_not_poison_the_device(
    uri: str, doubling: Callable[..., str]
) -> None:
    """I1: in the seed it fails the one semaphore that all launches of the device share."""
    failing, other = jit(FAILS_LATER), jit(doubling(), flags=ASYNC)
    for _ in range(3):
        with pytest.raises(LaunchError):
            failing(0, device=Device(uri))
        assert failing(7, device=Device(uri)) == 7
        assert torch.equal(other(X, device=Device(uri)), X + X)


@pytest.mark.parametrize("source", [FAILS_LATER, FAILS_AT_ONCE], ids=["queue", "assert"])
def test_failure_on_one_thread_leaves_other_threads_alone(source: str) -> None:
    """I1."""
    arguments = () if source is FAILS_LATER else (X,)
    flags = () if source is FAILS_LATER else ASYNC
    program, errors, results = jit(source, flags=flags), [], []

    def fail() -> None:
        try:
            program(*arguments, 0, device=Device("local-task"))
        except LaunchError as error:
            errors.append(error)

    def succeed() -> None:
        results.append(program(*arguments, 1, device=Device("local-task")))

    for work in (fail, succeed, fail, succeed):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(60)
    assert (len(errors), len(results)) == (2, 2)
    with pytest.raises(LaunchError):
        program(*arguments, 0, device=Device("local-task"))
    program(*arguments, 1, device=Device("local-task"))


@pytest.mark.parametrize("flags", [[], ASYNC], ids=["sync", "async"])
@pytest.mark.parametrize("uri", URIS)
def test_failed_assertion_says_what_it_says_and_the_next_launch_works(
    uri: str, flags: list[str]
) -> None:
    """I1."""
    program = jit(FAILS_AT_ONCE, flags=flags)
    with pytest.raises(LaunchError) as caught:
        program(X, 0, device=Device(uri))
    assert "n is zero" in caught.value.facts[0]
    assert torch.equal(program(X, 1, device=Device(uri)), X + X)


@pytest.mark.parametrize("flags", [[], ASYNC], ids=["sync", "async"])
def test_result_too_large_for_the_memory_is_an_exception(flags: list[str]) -> None:
    source = """
func.func @main(%n: i64) -> tensor<?xf32> {
  %d = arith.index_cast %n : i64 to index
  %c = arith.constant 1.0 : f32
  %e = tensor.empty(%d) : tensor<?xf32>
  %0 = linalg.fill ins(%c : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}"""
    program = jit(source, flags=flags)
    with pytest.raises(LaunchError, match="can't allocate memory"):
        program(1 << 50, device="cpu")
    with override_settings(launch="vm"), pytest.raises(LaunchError, match="RESOURCE_EXHAUSTED"):
        program(1 << 50, device="cpu")
    assert torch.equal(program(3, device="cpu"), torch.ones(3))
