"""Does every name of seed 004 exist, with its parameters?  The seed's own page, as a table.

A parameter is written as in a signature; `*` stands before keyword-only ones. Ours may have more,
with defaults.
"""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch

import ir_runtime
from ir_runtime import op_reg
from ir_runtime.op_reg.select.call_selection import CallSelection
from tests.op_reg import ops

RUNTIME_SIGNATURES = {
    "Device": "uri=, *, device_state=",
    "Device.clear": "self",
    "Device.create_hal_module": "self",
    "Device.current": "",
    "Device.dump_device_info": "self",
    "Device.finalize_iree_action": "self, external_timepoint",
    "Device.get_type_key_hash": "self, *, hasher=",
    "Device.set": "self",
    "Device.setup_iree_action": "self",
    "DeviceState": (
        "*, driver, device=, vm_instance=, enumerated_info=, torch_device=, torch_stream=, "
        "dlpack_device_type_code="
    ),
    "DeviceState.from_uri": "uri",
    "Launchable": "loader, parameter_providers=, is_async=",
    "Launchable.from_file_cache_only": "file_cache_dir, *, parameter_providers=, entry_point=",
    "Launchable.from_vm_module": "vm_module_callback, *, parameter_providers=, entry_point=",
    "Launchable.jit_compile": "source, *, parameter_providers=, entry_point=, file_cache_dir=",
    "Launchable.preload": "self, device",
    "get_vm_instance": "",
    "invoke_vm_function": (
        "device, is_async, vm_context, vm_function, arg_list, ret_list, *, timer="
    ),
}
OP_REG_SIGNATURES = {
    "AttrArg": "v",
    "AttrArg.generate_meta": "self",
    "CustomOp": "*, library, dispatch_key, register_meta, register_impl",
    "CustomOp.eager_execute": "self, *args",
    "CustomOp.generate": "self, ksel, kb",
    "CustomOp.register": "op_class=, *, library=, dispatch_key=, register_meta=, register_impl=",
    "CustomOp.select": "self, ksel",
    "EmptyOptionalTensorArg": "",
    "FreeFuncKernelBuilder": "ksel, *, module_body, symbol_table, func_name=, is_public=",
    "FreeFuncKernelBuilder.create_module": "ksel, *, context=, func_name=, is_public=",
    "FreeFuncKernelBuilder.yield_results": "self, *results",
    "IntArg": "v",
    "IntArg.generate_meta": "self",
    "KernelBuilder": "ksel, arg_bindings, *, ip, module_body, symbol_table",
    "KernelBuilder.arg_value": "self, index",
    "KernelBuilder.arg": "self, index",
    "KernelBuilder.constant_index": "self, i",
    "KernelBuilder.yield_results": "self, *results",
    "KernelSelection": "op, arg_arity",
    "KernelSelection.arg_int": "self, arg",
    "KernelSelection.arg_optional_tensor": "self, arg",
    "KernelSelection.arg_tensor": "self, arg, *, inplace_tied=",
    "KernelSelection.arg_tensor_list": "self, arg",
    "KernelSelection.attr_bool": "self, arg",
    "KernelSelection.attr_dtype": "self, arg",
    "KernelSelection.attr_float": "self, arg",
    "KernelSelection.attr_int": "self, arg",
    "KernelSelection.attr_list_bool": "self, arg",
    "KernelSelection.attr_list_float": "self, arg",
    "KernelSelection.attr_list_int": "self, arg",
    "KernelSelection.attr_list_str": "self, arg",
    "KernelSelection.attr_str": "self, arg",
    "KernelSelection.generate_meta_returns": "self",
    "KernelSelection.get_provided_arg_descs": "self",
    "KernelSelection.maybe_return_tensor": "self, t",
    "KernelSelection.return_int": "self",
    "KernelSelection.return_new_tensor": "self, size, dtype",
    "KernelSelection.return_tensor": "self, t",
    "TensorArg": "t",
    "TensorArg.generate_meta": "self",
    "TensorArg.specialize_all_dims": "self",
    "TensorArg.specialize_dims": "self, *indices",
    "TensorListArg": "ts",
    "def_library": "ns",
}
MEMBERS = {
    "Device": (
        "compile_target_flags driver_id export_torch_tensor hal_device import_torch_tensor "
        "instance_cache_key sync type_cache_key vm_instance __enter__ __exit__"
    ),
    "DeviceState": (
        "device dlpack_device_type_code driver enumerated_info instance torch_device torch_stream "
        "from_uri enumerated_device_id enumerated_path enumerated_name"
    ),
    "AttrArg": (
        "ir_arity is_list maybe_tensor_value mlir_type_asm spec_key spec_value v generate_meta"
    ),
    "IntArg": (
        "ir_arity is_list maybe_tensor_value mlir_type_asm spec_key spec_value v generate_meta"
    ),
    "TensorArg": (
        "ir_arity is_list maybe_tensor_value mlir_type_asm spec_key spec_dims t generate_meta"
    ),
    "TensorListArg": "ir_arity is_list maybe_tensor_value mlir_type_asm spec_key ts generate_meta",
    "EmptyOptionalTensorArg": "ir_arity is_list maybe_tensor_value spec_key generate_meta",
    "KernelSelection": (
        "op arg_descs inplace_tied_arg_descs result_descs variant spec_key get_provided_arg_descs "
        "generate_meta_returns"
    ),
    "KernelBuilder": (
        "ksel arg_bindings arg_value arg constant_index yield_results module_body symbol_table "
        "context ip location"
    ),
    "CustomOp": "signature select generate eager_execute single_dispatch register name",
}
PROPERTIES_THAT_RAISE = {("AttrArg", "mlir_type_asm"), ("DeviceState", "enumerated_device_id")}


