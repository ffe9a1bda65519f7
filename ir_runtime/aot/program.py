"""`Program`: an exported torch program in MLIR, which can be compiled for any device."""

from __future__ import annotations

import functools
import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ir_runtime.aot.interface import Interface, ProgramInput
from ir_runtime.aot.less_fusion import NO_FUSION_OF_SHARED, obtain_program
from ir_runtime.aot.parameter import ExternalParameters
from ir_runtime.aot.result_dtype import as_traced
from ir_runtime.device import Device
from ir_runtime.errors import (
    ArgumentError,
    CompileError,
    CompilerNotFoundError,
    CompilerTimeoutError,
)
from ir_runtime.fork_lock import fork_safe_lock, fork_waits
from ir_runtime.launch.artifact.key import KernelKey, compiler_version, digest_of, runtime_version
from ir_runtime.launch.artifact.store import Artifact
from ir_runtime.launch.compile.compiler import BASE_FLAGS
from ir_runtime.launch.explanation import Explanation
from ir_runtime.launch.launchable import Launchable
from ir_runtime.launch.loaded_program import LoadedProgram
from ir_runtime.op_reg.trace.legal import blame

__all__ = ["Program", "ProgramInput"]

AnyPath = str | os.PathLike[str]
Parameters = AnyPath | Sequence[AnyPath] | Mapping[str, torch.Tensor]
"""The source of parameters: a file, several files, or tensors by their names."""

_FAMILIES = ("local", "vulkan", "cuda", "hip")
_TARGET = re.compile(
    r"--iree-hal-target-(?:device|backends)=(?:\w+=)?(?P<target>[\w-]+)(?:\[\d+\])?(?:,.*)?"
)
_FAMILY_BY_TARGET = {
    "local": "local",
    "llvm-cpu": "local",
    "vulkan": "vulkan",
    "vulkan-spirv": "vulkan",
    "cuda": "cuda",
    "hip": "hip",
    "rocm": "hip",
}


@dataclass(frozen=True)
class _Lowered:
    text: str
    flags: tuple[str, ...]
    has_own_ops: bool


