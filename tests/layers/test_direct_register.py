"""Do plain functions become ops, whole or not at all, and does a lost library say so?"""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest
import torch
from torch.library import Library

import ir_runtime
from ir_runtime.errors import (
    DeadLibraryError,
    OpConflictError,
    OpDefinitionError,
    RegistrationError,
)
from ir_runtime.layers import direct_register_custom_op, use_platform


def plus_one(x: torch.Tensor) -> torch.Tensor:
    return x + 1


def like(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


@pytest.fixture
def library():
    found = Library("ir_direct_tests", "FRAGMENT")
    yield found
    found._destroy()


def has_op(name: str) -> bool:
    return torch._C._jit_get_operation(name)[0] is not None


def test_the_top_level_has_it():
    """C-11."""
    assert ir_runtime.direct_register_custom_op is direct_register_custom_op


def test_an_op_joins_the_default_namespace():
    """C-11."""
    direct_register_custom_op("direct_plus_one", plus_one)
    assert torch.ops.ir_runtime.direct_plus_one(torch.zeros(2)).tolist() == [1.0, 1.0]


def test_an_op_with_a_fake_is_one_node_of_a_full_graph(library: Library):
    """C-11."""
    direct_register_custom_op("opaque", plus_one, fake_impl=like, target_lib=library)
    op = torch.ops.ir_direct_tests.opaque
    targets = []

    def backend(graph, inputs):
        targets.extend(n.target for n in graph.graph.nodes if n.op == "call_function")
        return graph.forward

    compiled = torch.compile(lambda x: op(x) * 2, fullgraph=True, backend=backend)
    assert compiled(torch.zeros(2)).tolist() == [2.0, 2.0]
    assert op in targets or op.default in targets
    torch.library.opcheck(op.default, (torch.zeros(2),))


def test_written_arguments_are_in_the_schema(library: Library):
    """C-11."""

    def fill(x: torch.Tensor, value: float) -> None:
        x.fill_(value)

    direct_register_custom_op(
        "fill", fill, ["x"], fake_impl=lambda x, value: None, target_lib=library
    )
    op = torch.ops.ir_direct_tests.fill
    assert str(op.default._schema).startswith("ir_direct_tests::fill(Tensor(a0!) x, float value)")

    @torch.compile(fullgraph=True)
    def compiled(x):
        y = x + 1
        op(y, 5.0)
        return y

    assert compiled(torch.zeros(2)).tolist() == [5.0, 5.0]


def test_tags_reach_the_op(library: Library):
    """C-13."""
    tag = torch.Tag.needs_fixed_stride_order
    direct_register_custom_op("tagged", plus_one, tags=(tag,), target_lib=library)
    direct_register_custom_op("tagged_alone", plus_one, tags=tag, target_lib=library)
    assert tag in torch.ops.ir_direct_tests.tagged.default.tags
    assert tag in torch.ops.ir_direct_tests.tagged_alone.default.tags


@pytest.mark.parametrize(
    ("platform", "key", "expected"),
    [
        ("cpu", None, {"CPU"}),
        ("cuda", None, {"CPU", "CUDA"}),
        ("hip", None, {"CPU", "CUDA"}),
        ("xpu", None, {"CPU", "XPU"}),
        ("oot", None, {"CPU", "PrivateUse1"}),
        ("cuda", "CPU", {"CPU"}),
        ("cpu", ["CPU", "CUDA", "CPU"], {"CPU", "CUDA"}),
    ],
)
def test_the_function_serves_the_backends_of_the_platform(
    library: Library, platform: str, key: object, expected: set[str]
):
    """C-11."""
    with use_platform(platform):
        direct_register_custom_op("placed", plus_one, dispatch_key=key, target_lib=library)
    served = {
        key
        for key in ("CPU", "CUDA", "XPU", "PrivateUse1", "Vulkan")
        if torch._C._dispatch_has_kernel_for_dispatch_key("ir_direct_tests::placed", key)
    }
    assert served == expected


def test_an_op_without_tensors_takes_every_call(library: Library):
    """C-11."""

    def count(n: int) -> int:
        return n + 1

    direct_register_custom_op("count", count, target_lib=library)
    assert torch.ops.ir_direct_tests.count(2) == 3


def broken_fake(*args: object, **kwargs: object) -> None:
    raise AssertionError


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"op_name": "a.b"}, OpDefinitionError, "is no op name"),
        ({"op_name": 3}, OpDefinitionError, "is no op name"),
        ({"op_func": lambda x: x}, OpDefinitionError, "must have a type annotation"),
        ({"op_func": 3}, OpDefinitionError, "cannot be inferred from the annotations"),
        ({"mutates_args": ["y"]}, OpDefinitionError, "were not found"),
        ({"mutates_args": "x"}, OpDefinitionError, "must be a list of names"),
        ({"fake_impl": 3}, OpDefinitionError, "must be a function"),
        ({"tags": ["core"]}, OpDefinitionError, "must be one of torch.Tag"),
        ({"tags": [torch.Tag.out]}, RegistrationError, "torch refuses the op"),
        ({"dispatch_key": "GPU"}, RegistrationError, "takes no kernels"),
        ({"dispatch_key": ["CPU", "Autograd"]}, RegistrationError, "takes no kernels"),
        ({"target_lib": "lib"}, OpDefinitionError, "must be a torch.library.Library"),
    ],
)
def test_what_is_refused_leaves_nothing(
    library: Library, arguments: dict, kind: type[Exception], message: str
):
    """C-11."""
    good = {"op_name": "bad", "op_func": plus_one, "target_lib": library}
    with pytest.raises(kind, match=message):
        direct_register_custom_op(**(good | arguments))
    assert not has_op("ir_direct_tests::bad")
    direct_register_custom_op(**good)
    assert torch.ops.ir_direct_tests.bad(torch.zeros(1)).item() == 1.0


