"""The binaries in the text of a compiled program, found with the standard library only.

A compile worker may therefore import it without the rest of this package.
"""

from __future__ import annotations

import re

__all__ = ["UnreadableProgramError", "is_known_format", "split_executables"]

_EXECUTABLE = re.compile(
    rb"^[ \t]*hal\.executable (?:public |private )?@(\"[^\"\n]*\"|[\w$.]+)", re.MULTILINE
)
_BINARY = re.compile(
    rb"hal\.executable\.binary (?:public |private )?@(?:\"[^\"\n]*\"|[\w$.]+)"
    rb"[^<\n]*<format = \"([^\"\n]*)\", data = dense<\"0x([0-9A-Fa-f]*)\"> : vector<(\d+)xi8>"
)
_OTHER_BINARY = re.compile(rb"hal\.executable\.(?:binary|variant|source)\b")
_FORMATS = {
    "embedded-elf-": (b"\x7fELF", "ELF file"),
    "cuda-nvptx-fb": (b"CDA1", "CUDA executable"),
    "rocm-hsaco-fb": (b"HIP1", "HIP executable"),
}
"""The start of the name of each format: the first bytes of its binaries, and a word for them."""


class UnreadableProgramError(Exception):
    """A program cannot be launched directly; IREE's VM can run it.

    It never reaches users: the message is one line, the reason that `explain` prints.
    """


def split_executables(hal_text: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Take the binaries out of the text of a program in IREE's HAL phase.

    Args:
        hal_text: the program as IREE prints it.

    Returns:
        The text with a short placeholder for each binary, so that it parses fast; and the
        binaries by the name of their executable: ELF shared objects of CPUs, or what
        `read_gpu_executable` reads.

    Raises:
        UnreadableProgramError: an executable has several binaries, or its binary is of another
            format.
    """
    binaries: dict[str, bytes] = {}
    pieces: list[bytes] = []
    starts = list(_EXECUTABLE.finditer(hal_text))
    kept = 0
    ends = [*(start.start() for start in starts[1:]), len(hal_text)]
    for start, end in zip(starts, ends, strict=False):
        name = start[1].strip(b'"').decode("utf-8", "replace")
        if name in binaries:
            raise UnreadableProgramError(f"two executables are named {name}")
        found = _BINARY.search(hal_text, start.end(), end)
        if found is None:
            raise UnreadableProgramError(f"executable {name} has no binary")
        if _OTHER_BINARY.search(hal_text, found.end(), end):
            raise UnreadableProgramError(f"executable {name} has several variants")
        binaries[name] = _binary_of(name, *found.groups())
        # `dense<"0x...">  : vector<Nxi8>` becomes `dense<0> : vector<1xi8>`, which is valid, too.
        data, size = found.span(2), found.span(3)
        pieces += (hal_text[kept : data[0] - 3], b"0", hal_text[data[1] + 1 : size[0]], b"1")
        kept = size[1]
    return b"".join((*pieces, hal_text[kept:])), binaries


def is_known_format(kind: str) -> bool:
    """Tell whether binaries of a format can be launched directly."""
    return any(kind.startswith(name) for name in _FORMATS)


def _binary_of(name: str, kind: bytes, digits: bytes, size: bytes) -> bytes:
    known = next((_FORMATS[start] for start in _FORMATS if kind.startswith(start.encode())), None)
    if known is None:
        raise UnreadableProgramError(
            f"executable {name} has format {kind.decode()}, not one of {', '.join(_FORMATS)}"
        )
    if len(digits) != 2 * int(size):
        raise UnreadableProgramError(f"executable {name} does not have its {int(size)} bytes")
    binary = bytes.fromhex(digits.decode())
    magic, word = known
    if not binary.startswith(magic):
        raise UnreadableProgramError(f"executable {name} is no {word}")
    return binary
