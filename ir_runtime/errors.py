"""Which exceptions can this package raise?  One tree with one root.

::

    IrRuntimeError
    ├── ArgumentError              (ValueError)    a call's arguments do not fit the op or program
    │   ├── MixedDeviceError       (RuntimeError)  tensors of one call live on different devices
    │   ├── EnableListError        (AssertionError)  a list of enabled layers contradicts itself
    │   └── UnknownLayerError      (KeyError)      the forward context has no layer of this name
    ├── DeviceError                (RuntimeError)  a device cannot be found, made or used
    │   ├── UnsupportedTorchDeviceError                no driver serves this torch device
    │   ├── NoCurrentDeviceError                   the thread's device stack is empty
    │   └── MismatchedDeviceSetClearError                a device was cleared that is not on top
    ├── UnsupportedTypeError       (TypeError)     a value of this type cannot cross into a program
    ├── CompileError               (RuntimeError)  the compiler refused the program
    │   ├── CompilerCrashError                     the compiler process died of a signal
    │   ├── CompilerTimeoutError   (TimeoutError)  the compiler ran past its time limit
    │   └── CompilerNotFoundError  (ImportError)   the compiler package is not installed
    ├── StoreError                 (RuntimeError)  artifacts on disk
    │   ├── ArtifactNotFoundError  (LookupError)   nothing stored fits, and compiling is off
    │   ├── AmbiguousArtifactError (LookupError)   several stored artifacts fit
    │   └── StoreWriteError        (OSError)       the store cannot be written
    ├── EntryPointError            (LookupError)   the program has no such exported function
    ├── NoProgramError             (NotImplementedError)  a loader made no program for a device
    ├── LaunchError                (RuntimeError)  the program failed while running
    │   └── LinkError              (ValueError)    what the program imports was not given to it
    ├── TraceError                 (OSError)       a trace cannot be written or read
    ├── RegistrationError          (RuntimeError)  an op definition contradicts itself or another
    │   ├── OpDefinitionError      (ValueError)    a definition is not well formed
    │   ├── OpConflictError        (AssertionError)  a definition contradicts an earlier one
    │   ├── LayerClassError        (TypeError)     what is registered as a layer is no such class
    │   └── DeadLibraryError       (AttributeError)  an op's library was destroyed
    ├── PriorityError              (RuntimeError)  no provider may compute a call
    │   └── UnsupportedProviderError (ValueError)  a listed provider does not work here
    ├── MismatchError              (AssertionError)  a provider computes something else than native
    ├── GenerateError              (RuntimeError)  `generate` broke its contract
    │   └── UndescribedStateError                  code reads what no key of a kernel can hold
    ├── ExportError                (RuntimeError)  a torch program cannot become a compiled one
    ├── NotDifferentiableError     (RuntimeError)  a gradient reached an op without a backward
    ├── NoVmapRuleError            (RuntimeError)  torch.vmap reached an op without a rule for it
    ├── NoForwardError             (NotImplementedError)  a layer has no forward for the platform
    └── NoForwardContextError      (RuntimeError)  an op wants a forward context, and none is set

Each message reads `<object>: <what is wrong>, <what was expected>`, then indented facts, then a
line `fix: ...` where one is known.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "AmbiguousArtifactError",
    "ArgumentError",
    "ArtifactNotFoundError",
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
    "NoVmapRuleError",
    "NotDifferentiableError",
    "OpConflictError",
    "OpDefinitionError",
    "PriorityError",
    "RegistrationError",
    "StoreError",
    "StoreWriteError",
    "TraceError",
    "UndescribedStateError",
    "UnknownLayerError",
    "UnsupportedProviderError",
    "UnsupportedTorchDeviceError",
    "UnsupportedTypeError",
]


class IrRuntimeError(Exception):
    """Report a problem as a headline, indented facts and a fix.

    Args:
        headline: `<object>: <what is wrong>, <what was expected>`.
        facts: lines that help to find the cause; printed indented.
        fix: what the reader can do about it, if that is known.
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