class Program:
    """A torch program in MLIR, made by `ir_runtime.aot.export`.

    Call it like the module or function that was exported, or use `mlir`, `compile` or
    `launchable` to run it elsewhere.

    Attributes:
        name: its name in messages and in the store.
        inputs: the flattened arguments, in order.
        state: the module's buffers and parameters that a call changes; the binary takes them as
            operands after the arguments.
        parameters: its external parameters; empty if they are inline.
    """

    def __init__(
        self,
        name: str,
        module: Any,
        *,
        interface: Interface,
        in_spec: Any,
        out_spec: Any,
        hints: Mapping[str, int],
        parameters: ExternalParameters,
        operators: Mapping[str, str],
        result_dtypes: tuple[torch.dtype | None, ...],
        import_for: Callable[[str], Any],
    ) -> None:
        self.name = name
        self.inputs = interface.inputs
        self.state = interface.state
        self._interface = interface
        self.parameters = parameters
        self._in_spec = in_spec
        self._out_spec = out_spec
        self._hints = hints
        self._operators = operators
        self._result_dtypes = result_dtypes
        self._imported = {"local": _bytecode(module)}
        self._import_for = import_for
        self._lowered: dict[str, _Lowered] = {}
        self._lock = fork_safe_lock()

    def mlir(self, device_family: str = "local") -> str:
        """Return the program as MLIR text, with its ops expanded for a device family.

        Args:
            device_family: `local` (CPUs), `vulkan`, `cuda` or `hip`.

        Raises:
            ArgumentError: the family is unknown, or a call does not fit its op.
            GenerateError: a kernel cannot be made.
        """
        return self._for_family(device_family).text

    def save_mlir(self, path: str | os.PathLike[str], device_family: str = "local") -> None:
        """Write the program as MLIR text to a file."""
        Path(path).write_text(self.mlir(device_family), encoding="utf-8")

    def save_parameters(self, path: str | os.PathLike[str]) -> None:
        """Write the external parameters to an IREE parameter archive, `.irpa`.

        Raises:
            ArgumentError: a parameter has another dtype or shape than at the export, or the file
                cannot be written.
        """
        self.parameters.save(self.name, path)

    def compile(
        self,
        device: Device | torch.device | str | None = None,
        *,
        flags: Sequence[str] = (),
        path: str | os.PathLike[str] | None = None,
    ) -> bytes:
        """Return the program as a VMFB, from the store or freshly compiled.

        Args:
            device: the target: a device, its URI such as `local-task`, or a torch device.
            flags: compiler flags beyond those of the device; or, without a device, all flags of
                the target: `--iree-hal-target-device=cuda --iree-cuda-target=sm_80`.
            path: a file to write it to, too.

        Raises:
            ArgumentError: neither a device nor flags with a target are given.
            UnsupportedOperatorError: the compiler does not accept an operator of the program; its
                messages are in the field `diagnostics`.
            CompileError: the MLIR of an op in the program does not compile.
            StoreError: it cannot be stored.
        """
        if device is not None:
            target = _device_of(device)
            artifact = self._artifact(target, tuple(flags))
        else:
            family = _family_of(self.name, flags)
            artifact = self._obtain(family, f"{family}:{';'.join(flags)}", tuple(flags), ())
        if path is not None:
            Path(path).write_bytes(artifact.vmfb)
        return artifact.vmfb

    def launchable(self, *, parameters: Parameters = ()) -> Launchable:
        """Return the program as a `Launchable`, which takes the flattened operands.

        Args:
            parameters: the source of the external parameters, by their names in the state dict:
                files (`.irpa`, `.safetensors` or `.gguf`) or a dict of tensors; default the
                exported module.

        Raises:
            ArgumentError: a file is missing or damaged, or a parameter is missing or of another
                dtype or shape than in the export.
        """
        source = (parameters,) if isinstance(parameters, str | os.PathLike) else parameters
        if source and not self.parameters.tensors:
            raise ArgumentError(
                f"{self.name}: its parameters are inline, must be exported with "
                "parameters='external' to be loaded from elsewhere"
            )
        needed = bool(self.parameters.tensors)
        providers = [self.parameters.provider(self.name, source)] if needed else []

        def load(device: Device) -> LoadedProgram:
            artifact = self._artifact(device, ())
            return LoadedProgram(self.name, artifact=artifact, providers=providers)

        state = [state.tensor.detach() for state in self.state]
        return Launchable(load, providers, is_async=False, name=self.name, state=state)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program with the arguments of the module or function; returns its results.

        It runs on the device of the tensors; without tensors, on the current device or the CPU.

        Raises:
            ArgumentError: the structure of the arguments differs from the example arguments, or a
                constant of the trace has another value.
            LaunchError: the program failed while running, for example at sizes that its trace
                excludes.
        """
        from torch.utils import _pytree as pytree

        operands = self._operands(args, kwargs)
        results = self._own_launchable(*operands, device=_default_device(operands))
        several = results if isinstance(results, list) else [] if results is None else [results]
        computed = as_traced(several, self._result_dtypes)
        return pytree.tree_unflatten(self._interface.regroup(computed), self._out_spec)

    def explain(self, *args: Any, **kwargs: Any) -> Explanation:
        """Explain a call without running it: the executor, with the reason, and its launches.

        Raises:
            IrRuntimeError: the same errors as the call itself.
        """
        operands = self._operands(args, kwargs)
        return self._own_launchable.explain(*operands, device=_default_device(operands))

    @functools.cached_property
    def _own_launchable(self) -> Launchable:
        return self.launchable()

    def _operands(self, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
        from torch.export._tree_utils import reorder_kwargs
        from torch.utils import _pytree as pytree

        names = self._in_spec.child(1).context
        if set(kwargs) != set(names):
            raise ArgumentError(
                f"{self.name}: keyword arguments {sorted(kwargs)}, must be {sorted(names)}"
            )
        flat, spec = pytree.tree_flatten((tuple(args), reorder_kwargs(kwargs, self._in_spec)))
        if spec != self._in_spec:
            raise ArgumentError(
                f"{self.name}: arguments are shaped {spec}, must be {self._in_spec}"
            )
        for given, wanted in zip(flat, self.inputs, strict=True):
            why = wanted.refusal(given)
            if why is not None:
                raise ArgumentError(f"{self.name}: `{wanted.name}` {why}")
        return [v for v, wanted in zip(flat, self.inputs, strict=True) if wanted.is_operand]

    def _artifact(self, device: Device, flags: tuple[str, ...]) -> Artifact:
        family = device.driver.family
        every = (*device.driver.host_flags, *flags)
        return self._obtain(family, device.type_cache_key, device.compile_target_flags, every)

    def _obtain(
        self, family: str, device_type: str, device_flags: tuple[str, ...], flags: tuple[str, ...]
    ) -> Artifact:
        lowered = self._for_family(family)
        source = lowered.text.encode()
        key = KernelKey(
            name=self.name,
            source_digest=digest_of(source),
            device_type=device_type,
            compiler=compiler_version() or runtime_version(),
            flags=(*BASE_FLAGS, *_fusion_flags(lowered.text), *lowered.flags, *flags),
            entry="",
        )
        try:
            return obtain_program(key, device_flags, source)
        except (CompilerNotFoundError, CompilerTimeoutError):
            raise
        except CompileError as error:
            if lowered.has_own_ops:  # the error may be in MLIR that the user wrote
                raise
            raise blame(self.name, self._operators, error.diagnostics, lowered.text) from None

    def _for_family(self, family: str) -> _Lowered:
        if family not in _FAMILIES:
            raise ArgumentError(
                f"{self.name}: no device family {family!r}, must be one of {', '.join(_FAMILIES)}"
            )
        with self._lock:
            if family not in self._lowered:
                self._lowered[family] = self._lower(family)
            return self._lowered[family]

    @fork_waits()
    def _lower(self, family: str) -> _Lowered:
        from iree.compiler.ir import Context, Module

        from ir_runtime.op_reg.generate.report_collection import collect_reports
        from ir_runtime.op_reg.program.expand import ExpandCustomOpsPass
        from ir_runtime.op_reg.trace.index_expand import expand_index_checks

        context: Any = Context()
        context.enable_multithreading(False)  # noqa: FBT003 - MLIR's threads do not survive a fork
        if family not in self._imported:  # rewrites, such as those of sums, differ by family
            self._imported[family] = _bytecode(self._import_for(family))
        module = Module.parse(self._imported[family], context)
        expand_index_checks(module.operation, family)
        expand = ExpandCustomOpsPass(module.operation, device_family=family, hints=self._hints)
        expand.run()
        collect_reports(module.operation, "main", destination=False)
        module.operation.verify()
        flags = dict.fromkeys(flag for op in expand.ops for flag in op.compile_flags)
        text = module.operation.get_asm(enable_debug_info=False)
        return _Lowered(text, tuple(flags), has_own_ops=bool(expand.ops))

    def __repr__(self) -> str:
        return f"<ir_runtime Program: {self.name}>"


def _bytecode(module: Any) -> bytes:
    written = io.BytesIO()
    module.operation.write_bytecode(written)
    return written.getvalue()


def _fusion_flags(text: str) -> tuple[str, ...]:
    """Return flags that a program of torch operators on open sizes needs for correct results.

    IREE 3.13 fuses a sum over an open size with a second sum that uses it, and adds the first once
    for each tile of the second. Other users of the first sum then get a multiple of it.
    """
    return (NO_FUSION_OF_SHARED,) if "torch.aten." in text and "?" in text else ()


def _device_of(device: Device | torch.device | str) -> Device:
    if isinstance(device, Device):
        return device
    if isinstance(device, torch.device):
        from ir_runtime.device import get_device_from_torch

        return get_device_from_torch(device)
    return Device(device)


def _default_device(operands: Sequence[Any]) -> torch.device | None:
    """Return the CPU for operands that say nothing of a device, if none is current."""
    cpu = torch.device("cpu")
    told = Device.chosen_for(cpu) or any(isinstance(v, torch.Tensor) for v in operands)
    return None if told else cpu


def _family_of(name: str, flags: Sequence[str]) -> str:
    """Return the device family of the target in compiler flags."""
    for flag in flags:
        match = _TARGET.fullmatch(flag)
        if match is not None and match["target"] in _FAMILY_BY_TARGET:
            return _FAMILY_BY_TARGET[match["target"]]
    raise ArgumentError(
        f"{name}: there is no target, must be a device or flags with a target",
        facts=[f"flags {' '.join(flags) or 'none'}"],
        fix="pass device='local-task', or a flag such as --iree-hal-target-device=cuda",
    )
