"""`MlirTemplate`: a valid MLIR file that becomes a kernel by the replacement of its alias lines."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ir_runtime.errors import GenerateError
from ir_runtime.fork_lock import cached_property
from ir_runtime.frozen import frozen
from ir_runtime.launch.artifact.key import digest_of

__all__ = ["MlirTemplate"]

_ALIAS = re.compile(r"^(?P<name>[!#][A-Za-z_][\w$.]*)[ \t]*=[^\n]*$", re.MULTILINE)


@frozen
class MlirTemplate:
    """MLIR text with type and attribute aliases as its parameters.

    Keep templates in module-level names: the key of an op covers the templates that its class
    refers to, so an edit of one recompiles its kernels.

    Attributes:
        name: for messages; by convention also the name of its function.
        text: a module that `iree-opt` can read.
    """

    name: str
    text: str

    @classmethod
    def beside(cls, module_file: str | os.PathLike[str], file_name: str) -> MlirTemplate:
        """Read a template in the directory of a Python file; pass `__file__`."""
        path = Path(module_file).with_name(file_name)
        return cls(path.stem, path.read_text(encoding="utf-8"))

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Each alias with its default line."""
        return {match["name"]: match[0] for match in _ALIAS.finditer(self.text)}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return digest_of(self.text)

    def instantiate(self, aliases: Mapping[str, Any]) -> str:
        """Return the text with new alias lines; all other lines are unchanged.

        Args:
            aliases: from alias name, with its `!` or `#`, to MLIR text, or to an object with this
                text as its `mlir_type_asm` or `str`.

        Raises:
            GenerateError: an alias is not in the template.
        """
        unknown = sorted(aliases.keys() - self.aliases.keys())
        if unknown:
            raise GenerateError(
                f"template {self.name}: no alias {', '.join(unknown)}, "
                f"must be one of {', '.join(self.aliases) or 'none: it has no aliases'}"
            )

        def exchange(match: re.Match[str]) -> str:
            name = match["name"]
            if name not in aliases:
                return match[0]
            value = aliases[name]
            return f"{name} = {getattr(value, 'mlir_type_asm', value)}"

        return _ALIAS.sub(exchange, self.text)