class EnableListError(ArgumentError, AssertionError):
    """A list of enabled layers is not well formed, or contradicts itself."""


class UnknownLayerError(ArgumentError, KeyError):
    """The forward context has no layer of this name."""


class DeviceError(IrRuntimeError, RuntimeError):
    """A device cannot be found, made or used."""


class UnsupportedTorchDeviceError(DeviceError):
    """No driver serves this torch device."""


class NoCurrentDeviceError(DeviceError):
    """The calling thread has no current device."""


class MismatchedDeviceSetClearError(DeviceError):
    """A device was cleared that is not on top of the thread's stack."""


class UnsupportedTypeError(IrRuntimeError, TypeError):
    """A value of this type cannot be passed to, or returned from, a program."""


class CompileError(IrRuntimeError, RuntimeError):
    """The compiler refused a program; carries its diagnostics and the source.

    Attributes:
        diagnostics: what the compiler said, one entry a message.
        source: the MLIR text given to the compiler, "" if it was bytecode.
        source_path: where the text was kept, if it was.
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
    """The compiler process died of a signal; this process lives."""


class CompilerTimeoutError(CompileError, TimeoutError):
    """The compiler ran past its time limit and was stopped."""


class CompilerNotFoundError(CompileError, ImportError):
    """A program must be compiled, and the compiler package is not installed."""


class StoreError(IrRuntimeError, RuntimeError):
    """An artifact store cannot serve a request."""


class ArtifactNotFoundError(StoreError, LookupError):
    """No stored artifact fits, and compiling is off or impossible."""


class AmbiguousArtifactError(StoreError, LookupError):
    """Several stored artifacts fit, and nothing says which one is meant."""


class StoreWriteError(StoreError, OSError):
    """The store directory cannot be written."""


class EntryPointError(IrRuntimeError, LookupError):
    """The program exports no function of this name."""


class LaunchError(IrRuntimeError, RuntimeError):
    """A program failed while it ran."""


class LinkError(LaunchError, ValueError):
    """A program imports a module or loads a parameter that it was not given."""


class NoProgramError(IrRuntimeError, NotImplementedError):
    """There is no loader, or it made no program for a device."""


class TraceError(IrRuntimeError, OSError):
    """A trace directory cannot be written, or holds no trace."""


class RegistrationError(IrRuntimeError, RuntimeError):
    """An op definition contradicts itself or an earlier one."""


class OpDefinitionError(RegistrationError, ValueError):
    """An op, a provider or what belongs to one is not well formed."""


class OpConflictError(RegistrationError, AssertionError):
    """A definition or a priority contradicts what is registered."""


class LayerClassError(RegistrationError, TypeError):
    """What is registered as a layer is no class, or not one that can stand in for another."""


class DeadLibraryError(RegistrationError, AttributeError):
    """The library that an op was registered in is gone, and the op with it."""


class PriorityError(IrRuntimeError, RuntimeError):
    """No provider of an op may compute a call."""


class UnsupportedProviderError(PriorityError, ValueError):
    """A provider is to compute a call that does not work on this machine."""


class MismatchError(IrRuntimeError, AssertionError):
    """A provider computes something else than the op's native function."""


class GenerateError(IrRuntimeError, RuntimeError):
    """`generate` did not do what its selection declares."""


class UndescribedStateError(GenerateError):
    """Code that decides what a kernel is reads what the kernel's key cannot hold."""


class ExportError(IrRuntimeError, RuntimeError):
    """A torch program cannot be traced, or does what a compiled program cannot."""


class NotDifferentiableError(IrRuntimeError, RuntimeError):
    """A gradient reached an op that has no backward."""


class NoVmapRuleError(IrRuntimeError, RuntimeError):
    """`torch.vmap` reached an op that has no rule for it."""


class NoForwardError(IrRuntimeError, NotImplementedError):
    """A layer has no forward for the platform that runs it."""


class NoForwardContextError(IrRuntimeError, RuntimeError):
    """An op looks for its layer outside of any forward context."""
