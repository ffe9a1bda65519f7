"""The exceptions of this package: one tree with one root.

::

    IrRuntimeError
    ├── ArgumentError              (ValueError)    a call's arguments do not fit the op or program
    │   ├── MixedDeviceError       (RuntimeError)  tensors of one call live on different devices
    │   ├── NoSuchArgumentError    (IndexError)    an op has no argument at this position
    │   ├── NotTakenError                          the op supports this call, its kernel does not
    │   ├── EnableListError        (AssertionError)  a list of enabled layers contradicts itself
    │   ├── IndexOutOfRangeError   (IndexError)    an index is outside of the indexed dimension
    │   ├── UnknownLayerError      (KeyError)      the forward context has no layer of this name
    │   └── UnknownSequenceError   (KeyError)      a cache has no sequence of this name
    ├── CacheFullError             (MemoryError)   a cache has too few free pages
    ├── DeviceError                (RuntimeError)  a device cannot be found, made or used
    │   ├── UnsupportedTorchDeviceError                no driver serves this torch device
    │   ├── NoCurrentDeviceError                   the thread's device stack is empty
    │   └── MismatchedDeviceSetClearError          a cleared device is not on top of the stack
    ├── UnsupportedTypeError       (TypeError)     a value of this type cannot cross into a program
    ├── CompileError               (RuntimeError)  the compiler refused the program
    │   ├── CompilerCrashError                     the compiler process died of a signal
    │   ├── CompilerTimeoutError   (TimeoutError)  the compiler ran past its time limit
    │   └── CompilerNotFoundError  (ImportError)   the compiler package is not installed
    ├── StoreError                 (RuntimeError)  artifacts on disk
    │   ├── ArtifactNotFoundError  (LookupError)   nothing stored fits, and compiling is off
    │   ├── AmbiguousArtifactError (LookupError)   several stored artifacts fit
    │   └── UntrustedStoreError    (PermissionError)  others can change the store
    ├── EntryPointError            (LookupError)   the program has no such exported function
    ├── NoProgramError             (NotImplementedError)  a loader made no program for a device
    ├── LaunchError                (RuntimeError)  the program failed while running
    │   └── LinkError              (ValueError)    an import or parameter of the program is missing
    ├── TraceError                 (OSError)       a trace cannot be written or read
    ├── RegistrationError          (RuntimeError)  an op definition contradicts itself or another
    │   ├── OpDefinitionError      (ValueError)    a definition is not well formed
    │   ├── OpConflictError        (AssertionError)  a definition contradicts an earlier one
    │   ├── LayerClassError        (TypeError)     a class registered as a layer is not a layer
    │   └── DeadLibraryError       (AttributeError)  an op's library was destroyed
    ├── PriorityError              (RuntimeError)  no provider may compute a call
    │   └── UnsupportedProviderError (ValueError)  a listed provider does not work here
    ├── MismatchError              (AssertionError)  a provider's result differs from native's
    ├── GenerateError              (RuntimeError)  `generate` broke its contract
    │   └── UndescribedStateError                  code reads a value that no kernel key can hold
    ├── ExportError                (RuntimeError)  a torch program cannot become a compiled one
    │   └── UnsupportedOperatorError (GenerateError)  it uses an operator that cannot be compiled
    ├── NotDifferentiableError     (RuntimeError)  a gradient reached an op without a backward
    ├── NoVmapRuleError            (RuntimeError)  torch.vmap reached an op without a rule for it
    ├── NoForwardError             (NotImplementedError)  a layer has no forward for the platform
    └── NoForwardContextError      (RuntimeError)  an op needs a forward context, and none is set

The errors of graph passes are in `passes/errors.py`, those of the drivers of GPUs in
`device/driver_error.py`.

Each message is `<object>: <what is wrong>, <what was expected>`, followed by indented facts and a
line `fix: ...` if one is known.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "AmbiguousArtifactError",
    "ArgumentError",
    "ArtifactNotFoundError",
    "CacheFullError",
    "CompileError",
    "CompilerCrashError",
    "CompilerNotFoundError",
    "CompilerTimeoutError",
    "DeadLibraryError",
    "DeviceError",
    "EnableListError",
    "EntryPointError",
    "ExportError",
    "GenerateError",
    "IndexOutOfRangeError",
    "IrRuntimeError",
    "LaunchError",
    "LayerClassError",
    "LinkError",
    "MismatchError",
    "MismatchedDeviceSetClearError",
    "MixedDeviceError",
    "NoCurrentDeviceError",
    "NoForwardContextError",
    "NoForwardError",
    "NoProgramError",
    "NoSuchArgumentError",
    "NoVmapRuleError",
    "NotDifferentiableError",
    "NotTakenError",
    "OpConflictError",
    "OpDefinitionError",
    "PriorityError",
    "RegistrationError",
    "StoreError",
    "TraceError",
    "UndescribedStateError",
    "UnknownLayerError",
    "UnknownSequenceError",
    "UnsupportedOperatorError",
    "UnsupportedProviderError",
    "UnsupportedTorchDeviceError",
    "UnsupportedTypeError",
    "UntrustedStoreError",
]


class IrRuntimeError(Exception):
    """Report a problem as a headline, indented facts and a fix.

    Args:
        headline: `<object>: <what is wrong>, <what was expected>`.
        facts: lines that help to find the cause; printed indented.
        fix: how to solve the problem, if it is known.
    """

    def __init__(self, headline: str, *, facts: Sequence[str] = (), fix: str | None = None) -> None:
        self.headline = headline
        self.facts = tuple(facts)
        self.fix = fix
        super().__init__(headline)

    def __str__(self) -> str:
        lines = [
            self.headline,
            *(f"    {line}" for fact in self.facts for line in fact.split("\n")),
        ]
        if self.fix is not None:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), {**self.__dict__, "errno": getattr(self, "errno", None)})


def _rebuild(cls: type[IrRuntimeError], state: dict[str, object]) -> IrRuntimeError:
    errno = state.pop("errno")
    error = cls(str(state["headline"]))
    error.__dict__.update(state)
    if isinstance(error, OSError):
        error.errno = errno  # pyright: ignore[reportAttributeAccessIssue]
    return error


class ArgumentError(IrRuntimeError, ValueError):
    """The arguments of a call do not fit the op or program."""


class MixedDeviceError(ArgumentError, RuntimeError):
    """The tensors of one call live on different devices."""


class NoSuchArgumentError(ArgumentError, IndexError):
    """The signature of an op has no argument at this position."""


class NotTakenError(ArgumentError):
    """A kernel does not support a call that its op supports: another provider computes it."""


class EnableListError(ArgumentError, AssertionError):
    """A list of enabled layers is not well formed, or contradicts itself."""


class IndexOutOfRangeError(ArgumentError, IndexError):
    """An index is outside of the indexed dimension.

    Attributes:
        argument: the argument with the index, None if the program computes the index.
        index: the index that is farthest out of range; None if the dimension has no elements.
        size: size of the dimension.
    """

    def __init__(
        self,
        headline: str,
        *,
        facts: Sequence[str] = (),
        fix: str | None = None,
        argument: str | None = None,
        index: int | None = None,
        size: int = 0,
    ) -> None:
        self.argument = argument
        self.index = index
        self.size = size
        super().__init__(headline, facts=facts, fix=fix)


class UnknownLayerError(ArgumentError, KeyError):
    """The forward context has no layer of this name."""


class UnknownSequenceError(ArgumentError, KeyError):
    """A cache has no sequence of this name."""


class CacheFullError(IrRuntimeError, MemoryError):
    """A cache has too few free pages for the tokens of a step; nothing was changed."""


class DeviceError(IrRuntimeError, RuntimeError):
    """A device cannot be found, made or used."""


class UnsupportedTorchDeviceError(DeviceError):
    """No driver serves this torch device."""


class NoCurrentDeviceError(DeviceError):
    """The calling thread has no current device."""


class MismatchedDeviceSetClearError(DeviceError):
    """A cleared device is not on top of the thread's stack."""


