"""The state of one open HAL device: URI, driver, description, torch device and stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from ir_runtime.device.driver_table import driver_named
from ir_runtime.device.instance import get_vm_instance, keep_open
from ir_runtime.device.place import HalPlace, open_place
from ir_runtime.errors import DeviceError

if TYPE_CHECKING:
    from iree.runtime import HalDevice, HalDriver, VmInstance

__all__ = ["DeviceState"]


class DeviceState:
    """An open HAL device and the facts about it.

    Args:
        driver: an IREE driver name, or a driver object made by the caller.
        device: an open HAL device; default: the driver's default device.
        vm_instance: default: the one of this process.
        enumerated_info: the driver's own description: `device_id`, `path`, `name`.
        torch_device: the torch device that it serves, if it serves one.
        torch_stream: the raw stream it is tied to, None for none.
        dlpack_device_type_code: DLPack's code for its memory; 0 means the code of the driver.
    """

    __slots__ = (
        "details",
        "device",
        "dlpack_device_type_code",
        "driver",
        "enumerated_info",
        "instance",
        "torch_device",
        "torch_stream",
        "uri",
    )

    def __init__(
        self,
        *,
        driver: str | HalDriver,
        device: HalDevice | None = None,
        vm_instance: VmInstance | None = None,
        enumerated_info: dict[str, Any] | None = None,
        torch_device: torch.device | None = None,
        torch_stream: int | None = None,
        dlpack_device_type_code: int = 0,
    ) -> None:
        self.instance = vm_instance or get_vm_instance()
        self.driver = driver
        self.uri = driver if isinstance(driver, str) else "custom"
        self.details = ""
        row: Mapping[str, Any] = enumerated_info or {}
        if device is None and isinstance(driver, str):
            place = open_place(driver, prepare=driver_named(driver).prepare)
            device, self.uri, self.details = place.hal, place.uri, place.details
            row = row or place.row
        elif device is None and not isinstance(driver, str):
            device = driver.create_default_device()
        assert device is not None
        keep_open(device)
        self.device: HalDevice = device
        self.enumerated_info = dict(row)
        self.torch_device = torch_device
        self.torch_stream = torch_stream
        self.dlpack_device_type_code = dlpack_device_type_code

    @staticmethod
    def from_uri(uri: str) -> DeviceState:
        """Open the device of a URI: `local-task`, `vulkan://GPU-<uuid>`, `cuda://0`, `hip://1`.

        Raises:
            DeviceError: the driver or device does not exist.
        """
        driver = driver_named(uri.partition("://")[0])
        return DeviceState.at_place(open_place(uri, prepare=driver.prepare))

    @staticmethod
    def at_place(place: HalPlace) -> DeviceState:
        """Describe an open place, and the torch device that it serves."""
        driver = driver_named(place.driver_name)
        state = DeviceState(
            driver=place.driver_name,
            device=place.hal,
            enumerated_info=dict(place.row),
            torch_device=driver.torch_device(place),
            torch_stream=place.stream,
            dlpack_device_type_code=driver.dlpack_device_type_code,
        )
        state.uri, state.details = place.uri, place.details
        return state

    @property
    def enumerated_device_id(self) -> int:
        """The driver's number for the device."""
        return self._enumerated("device_id")

    @property
    def enumerated_path(self) -> str:
        """The driver's path for the device."""
        return self._enumerated("path")

    @property
    def enumerated_name(self) -> str:
        """The driver's name for the device."""
        return self._enumerated("name")

    def _enumerated(self, field: str) -> Any:
        try:
            return self.enumerated_info[field]
        except KeyError:
            raise DeviceError(
                f"device state of {self.driver!r}: no enumerated {field!r}, "
                "must come from a driver's enumeration"
            ) from None
