"""The linking of a program with its devices and its parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ir_runtime.errors import DeviceError, IrRuntimeError, LinkError
from ir_runtime.fork_lock import fork_waits

if TYPE_CHECKING:
    from iree.runtime import HalDevice, ParameterProvider, VmContext, VmInstance, VmModule

__all__ = ["Place", "open_context"]

# Parts of IREE's messages for a failed link, and the fix for each.
_FIXES = (
    (
        "required module 'io_parameters' not registered",
        "the program loads parameters: pass parameter_providers=[index.create_provider(scope=...)]",
    ),
    (
        "no provider registered that handles scopes like",
        "pass a provider of that scope: index.create_provider(scope=...)",
    ),
    ("exceeds file length", "give the whole file: it was cut after it was opened"),
    ("no parameter found in index", "add the parameter to the index, under that key"),
    ("range out of bounds", "store the parameter with the type and shape that the program has"),
)
_MISSING_DEVICE = re.compile(
    r"HAL device `(\w+)` not found or unavailable: "
    r"(?:#hal\.device\.target<\"([\w-]+)\", \{(?:ordinal = (\d+))?|)"
)


class Place(Protocol):
    """The interface of the place where a program runs: a device, or a group of devices.

    Attributes:
        uri: the URI of the device, or the URIs.
        instance_cache_key: differs between two places.
    """

    uri: str
    instance_cache_key: str

    @property
    def hal_device(self) -> HalDevice: ...
    @property
    def vm_instance(self) -> VmInstance: ...
    def create_hal_module(self) -> VmModule: ...
    def setup_iree_action(self) -> None: ...
    def finalize_iree_action(self) -> None: ...


@fork_waits()
def open_context(
    name: str, place: Place, module: VmModule, providers: Sequence[ParameterProvider]
) -> tuple[VmContext, Any]:
    """Open a context that runs a program; this loads its parameters.

    Returns:
        The context, and the modules that must live as long as the context.

    Raises:
        LinkError: a module or a parameter is missing, or a parameter is too small.
        DeviceError: the program is compiled for a device that is not in `place`.
    """
    from iree.runtime import VmContext, create_io_parameters_module

    modules = [place.create_hal_module(), module]
    if providers:
        modules.insert(1, create_io_parameters_module(place.vm_instance, *providers))
    try:
        return VmContext(place.vm_instance, modules), modules
    except Exception as error:
        raise _failure(name, place, str(error)) from error


def _failure(name: str, place: Place, said: str) -> IrRuntimeError:
    missing = _MISSING_DEVICE.search(said)
    if missing is not None:
        name_in_program, target, ordinal = missing.groups()
        wanted = target and (target if ordinal is None else f"{target}[{ordinal}]")
        return DeviceError(
            f"{name}: compiled for a device `{name_in_program}` that is not there, "
            "must be given all devices that it was compiled for",
            facts=[f"wanted: {wanted or said}", f"given: {place.uri}"],
        )
    fix = next((fix for sign, fix in _FIXES if sign in said), None)
    return LinkError(f"{name}: cannot be linked", facts=[said], fix=fix)
