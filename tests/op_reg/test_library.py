"""Where an op is registered: libraries of each kind, dispatch keys, which parts torch gets."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest
import torch

from ir_runtime.errors import RegistrationError, UnsupportedTorchDeviceError
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, CustomOp, def_library
from tests.op_reg.ops import LIBRARY, like_first, make_op, op_of, scaled, yield_first

X = torch.arange(6.0).reshape(2, 3)
FILL = """
!y = tensor<3xi64>
util.func private @fill(%by: i64) -> !y {
  %e = tensor.empty() : !y
  %0 = linalg.fill ins(%by : i64) outs(%e : !y) -> !y
  util.return %0 : !y
}
"""


def register(signature: str, **options):
    members = {"signature": signature, "select": like_first, "generate": yield_first}
    cls = type("passes_on", (CustomOp,), {**members, "__module__": __name__})
    return CustomOp.register(**{"library": LIBRARY, **options})(cls)


# --- libraries ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["DEF", "FRAGMENT"])
def test_library_of_the_users_own(kind):
    library = torch.library.Library(f"ir_tests_own_{kind}", kind)
    packet = register("own(Tensor x) -> Tensor", library=library)
    assert packet is getattr(torch.ops, library.ns).own
    assert torch.equal(packet(X), X)
    torch.library.opcheck(packet.default, (X,))


@pytest.mark.parametrize("kind", ["DEF", "FRAGMENT"])
def test_op_keeps_its_library_alive(kind):
    library = torch.library.Library(f"ir_tests_kept_{kind}", kind)
    packet = register("kept(Tensor x) -> Tensor", library=library)
    namespace = library.ns
    del library
    gc.collect()
    assert torch.equal(packet(X), X)
    assert torch.equal(getattr(torch.ops, namespace).kept(X + 1), X + 1)
    assert packet(X.to("meta")).shape == X.shape


def test_library_that_only_implements_is_refused():
    library = torch.library.Library("ir_tests_impl", "IMPL")
    with pytest.raises(RegistrationError) as caught:
        register("implemented(Tensor x) -> Tensor", library=library)
    assert str(caught.value) == (
        "implemented: library of namespace 'ir_tests_impl' is of kind IMPL, "
        "must be DEF or FRAGMENT to define ops\n"
        "  fix: use def_library('ir_tests_impl')"
    )


def test_namespace_that_another_package_defined_before():
    other = torch.library.Library("ir_tests_before", "DEF")
    other.define("theirs(Tensor x) -> Tensor")
    other.impl("theirs", torch.clone, "CPU")
    packet = register("ours(Tensor x) -> Tensor", library=def_library("ir_tests_before"))
    assert torch.equal(packet(X), torch.ops.ir_tests_before.theirs(X))


def test_namespace_that_another_package_defines_after():
    packet = register("ours(Tensor x) -> Tensor", library=def_library("ir_tests_after"))
    other = torch.library.Library("ir_tests_after", "DEF")
    other.define("theirs(Tensor x) -> Tensor")
    other.impl("theirs", torch.clone, "CPU")
    assert torch.equal(packet(X), torch.ops.ir_tests_after.theirs(X))


def test_same_class_in_two_namespaces():
    for namespace in ("ir_tests_one", "ir_tests_two"):
        packet = register("same(Tensor x) -> Tensor", library=def_library(namespace))
        assert torch.equal(packet(X), X)
        assert f"{namespace}::same" in ALL_CUSTOM_OP_REGS


def test_name_that_another_package_defined_is_refused():
    library = def_library("ir_tests_taken")
    library.define("taken(Tensor x) -> Tensor")
    with pytest.raises(RegistrationError) as caught:
        register("taken(Tensor x) -> Tensor", library=library)
    assert str(caught.value).startswith("ir_tests_taken::taken: torch refuses the schema\n    ")
    assert "ir_tests_taken::taken" not in ALL_CUSTOM_OP_REGS


@pytest.mark.full
def test_interpreter_ends_quietly_with_ops_in_libraries_of_each_kind():
    program = """
import torch
from ir_runtime.op_reg import CustomOp, def_library
for ns, library in (("a", def_library("a")), ("b", torch.library.Library("b", "DEF"))):
    @CustomOp.register(library=library)
    class op(CustomOp):
        signature = "op(Tensor x) -> Tensor"
        def select(self, ksel):
            ksel.return_tensor(ksel.arg_tensor(0).generate_meta())
        def generate(self, ksel, kb):
            kb.yield_results(kb.arg(0))
    del library
    print(getattr(torch.ops, ns).op(torch.ones(1)).item())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1.0\n1.0\n", "")


# --- signatures ---------------------------------------------------------------------------------


def test_signature_may_be_a_property():
    class named(CustomOp):
        factor = 3

        @property
        def signature(self):
            return f"times_{self.factor}_@UNIQUE@(Tensor x) -> Tensor"

        select = like_first

        def generate(self, ksel, kb):
            kb.yield_results(scaled(kb, kb.arg(0), float(self.factor)))

    packet = CustomOp.register(library=LIBRARY)(named)
    assert op_of(packet).name.startswith("times_3_")
    assert torch.equal(packet(X), X * 3)


def test_unique_number_may_stand_anywhere_in_the_name():
    names = [op_of(register("a@UNIQUE@b(Tensor x) -> Tensor")).name for _ in range(2)]
    assert names == ["a0b", "a1b"]


