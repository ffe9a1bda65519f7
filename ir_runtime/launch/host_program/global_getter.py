"""Add a function to a compiled program that returns the buffers which its initializers make.

Such a buffer is a parameter, a constant that is too large for the stored host program, or computed
from them. `compiler_process` loads this file by its path, so it imports the standard library only.
"""

from __future__ import annotations

import re

__all__ = ["GETTER", "with_global_getter"]

GETTER = "__ir_runtime_globals"
"""Name of the function; names that start with two underscores are not listed to users."""

_GLOBAL = re.compile(rb'^  util\.global private @("[^"\n]*"|[\w$.]+) : !hal\.buffer$', re.MULTILINE)
_FUNCTION = b"\n  util.func public @"


def with_global_getter(host_text: bytes) -> bytes | None:
    """Return a program in IREE's HAL phase with the getter; None if it has no such buffer.

    Args:
        host_text: the program as text. As bytecode it would lose the contents of its resources.
    """
    names = [name.decode() for name in _GLOBAL.findall(host_text)]
    at = host_text.find(_FUNCTION)
    if not names or at < 0:
        return None
    loads = "".join(
        f"    %b{i} = util.global.load immutable @{name} : !hal.buffer\n"
        f"    %n{i} = hal.buffer.length<%b{i} : !hal.buffer> : index\n"
        f"    %v{i} = hal.buffer_view.create buffer(%b{i} : !hal.buffer)[%c0, %n{i}] "
        f"shape([%n{i}]) type(%type) encoding(%encoding) : !hal.buffer_view\n"
        for i, name in enumerate(names)
    )
    values = ", ".join(f"%v{i}" for i in range(len(names)))
    types = ", ".join(["!hal.buffer_view"] * len(names))
    function = (
        f"\n  util.func public @{GETTER}() -> ({types}) attributes {{iree.abi.stub}} {{\n"
        "    %c0 = arith.constant 0 : index\n"
        "    %type = hal.element_type<i8> : i32\n"
        "    %encoding = hal.encoding_type<dense_row_major> : i32\n"
        f"{loads}    util.return {values} : {types}\n  }}"
    )
    return host_text[:at] + function.encode() + host_text[at:]
