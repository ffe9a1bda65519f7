"""Torch's cache is given back once where IREE finds no memory on a GPU."""

from __future__ import annotations

import pytest

from ir_runtime.launch.vm.gpu_memory import again_without_cache, is_out_of_memory

NO_MEMORY = RuntimeError("RESOURCE_EXHAUSTED; CUDA driver error 'CUDA_ERROR_OUT_OF_MEMORY' (2)")


def test_launch_without_memory_is_tried_once_more() -> None:
    done: list[str] = []

    def run() -> None:
        done.append("run")
        if len(done) == 1:
            raise NO_MEMORY

    again_without_cache(run, lambda: done.append("empty"))
    assert done == ["run", "empty", "run"]


@pytest.mark.parametrize(("error", "runs"), [(NO_MEMORY, 2), (RuntimeError("INVALID_VALUE"), 1)])
def test_other_errors_and_the_second_one_are_raised(error: Exception, runs: int) -> None:
    done: list[str] = []

    def run() -> None:
        done.append("run")
        raise error

    with pytest.raises(RuntimeError) as caught:
        again_without_cache(run, lambda: None)
    assert caught.value is error
    assert len(done) == runs
    assert is_out_of_memory(error) == (runs == 2)