class UnsupportedTypeError(IrRuntimeError, TypeError):
    """A value of this type cannot be passed to, or returned from, a program."""


class CompileError(IrRuntimeError, RuntimeError):
    """The compiler refused a program; the error has its diagnostics and the source.

    Attributes:
        diagnostics: the compiler's messages.
        source: the MLIR text given to the compiler, "" if it was bytecode.
        source_path: the file where the text is kept, None if it is not.
    """

    def __init__(
        self,
        headline: str,
        *,
        diagnostics: Sequence[str] = (),
        source: str = "",
        source_path: str | None = None,
        facts: Sequence[str] = (),
        fix: str | None = None,
    ) -> None:
        self.diagnostics = tuple(diagnostics)
        self.source = source
        self.source_path = source_path
        kept = (f"source kept in {source_path}",) if source_path else ()
        super().__init__(headline, facts=(*facts, *kept), fix=fix)


class CompilerCrashError(CompileError):
    """The compiler process died of a signal; this process continues."""


class CompilerTimeoutError(CompileError, TimeoutError):
    """The compiler ran past its time limit and was stopped."""


class CompilerNotFoundError(CompileError, ImportError):
    """A program must be compiled, and the compiler package is not installed."""


class StoreError(IrRuntimeError, RuntimeError):
    """An artifact store cannot serve a request."""


