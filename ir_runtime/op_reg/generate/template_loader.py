"""How do ops use templates whose text is generated?  By a loader of the files beside a module.

An alias of an `MlirTemplate` covers what a template usually varies, and leaves it valid MLIR. A
loader serves ops that are written for `str.format` or Jinja.
"""

from __future__ import annotations

import functools
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ir_runtime.errors import GenerateError
from ir_runtime.launch.artifact.key import digest_of
from ir_runtime.op_reg.generate.merge import merge_module, numbered_lines

if TYPE_CHECKING:
    from jinja2 import Environment

    from ir_runtime.op_reg.generate.module_builder import ModuleBuilder

__all__ = ["JinjaTemplateLoader", "StrFormatTemplateLoader", "TemplateLoader"]

_SUFFIX = ".mlir"
_UNDEFINED = re.compile(r"'(\w+)' is undefined")


class TemplateLoader(ABC):
    """Templates in a directory, each a text that parameters make MLIR of.

    Keep a loader in a module-level name: the key of an op covers all files of the loaders that
    its class refers to, so editing one recompiles its kernels. The files are read once, when the
    loader is made. A subclass whose text depends on more than them extends `digest`.

    Args:
        module_name: the module that the templates lie beside; pass `__name__`.
        directory: where they are, relative to the module's directory.
        pattern: which files of it are templates.
        also: a further directory, if there is one; a file of the same name in `directory` goes
            before its.

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
        """SHA-256 of all files that a template may come from."""
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

        The same text is added once; symbols that the module has already are renamed.

        Args:
            kb: the builder.
            template_file: name of the file, with or without `.mlir`.
            function_name: the function, as the template calls it.
            params: what the template's parameters are.

        Returns:
            The function, a `util.func` or `func.func`, to be called with `call_function`.

        Raises:
            GenerateError: there is no such file or function, a parameter is missing, or the text
                does not parse; shows it with line numbers, and what the parser says.
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
        """Return the text of a file as it is.

        Raises:
            GenerateError: there is none of this name; lists those there are.
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
        module_name: the module that the templates, `<name>.mlir`, lie beside, or in `templates/`
            beside it; pass `__name__`.
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
        module_name: the module whose directory holds `directory`; pass `__name__`.
        directory: where the templates are; those in directories below it are named by path.
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

    @functools.cached_property
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