def test_overload_name_is_refused():
    with pytest.raises(RegistrationError) as caught:
        register("clamp.Tensor(Tensor x) -> Tensor")
    assert str(caught.value) == (
        "passes_on: signature 'clamp.Tensor(Tensor x) -> Tensor' names an overload, "
        "must name the op alone: 'clamp'\n"
        "  fix: give each overload a name of its own"
    )


@pytest.mark.parametrize(
    "kind", ["Tensor?[]", "Tensor[]?", "Dict(str, Tensor)"], ids=["holes", "absent list", "dict"]
)
def test_argument_that_no_selection_can_declare_is_refused_at_once(kind):
    with pytest.raises(RegistrationError, match=r"must be Tensor, Tensor\?, Tensor\[\] or"):
        register(f"unknown({kind} x) -> Tensor")


def test_all_arguments_keyword_only():
    packet = make_op(
        "only_@UNIQUE@(*, Tensor x, float factor=2.0) -> Tensor",
        lambda self, ksel: (like_first(self, ksel), ksel.attr_float(1)),
        lambda self, ksel, kb: kb.yield_results(scaled(kb, kb.arg(0), ksel.arg_descs[1].v)),
    )
    for _ in range(2):
        assert torch.equal(packet(x=X), X * 2)
        assert torch.equal(packet(factor=3.0, x=X), X * 3)
    compiled = torch.compile(lambda x: packet(x=x, factor=4.0) + 1, fullgraph=True)
    assert torch.equal(compiled(X), X * 4 + 1)
    torch.library.opcheck(packet.default, (), {"x": X, "factor": 5.0})


def test_no_tensor_arguments():
    def select(self, ksel):
        n = ksel.attr_int(0).v
        ksel.arg_int(1)
        ksel.return_new_tensor((n,), torch.int64).specialize_all_dims()

    def generate(self, ksel, kb):
        kb.yield_results(kb.inline_mlir(FILL, {"!y": ksel.result_descs[0]}, kb.arg(1)))

    packet = make_op("filled_@UNIQUE@(SymInt n, SymInt by) -> Tensor", select, generate)
    for by in (7, -1, 7):
        assert torch.equal(packet(3, by), torch.full((3,), by))
    assert packet(0, 1).shape == (0,)
    compiled = torch.compile(lambda x: packet(2, x.shape[0]) + x, fullgraph=True)
    assert torch.equal(compiled(torch.arange(2)), torch.arange(2) + 2)
    torch.library.opcheck(packet.default, (3, 7))


def test_no_arguments_at_all():
    def generate(self, ksel, kb):
        kb.yield_results(kb.constant_index(5))

    packet = make_op("five_@UNIQUE@() -> SymInt", lambda self, ksel: ksel.return_int(), generate)
    assert [packet(), packet()] == [5, 5]
    torch.library.opcheck(packet.default, ())


# --- which parts torch gets ---------------------------------------------------------------------


def test_register_nothing_but_the_schema():
    packet = register("bare_@UNIQUE@(Tensor x) -> Tensor", register_meta=False, register_impl=False)
    assert packet.overloads() == ["default"]
    for x in (X, X.to("meta")):
        with pytest.raises(NotImplementedError):
            packet(x)


def test_ops_without_a_meta_function_or_a_kernel_have_no_out_overload():
    for options in ({"register_meta": False}, {"register_impl": False}):
        packet = register("half_@UNIQUE@(Tensor x) -> Tensor", **options)
        assert packet.overloads() == ["default"]


def test_meta_function_of_an_op_without_kernels_is_traced():
    packet = register("traced_@UNIQUE@(Tensor x) -> Tensor", register_impl=False)
    op_of(packet).library.impl(op_of(packet).name, torch.clone, "CPU")
    compiled = torch.compile(lambda x: packet(x) * 2, backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(X), X * 2)


def test_own_meta_function_for_an_op_without_one():
    packet = register("meta_@UNIQUE@(Tensor x) -> Tensor", register_meta=False)
    torch.library.register_fake(op_of(packet).qualified_name, torch.empty_like, lib=LIBRARY)
    compiled = torch.compile(lambda x: packet(x) * 2, backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(X), X * 2)


@pytest.mark.parametrize("key", ["CPU", ["CPU"], ("CPU", "CUDA"), "CompositeExplicitAutograd"])
def test_dispatch_key_that_serves_cpu_tensors(key):
    packet = register("keys_@UNIQUE@(Tensor x) -> Tensor", dispatch_key=key)
    assert torch.equal(packet(X), X)
    torch.library.opcheck(packet.default, (X,))


def test_dispatch_key_of_another_device_alone():
    packet = register("away_@UNIQUE@(Tensor x) -> Tensor", dispatch_key="CUDA")
    with pytest.raises(UnsupportedTorchDeviceError, match="must be dense and on cuda"):
        packet(X)
    assert packet(X.to("meta")).shape == X.shape


@pytest.mark.parametrize(
    "key", ["Nonsense", "", "Meta", "AutogradCPU", "Autograd", "CompositeImplicitAutograd"]
)
def test_dispatch_key_that_takes_no_kernels_leaves_the_name_free(key):
    with pytest.raises(RegistrationError) as caught:
        register("free(Tensor x) -> Tensor", dispatch_key=("CPU", key))
    assert str(caught.value) == (
        f"free: dispatch key {key!r} takes no kernels, must be that of a backend, "
        "such as 'CPU', or 'CompositeExplicitAutograd' for all"
    )
    assert not hasattr(torch.ops.ir_tests, "free")