class ArtifactNotFoundError(StoreError, LookupError):
    """No stored artifact fits, and compiling is off or impossible."""


class AmbiguousArtifactError(StoreError, LookupError):
    """Several stored artifacts fit, and no selector chooses one."""


class UntrustedStoreError(StoreError, PermissionError):
    """Somebody else owns the store, or can write to it."""


class EntryPointError(IrRuntimeError, LookupError):
    """The program exports no function of this name."""


class LaunchError(IrRuntimeError, RuntimeError):
    """A program failed while it ran."""


class LinkError(LaunchError, ValueError):
    """A module or a parameter that a program needs is missing."""


class NoProgramError(IrRuntimeError, NotImplementedError):
    """There is no loader, or it made no program for a device."""


class TraceError(IrRuntimeError, OSError):
    """A trace directory cannot be written, or there is no trace in it."""


class RegistrationError(IrRuntimeError, RuntimeError):
    """An op definition contradicts itself or an earlier one."""


class OpDefinitionError(RegistrationError, ValueError):
    """The definition of an op, a provider or a part of one is not well formed."""


class OpConflictError(RegistrationError, AssertionError):
    """A definition or a priority contradicts an earlier registration."""


class LayerClassError(RegistrationError, TypeError):
    """An object registered as a layer is no class, or cannot replace the class that it should."""


class DeadLibraryError(RegistrationError, AttributeError):
    """The library of an op was destroyed, and with it the op."""


class PriorityError(IrRuntimeError, RuntimeError):
    """No provider of an op may compute a call."""


class UnsupportedProviderError(PriorityError, ValueError):
    """A provider in a priority does not work on this machine."""


class MismatchError(IrRuntimeError, AssertionError):
    """A provider's result differs from the result of the op's native function."""


class GenerateError(IrRuntimeError, RuntimeError):
    """`generate` broke its contract, or contradicts the declarations of `select`."""


class UndescribedStateError(GenerateError):
    """Code that determines a kernel reads a value that the kernel's key cannot hold."""


class ExportError(IrRuntimeError, RuntimeError):
    """A torch program cannot be traced, or a compiled program cannot do the same."""


class UnsupportedOperatorError(ExportError, GenerateError):
    """A torch program uses an operator that compiled programs cannot do.

    Attributes:
        operator: torch's name of the operator, such as `aten.cdist`.
        place: the line of the user's code that calls it, "" if it is not known.
        diagnostics: the compiler's messages, if it was called.
    """

    def __init__(
        self,
        headline: str,
        *,
        operator: str = "",
        place: str = "",
        diagnostics: Sequence[str] = (),
        facts: Sequence[str] = (),
        fix: str | None = None,
    ) -> None:
        self.operator = operator
        self.place = place
        self.diagnostics = tuple(diagnostics)
        super().__init__(headline, facts=(*facts, *([place] if place else [])), fix=fix)


class NotDifferentiableError(IrRuntimeError, RuntimeError):
    """A gradient reached an op that has no backward."""


class NoVmapRuleError(IrRuntimeError, RuntimeError):
    """`torch.vmap` reached an op that has no rule for it."""


class NoForwardError(IrRuntimeError, NotImplementedError):
    """A layer has no forward for the platform that runs it."""


class NoForwardContextError(IrRuntimeError, RuntimeError):
    """An op that needs its layer is called outside of any forward context."""