def test_a_failure_in_the_middle_leaves_nothing(library: Library, monkeypatch: pytest.MonkeyPatch):
    """C-11."""

    def fails(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no fake today")

    with monkeypatch.context() as patch:
        patch.setattr(torch.library, "register_fake", fails)
        with pytest.raises(RegistrationError, match="no fake today"):
            direct_register_custom_op("half", plus_one, fake_impl=like, target_lib=library)
    assert not has_op("ir_direct_tests::half")
    assert not hasattr(torch.ops.ir_direct_tests, "half")
    direct_register_custom_op("half", plus_one, fake_impl=like, target_lib=library)


def test_a_taken_name_keeps_its_op(library: Library):
    """C-11."""
    direct_register_custom_op("taken", plus_one, target_lib=library)
    with pytest.raises(OpConflictError, match="ir_direct_tests::taken: the name is taken"):
        direct_register_custom_op("taken", like, target_lib=library)
    assert torch.ops.ir_direct_tests.taken(torch.zeros(1)).item() == 1.0


def lose_library(name: str):
    library = Library("ir_lost_tests", "FRAGMENT")
    direct_register_custom_op(name, plus_one, fake_impl=like, target_lib=library)
    packet = getattr(torch.ops.ir_lost_tests, name)
    assert packet.default(torch.zeros(1)).item() == 1.0
    return packet, packet.default


@pytest.mark.parametrize("held", [0, 1])
def test_a_held_op_of_a_lost_library_says_so(held: int):
    """C-11."""
    op = lose_library(f"held{held}")[held]
    gc.collect()
    with pytest.raises(DeadLibraryError) as caught:
        op(torch.zeros(1))
    assert str(caught.value) == (
        f"ir_lost_tests::held{held}: the library that the op was registered in is gone, "
        "must outlive the op\n"
        "  fix: keep a reference to the library, such as a global of the module that registers "
        "the op, or register it in the default library"
    )


def test_a_lost_op_looked_up_says_so():
    """C-11."""
    lose_library("looked_up")
    gc.collect()
    with pytest.raises(DeadLibraryError, match="is gone"):
        torch.ops.ir_lost_tests.looked_up(torch.zeros(1))
    assert not hasattr(torch.ops.ir_lost_tests, "looked_up")
    with pytest.raises(AttributeError, match="no attribute 'never_there'") as caught:
        torch.ops.ir_lost_tests.never_there  # noqa: B018
    assert not isinstance(caught.value, DeadLibraryError)


def test_a_compiled_call_of_a_lost_op_is_an_error():
    """C-11."""
    lose_library("compiled")
    library = Library("ir_lost_tests", "FRAGMENT")
    gc.collect()
    direct_register_custom_op("compiled", plus_one, fake_impl=like, target_lib=library)
    compiled = torch.compile(lambda x: torch.ops.ir_lost_tests.compiled(x) + 0, backend="eager")
    assert compiled(torch.zeros(1)).item() == 1.0
    library._destroy()
    with pytest.raises(DeadLibraryError, match="is gone"):
        compiled(torch.zeros(1))


def test_a_lost_name_can_be_used_anew():
    """C-11."""
    lose_library("anew")
    gc.collect()
    library = Library("ir_lost_tests", "FRAGMENT")
    direct_register_custom_op("anew", plus_one, fake_impl=like, target_lib=library)
    assert torch.ops.ir_lost_tests.anew(torch.zeros(1)).item() == 1.0
    compiled = torch.compile(lambda x: torch.ops.ir_lost_tests.anew(x) + 0, fullgraph=True)
    assert compiled(torch.zeros(1)).item() == 1.0


def test_a_destroyed_library_takes_no_ops():
    """C-11."""
    library = Library("ir_lost_tests", "FRAGMENT")
    library._destroy()
    with pytest.raises(DeadLibraryError, match="was destroyed, must be alive"):
        direct_register_custom_op("late", plus_one, target_lib=library)
    assert not has_op("ir_lost_tests::late")


def test_a_library_that_only_implements_takes_no_ops():
    """C-11."""
    library = Library("aten", "IMPL")
    with pytest.raises(RegistrationError, match="of kind IMPL"):
        direct_register_custom_op("new_in_aten", plus_one, target_lib=library)


def test_a_process_with_such_ops_ends_without_a_word():
    program = (
        "import torch, ir_runtime\n"
        "def f(x: torch.Tensor) -> torch.Tensor: return x + 1\n"
        "lib = torch.library.Library('mine', 'DEF')\n"
        "for i, l in enumerate((None, lib)):\n"
        "    ir_runtime.direct_register_custom_op(f'f{i}', f, [], lambda x: x + 0, l)\n"
        "torch.ops.ir_runtime.f0(torch.ops.mine.f1(torch.ones(1)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout + done.stderr == ""
