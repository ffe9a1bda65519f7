"""Do exceptions form one tree, print facts and fix, and survive a trip between processes?"""

from __future__ import annotations

import pickle
import sys

import pytest

from ir_runtime import errors
from ir_runtime.device import driver_error
from ir_runtime.errors import CompileError, IrRuntimeError
from ir_runtime.models import errors as model_errors
from ir_runtime.passes import errors as pass_errors

MODULES = (errors, pass_errors, model_errors, driver_error)
CLASSES = [getattr(module, name) for module in MODULES for name in module.__all__]


def test_message_is_headline_then_indented_facts_then_fix() -> None:
    error = IrRuntimeError("x: is 1, must be 2", facts=["one", "two\nlines"], fix="pass 2")
    assert str(error) == "x: is 1, must be 2\n    one\n    two\n    lines\n  fix: pass 2"


def test_message_without_facts_and_fix_is_the_headline() -> None:
    assert str(IrRuntimeError("x: is 1, must be 2")) == "x: is 1, must be 2"


def test_empty_fix_is_still_an_own_line_only_when_given() -> None:
    assert "fix:" not in str(IrRuntimeError("x", facts=["y"]))


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_has_the_one_root(kind: type[Exception]) -> None:
    assert issubclass(kind, IrRuntimeError)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_is_drawn_in_the_module_docstring(kind: type[Exception]) -> None:
    assert kind.__name__ in (sys.modules[kind.__module__].__doc__ or "")


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.ArgumentError, ValueError),
        (errors.MixedDeviceError, RuntimeError),
        (errors.DeviceError, RuntimeError),
        (errors.UnsupportedTypeError, TypeError),
        (errors.CompilerTimeoutError, TimeoutError),
        (errors.CompilerNotFoundError, ImportError),
        (errors.ArtifactNotFoundError, LookupError),
        (errors.UntrustedStoreError, PermissionError),
        (errors.EntryPointError, LookupError),
        (errors.TraceError, OSError),
        (errors.LinkError, ValueError),
        (errors.LinkError, errors.LaunchError),
        (errors.NoProgramError, NotImplementedError),
    ],
)
def test_class_is_also_the_builtin_that_fits(
    kind: type[Exception], builtin: type[Exception]
) -> None:
    assert issubclass(kind, builtin)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_keeps_its_message_through_pickle(kind: type[IrRuntimeError]) -> None:
    error = kind("x: is 1, must be 2", facts=["fact"], fix="pass 2")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error) == "x: is 1, must be 2\n    fact\n  fix: pass 2"


def test_compile_error_keeps_its_fields_through_pickle() -> None:
    error = CompileError("k: bad", diagnostics=["error: no"], source="text", source_path="/p.mlir")
    copy = pickle.loads(pickle.dumps(error))
    fields = (copy.diagnostics, copy.source, copy.source_path)
    assert fields == (("error: no",), "text", "/p.mlir")


def test_compile_error_names_the_file_of_the_source() -> None:
    error = CompileError("k: bad", source_path="/p.mlir")
    assert str(error) == "k: bad\n    source kept in /p.mlir"