def found(home: Any, path: str) -> Any:
    for part in path.split("."):
        home = getattr(home, part)
    return home


def kind_of(parameter: inspect.Parameter) -> str:
    return {
        inspect.Parameter.VAR_POSITIONAL: "*args",
        inspect.Parameter.KEYWORD_ONLY: "keyword",
        inspect.Parameter.VAR_KEYWORD: "**kwargs",
    }.get(parameter.kind, "positional")


def wanted_parameters(text: str) -> list[tuple[str, str, bool]]:
    """Parse a row of the table: name, kind, whether it has a default."""
    wanted: list[tuple[str, str, bool]] = []
    kind = "positional"
    for part in (p.strip() for p in text.split(",") if p.strip()):
        if part == "*":
            kind = "keyword"
        elif part.startswith("*"):
            wanted.append((part[1:], "*args", False))
        else:
            wanted.append((part.rstrip("="), kind, part.endswith("=")))
    return wanted


@pytest.mark.parametrize("path", RUNTIME_SIGNATURES)
def test_runtime_name_has_the_seeds_signature(path: str) -> None:
    check_signature(found(ir_runtime, path), RUNTIME_SIGNATURES[path])


@pytest.mark.parametrize("path", OP_REG_SIGNATURES)
def test_op_reg_name_has_the_seeds_signature(path: str) -> None:
    check_signature(found(op_reg, path), OP_REG_SIGNATURES[path])


def check_signature(thing: Any, text: str) -> None:
    function = thing.__init__ if isinstance(thing, type) else thing
    if isinstance(thing, type) and thing.__new__ is not object.__new__:
        function = thing.__new__ if "__init__" not in vars(thing) else thing.__init__
    ours = dict(inspect.signature(function).parameters)
    if isinstance(thing, type):
        ours.pop(next(iter(ours)), None)
    wanted = wanted_parameters(text)
    for name, kind, has_default in wanted:
        assert name in ours, f"no parameter {name}"
        assert kind_of(ours[name]) == kind
        assert not has_default or ours[name].default is not inspect.Parameter.empty
    positional = [name for name, kind, _ in wanted if kind == "positional"]
    assert [n for n, p in ours.items() if kind_of(p) == "positional"][
        : len(positional)
    ] == positional
    required = {
        name
        for name, p in ours.items()
        if p.default is inspect.Parameter.empty and kind_of(p) in ("positional", "keyword")
    }
    assert required <= {name for name, _, _ in wanted}


def objects() -> dict[str, Any]:
    """Return one object of each class of the table."""
    op = ops.op_of(ops.add)
    ksel = CallSelection(op, [torch.ones(2), torch.ones(2)])
    op.select(ksel)
    return {
        "Device": ir_runtime.Device("local-sync"),
        "DeviceState": ir_runtime.DeviceState(
            driver="local-sync", enumerated_info={"device_id": 0, "path": "p", "name": "n"}
        ),
        "AttrArg": op_reg.AttrArg(1),
        "IntArg": op_reg.IntArg(1),
        "TensorArg": op_reg.TensorArg(torch.ones(2)),
        "TensorListArg": op_reg.TensorListArg([op_reg.TensorArg(torch.ones(2))]),
        "EmptyOptionalTensorArg": op_reg.EmptyOptionalTensorArg(),
        "KernelSelection": ksel,
        "KernelBuilder": op_reg.FreeFuncKernelBuilder.create_module(ksel),
        "CustomOp": op,
    }


@pytest.mark.parametrize(
    ("name", "member"), [(name, m) for name, text in MEMBERS.items() for m in text.split()]
)
def test_object_has_the_seeds_member(name: str, member: str) -> None:
    thing = objects()[name]
    if (name, member) in PROPERTIES_THAT_RAISE:
        assert isinstance(getattr(type(thing), member), property)
    else:
        getattr(thing, member)


def test_names_are_exported() -> None:
    for home, paths in ((ir_runtime, RUNTIME_SIGNATURES), (op_reg, OP_REG_SIGNATURES)):
        for name in {path.partition(".")[0] for path in paths}:
            assert name in home.__all__
    for name in ("InlineKernelBuilder", "ALL_CUSTOM_OP_REGS"):
        assert name in op_reg.__all__


def test_default_namespace_is_ours() -> None:
    assert op_reg.IR_RUNTIME_LIBRARY.ns == "ir_runtime"
