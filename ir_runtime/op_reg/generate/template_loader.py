"""Loaders of template files beside a module, for `str.format` and for Jinja.

The aliases of an `MlirTemplate` are enough for most templates, and keep them valid MLIR. The
loaders are for ops that are written with `str.format` or Jinja.
"""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ir_runtime.errors import GenerateError
from ir_runtime.fork_lock import cached_property
from ir_runtime.launch.artifact.key import digest_of
from ir_runtime.op_reg.generate.merge import merge_module, numbered_lines

if TYPE_CHECKING:
    from jinja2 import Environment

    from ir_runtime.op_reg.generate.module_builder import ModuleBuilder

__all__ = ["JinjaTemplateLoader", "StrFormatTemplateLoader", "TemplateLoader"]

_SUFFIX = ".mlir"
_UNDEFINED = re.compile(r"'(\w+)' is undefined")


class TemplateLoader(ABC):
    """Templates in a directory; each becomes MLIR with the values of its parameters.

    Keep a loader in a module-level name: the key of an op covers all files of the loaders that
    its class refers to, so an edit of one recompiles its kernels. The files are read once, when
    the loader is made. A subclass with text from other sources must extend `digest`.

    Args:
        module_name: the module beside the templates; pass `__name__`.
        directory: their directory, relative to the module's directory.
        pattern: the pattern of their file names.
        also: one more directory, which may not exist; a file of the same name in `directory` has
            priority.

    Raises:
        GenerateError: there is no such module or directory.
    """

    def __init__(
        self, module_name: str, directory: str = ".", *, pattern: str, also: str | None = None
    ) -> None:
        self.module_name = module_name
        self.directory = _directory_of(module_name) / directory
        if not self.directory.is_dir():
            raise GenerateError(
                f"{module_name}: no directory {self.directory}, must hold its templates"
            )
        places = [self.directory, *([] if also is None else [self.directory / also])]
        self.texts: Mapping[str, str] = {
            path.relative_to(place).as_posix(): path.read_text(encoding="utf-8")
            for place in reversed(places)
            for path in sorted(place.glob(pattern))
        }

    @property
    def digest(self) -> str:
        """SHA-256 of all template files."""
        return digest_of(*(part for item in self.texts.items() for part in item))

    @abstractmethod
    def render(self, template_file: str, params: Mapping[str, Any]) -> str:
        """Return the MLIR of a template.

        Raises:
            GenerateError: there is no such file, or a parameter is missing.
        """

    def inline_template_function(
        self, kb: ModuleBuilder, template_file: str, function_name: str, **params: Any
    ) -> Any:
        """Add a template to the module of a kernel and return one of its functions.

        Equal texts are added once; symbols with a name that the module has already are renamed.

        Args:
            kb: the builder.
            template_file: name of the file, with or without `.mlir`.
            function_name: the name of the function in the template.
            params: values of the template's parameters.

        Returns:
            The function, a `util.func` or `func.func`, to be called with `call_function`.

        Raises:
            GenerateError: there is no such file or function, a parameter is missing, or the text
                does not parse; the message shows it with line numbers and the parser's errors.
        """
        text = self.render(template_file, params)
        names = merge_module(kb, template_file, text)
        if function_name not in names:
            raise GenerateError(
                f"template {template_file}: no function {function_name!r}, "
                f"must be one of {', '.join(names) or 'none: it has no functions'}"
            )
        return kb.symbol_table[names[function_name]]

    def text_of(self, template_file: str) -> str:
        """Return the unchanged text of a file.

        Raises:
            GenerateError: there is no file of this name; the message lists all files.
        """
        name = template_file if template_file.endswith(_SUFFIX) else template_file + _SUFFIX
        if name not in self.texts:
            raise GenerateError(
                f"template {template_file}: no file {name} in {self.directory}, "
                f"must be one of {', '.join(self.texts) or 'none: there is no template'}"
            )
        return self.texts[name]


class StrFormatTemplateLoader(TemplateLoader):
    """Templates for `str.format`: `{name}` is a parameter, braces of the MLIR are doubled.

    Args:
        module_name: the module beside the templates, `<name>.mlir`, or beside their directory
            `templates/`; pass `__name__`.
    """

    def __init__(self, module_name: str) -> None:
        super().__init__(module_name, pattern=f"*{_SUFFIX}", also="templates")

    def render(self, template_file: str, params: Mapping[str, Any]) -> str:
        text = self.text_of(template_file)
        try:
            return text.format(**params)
        except KeyError as error:
            name = str(error.args[0])
            if name.isidentifier():
                raise _missing(template_file, name, params) from error
            reason = "a brace is no parameter"
        except (IndexError, ValueError, AttributeError) as error:
            reason = str(error)
        raise _does_not_render(template_file, text, [reason, "braces of MLIR must be doubled"])


class JinjaTemplateLoader(TemplateLoader):
    """Jinja templates; they may include and import others of their directory.

    Args:
        module_name: the module beside `directory`; pass `__name__`.
        directory: the directory of the templates; those in sub-directories have a path as name.
    """

    def __init__(self, module_name: str, directory: str = "templates") -> None:
        super().__init__(module_name, directory, pattern=f"**/*{_SUFFIX}")

    def render(self, template_file: str, params: Mapping[str, Any]) -> str:
        from jinja2 import TemplateError, TemplateSyntaxError, UndefinedError

        text = self.text_of(template_file)
        try:
            return self._environment.from_string(text).render(params)
        except UndefinedError as error:
            match = _UNDEFINED.fullmatch(str(error))
            if match is not None:
                raise _missing(template_file, match[1], params) from error
            raise _does_not_render(template_file, text, [str(error)]) from error
        except TemplateSyntaxError as error:
            where = f"{error.name}, " if error.name else ""
            reason = f"{where}line {error.lineno}: {error.message}"
            raise _does_not_render(template_file, text, [reason]) from error
        except TemplateError as error:
            raise _does_not_render(template_file, text, [str(error)]) from error

    @cached_property
    def _environment(self) -> Environment:
        from jinja2 import DictLoader, Environment, StrictUndefined

        return Environment(
            loader=DictLoader(self.texts),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            autoescape=False,  # noqa: S701 - MLIR is no HTML
        )


def _directory_of(module_name: str) -> Path:
    file = getattr(sys.modules.get(module_name), "__file__", None)
    if file is None:
        raise GenerateError(
            f"{module_name}: not an imported module that has a file, must be one to have "
            "templates beside it",
            fix="pass __name__",
        )
    return Path(file).absolute().parent


def _missing(template_file: str, name: str, params: Mapping[str, Any]) -> GenerateError:
    return GenerateError(
        f"template {template_file}: parameter {name!r} is missing, "
        "must be passed to inline_template_function",
        facts=[f"passed: {', '.join(params) or 'none'}"],
    )


def _does_not_render(template_file: str, text: str, reasons: Sequence[str]) -> GenerateError:
    return GenerateError(
        f"template {template_file}: cannot be filled in", facts=[*reasons, *numbered_lines(text)]
    )
