"""Register a plain function as a torch op, without the overhead of `torch.library.custom_op`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import torch

from ir_runtime.errors import (
    DeadLibraryError,
    OpConflictError,
    OpDefinitionError,
    RegistrationError,
)
from ir_runtime.layers.dead_library import bury_op, revive_op
from ir_runtime.layers.platform import dispatch_keys
from ir_runtime.op_reg.digest.sink import Sink
from ir_runtime.op_reg.digest.torch_cache import show_code_to_torch
from ir_runtime.op_reg.op.library import IR_RUNTIME_LIBRARY
from ir_runtime.op_reg.op.schema import check_dispatch_keys
from ir_runtime.op_reg.register.registration import given_fake

__all__ = ["direct_register_custom_op"]


def direct_register_custom_op(
    op_name: str,
    op_func: Callable[..., Any],
    mutates_args: Iterable[str] | None = None,
    fake_impl: Callable[..., Any] | None = None,
    target_lib: torch.library.Library | None = None,
    dispatch_key: str | Sequence[str] | None = None,
    tags: torch.Tag | Iterable[torch.Tag] = (),
) -> None:
    """Register a function as `torch.ops.<namespace>.<op_name>`, with the schema of its annotations.

    torch.compile does not look into the op. A result must not be an argument, or share memory with
    one. `torch.library.register_autograd(..., lib=target_lib)` can give the op a backward; without
    one torch warns when a gradient reaches the op.

    Args:
        op_name: the op's name, without its namespace.
        op_func: computes the op, with all parameters annotated.
        mutates_args: names of the arguments that it writes; default: none. "unknown" for all.
        fake_impl: takes the same arguments, and returns tensors like the results; without it the
            op cannot be traced.
        target_lib: the op joins its namespace and lives as long as it does: keep it alive.
            Default: this package's own.
        dispatch_key: one or more backends of torch, whose tensors the function takes; default: the
            CPU and the accelerator of this machine. An op without tensors takes every call.
        tags: torch's tags for the op, such as `torch.Tag.needs_fixed_stride_order`.

    Raises:
        OpDefinitionError: the name is no identifier, or the schema cannot be inferred from the
            annotations.
        OpConflictError: the namespace has an op of this name.
        DeadLibraryError: the library was destroyed.
        RegistrationError: torch refuses something else. No part of the op remains.
    """
    library = IR_RUNTIME_LIBRARY if target_lib is None else target_lib
    _check_library(op_name, library)
    name = f"{library.ns}::{op_name}"
    schema = _schema(name, op_name, op_func, mutates_args)
    keys = _keys(name, schema, dispatch_key)
    if fake_impl is not None and not callable(fake_impl):
        raise OpDefinitionError(f"{name}: `fake_impl` is {fake_impl!r}, must be a function")
    tags = (tags,) if isinstance(tags, torch.Tag) else tuple(tags)
    for tag in tags:
        if not isinstance(tag, torch.Tag):
            raise OpDefinitionError(f"{name}: tag {tag!r} is no tag, must be one of torch.Tag")
    if torch._C._jit_get_operation(name)[0] is not None:
        raise OpConflictError(f"{name}: the name is taken, an op must have one of its own")
    _register(library, name, schema, op_func, fake_impl, keys, tags)


def _check_library(name: str, library: Any) -> None:
    if not isinstance(library, torch.library.Library):
        raise OpDefinitionError(
            f"{name}: `target_lib` is {library!r}, must be a torch.library.Library"
        )
    if library.m is None:
        raise DeadLibraryError(
            f"{name}: library of namespace {library.ns!r} was destroyed, must be alive",
            fix=f"make another: torch.library.Library({library.ns!r}, 'FRAGMENT')",
        )
    if library.kind == "IMPL":
        raise RegistrationError(
            f"{name}: library of namespace {library.ns!r} is of kind IMPL, "
            "must be DEF or FRAGMENT to define ops"
        )


def _schema(
    name: str, op_name: str, op_func: Callable[..., Any], mutates_args: Iterable[str] | None
) -> str:
    if not isinstance(op_name, str) or not op_name.isidentifier():
        raise OpDefinitionError(f"{name}: {op_name!r} is no op name, must be an identifier")
    is_unknown = mutates_args == "unknown"  # torch's word for all tensors
    if isinstance(mutates_args, str) and not is_unknown:
        raise OpDefinitionError(
            f"{name}: `mutates_args` is {mutates_args!r}, must be a list of names, or 'unknown'"
        )
    written = "unknown" if is_unknown else list(mutates_args or ())
    try:
        return torch.library.infer_schema(op_func, mutates_args=written)
    except (ValueError, TypeError, NameError, AttributeError) as error:
        raise OpDefinitionError(
            f"{name}: its schema cannot be inferred from the annotations of "
            f"`{getattr(op_func, '__qualname__', op_func)}`",
            facts=str(error).split("\n"),
        ) from error


def _keys(name: str, schema: str, given: str | Sequence[str] | None) -> tuple[str, ...]:
    if given is not None:
        keys = (given,) if isinstance(given, str) else tuple(given)
        check_dispatch_keys(name, keys)
        return tuple(dict.fromkeys(keys))
    takes_tensors = "Tensor" in schema[: schema.rindex("->")]
    return dispatch_keys() if takes_tensors else ("CompositeExplicitAutograd",)


def _register(
    library: torch.library.Library,
    name: str,
    schema: str,
    op_func: Callable[..., Any],
    fake_impl: Callable[..., Any] | None,
    keys: tuple[str, ...],
    tags: tuple[torch.Tag, ...],
) -> None:
    op_name = name.rpartition("::")[2]
    own = torch.library.Library(library.ns, "FRAGMENT")  # a failure destroys it, with all it has
    lifetime = _Lifetime(name, own)
    own._registration_handles.append(lifetime)  # pyright: ignore[reportArgumentType]
    try:
        own.define(f"{op_name}{schema}", tags=tags)
        for key in keys:
            own.impl(op_name, op_func, key)
        if fake_impl is not None:
            torch.library.register_fake(name, fake_impl, lib=own)
    except (RuntimeError, ValueError) as error:
        lifetime.is_over = True
        own._destroy()
        raise RegistrationError(
            f"{name}: torch refuses the op", facts=str(error).split("\n")
        ) from error
    revive_op(name)
    show_code_to_torch(name, partial(_describe, name, op_func, (schema, *map(str, tags))))
    library._registration_handles.append(lifetime)  # pyright: ignore[reportArgumentType]


def _describe(name: str, op_func: Callable[..., Any], words: Sequence[str], into: Sink) -> None:
    """Describe the parts of an op that torch compiles.

    Torch does not expose a backward from `torch.library.register_autograd`, so an op with one
    refuses to be described.
    """
    into.add(*words)
    into.code_of(op_func)
    into.code_of(given_fake(name))
    if any(torch._C._dispatch_has_kernel_for_dispatch_key(name, key) for key in _AUTOGRAD_KEYS):
        into.refuse(
            f"the backward that torch.library.register_autograd gave {name}",
            "make it an op of ir_runtime.ir or ir_runtime.op_reg, so that such graphs are cached",
        )


_AUTOGRAD_KEYS = ("Autograd", "AutogradCPU", "AutogradCUDA", "AutogradPrivateUse1")


class _Lifetime:
    """Removes an op when its target library is destroyed.

    Both the op's own library and the target library hold this object. Torch destroys both at the
    end of the process, the own library first, and an op's registrations may be destroyed only once.
    """

    def __init__(self, name: str, own: torch.library.Library) -> None:
        self._name, self._own = name, own
        self.is_over = False

    def destroy(self) -> None:
        """Remove the op from torch; later calls of it raise `DeadLibraryError`."""
        if not self.is_over:
            self.is_over = True
            bury_op(self._name)
            self._own._destroy()
