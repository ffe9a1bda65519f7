"""`Program`: an exported torch program in MLIR, which can be compiled for any device."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ir_runtime.aot.interface import Interface, ProgramInput
from ir_runtime.aot.parameter import ExternalParameters
from ir_runtime.aot.result_dtype import as_traced
from ir_runtime.aot.target_flag import target_of_flags
from ir_runtime.device import Device, Target, parse_target
from ir_runtime.device.driver_table import host_flags_for
from ir_runtime.device.machine import Machine, code_for, code_machine
from ir_runtime.device.target_name import fleet_targets, parse_targets
from ir_runtime.errors import (
    ArgumentError,
    CompileError,
    CompilerNotFoundError,
    CompilerTimeoutError,
)
from ir_runtime.fork_lock import cached_property, fork_safe_lock, fork_waits
from ir_runtime.frozen import frozen
from ir_runtime.launch.artifact.key import KernelKey, compiler_version, digest_of, runtime_version
from ir_runtime.launch.artifact.store import Artifact
from ir_runtime.launch.compile.build import default_store
from ir_runtime.launch.compile.compiler import BASE_FLAGS, require_back_end
from ir_runtime.launch.compile.less_fusion import NO_FUSION_OF_SHARED, obtain_maybe_less_fused
from ir_runtime.launch.explanation import Explanation
from ir_runtime.launch.launchable import Launchable
from ir_runtime.launch.loaded_program import LoadedProgram
from ir_runtime.op_reg.trace.fusion_barrier import keep_apart
from ir_runtime.op_reg.trace.legal import blame
from ir_runtime.trace_lock import hold

__all__ = ["Program", "ProgramInput"]

AnyPath = str | os.PathLike[str]
Parameters = AnyPath | Sequence[AnyPath] | Mapping[str, torch.Tensor]
"""The source of parameters: a file, several files, or tensors by their names."""

_FAMILIES = ("local", "vulkan", "cuda", "hip")


@frozen
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
        targets: what it was exported for; empty if the export named nothing.
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
        targets: Sequence[Target] = (),
    ) -> None:
        self.name = name
        self.targets: tuple[Target, ...] = tuple(targets)
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
        self._lowered: dict[tuple[str, Machine | None], _Lowered] = {}
        self._lock = fork_safe_lock()

    def mlir(self, device_family: str | None = None) -> str:
        """Return the program as MLIR text, with its ops expanded for a device family or target.

        Args:
            device_family: `local` (CPUs), `vulkan`, `cuda` or `hip`, or a target such as
                `cpu:x86-64-v3`; default: the first target of the export, else this machine's CPU.

        Raises:
            ArgumentError: the family or target is unknown, or a call does not fit its op.
            GenerateError: a kernel cannot be made.
        """
        if device_family is None and self.targets:
            family, machine = self.targets[0].family, self.targets[0].machine
        elif device_family is not None and ":" in device_family:
            target = parse_target(device_family)
            family, machine = target.family, target.machine
        else:
            family, machine = device_family or "local", None
        return self._for_family(family, machine).text

    def save_mlir(self, path: str | os.PathLike[str], device_family: str | None = None) -> None:
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
        device: Device | Target | torch.device | str | None = None,
        *,
        flags: Sequence[str] = (),
        path: str | os.PathLike[str] | None = None,
    ) -> bytes:
        """Return the program as a VMFB, from the store or freshly compiled.

        Args:
            device: a device, its URI such as `local-task`, a torch device, or a target such as
                `cpu:x86-64-v3`; default: the target of the export.
            flags: compiler flags beyond those of the device; or, without a device, all flags of
                the target: `--iree-hal-target-device=cuda --iree-cuda-target=sm_80`.
            path: a file to write it to, too.

        Raises:
            ArgumentError: there is no target, or there are several, or an unknown one.
            UnsupportedOperatorError: the compiler does not accept an operator of the program; its
                messages are in the field `diagnostics`.
            CompileError: the MLIR of an op in the program does not compile.
            StoreError: it cannot be stored.
        """
        if device is None and self.targets and not flags:
            device = self._only_target()
        if isinstance(device, str) and "://" not in device and ":" in device:
            device = parse_target(device)
        if isinstance(device, Target):
            require_back_end(device)
            artifact = self._obtain((device,), tuple(flags))
        elif device is not None:
            artifact = self._obtain(_device_of(device).targets, tuple(flags))
        else:
            artifact = self._obtain((target_of_flags(self.name, tuple(flags)),), ())
        if path is not None:
            Path(path).write_bytes(artifact.vmfb)
        return artifact.vmfb

    def build(
        self, target: str | Target | Sequence[str | Target] | None = None
    ) -> dict[str, bytes]:
        """Compile the program for targets into the store; stored ones stay.

        Args:
            target: names such as `cpu:x86-64-v3`, several or with commas between; default: the
                targets of the export, else those in `IR_RUNTIME_CPU`, else this machine's CPU.

        Returns:
            The VMFB of each target, by its name.

        Raises:
            ArgumentError: a target is unknown.
            UnsupportedOperatorError, CompileError, StoreError: as `compile` does.
        """
        targets = self.targets or fleet_targets() if target is None else parse_targets(target)
        return {each.name: self.compile(each) for each in targets}

    def _only_target(self) -> Target:
        if len(self.targets) != 1:
            raise ArgumentError(
                f"{self.name}: exported for {len(self.targets)} targets, must be one to compile",
                facts=[target.name for target in self.targets],
                fix="name one of them, or call build(), which compiles for all",
            )
        return self.targets[0]

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
            artifact = self._obtain(device.targets, ())
            return LoadedProgram(
                self.name,
                artifact=artifact,
                wanted_type=device.targets[0].device_type,
                providers=providers,
            )

        state = [state.tensor.detach() for state in self.state]
        names, told = self._interface.operand_names(), {"is_async": False, "by_target": True}
        return Launchable(load, providers, name=self.name, state=state, names=names, **told)

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

    @cached_property
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

    def _obtain(self, targets: Sequence[Target], flags: tuple[str, ...]) -> Artifact:
        """Return the artifact for the best of some targets that is stored, else compile the first.

        Raises:
            UnsupportedOperatorError: the compiler does not accept an operator of the program.
            CompileError: the MLIR of an op in the program does not compile.
        """
        best, *weaker = targets
        lowered = self._for_family(best.family, best.machine)
        key, source = self._key(best, lowered, flags), lowered.text.encode
        apart, others = lambda: keep_apart(source()), lambda: self._stored_keys(weaker, flags)
        try:
            return obtain_maybe_less_fused(key, best.flags, source, apart, others)
        except (CompilerNotFoundError, CompilerTimeoutError):
            raise
        except CompileError as error:
            if lowered.has_own_ops:  # the error may be in MLIR that the user wrote
                raise
            raise blame(self.name, self._operators, error.diagnostics, lowered.text) from None

    def _key(self, target: Target, lowered: _Lowered, flags: tuple[str, ...]) -> KernelKey:
        return KernelKey(
            name=self.name,
            source_digest=digest_of(lowered.text.encode()),
            device_type=target.device_type,
            compiler=compiler_version() or runtime_version(),
            flags=(
                *BASE_FLAGS,
                *_fusion_flags(lowered.text),
                *lowered.flags,
                *host_flags_for(target),
                *flags,
            ),
            entry="",
        )

    def _stored_keys(self, targets: Sequence[Target], flags: tuple[str, ...]) -> list[KernelKey]:
        """Return the program's keys for those targets that a program of its name is stored for.

        A key needs the MLIR for its target, which takes long to make for each.
        """
        stored = {key.device_type for key in default_store().keys() if key.name == self.name}
        kept = [target for target in targets if target.device_type in stored]
        return [self._key(t, self._for_family(t.family, t.machine), flags) for t in kept]

    def _for_family(self, family: str, machine: Machine | None) -> _Lowered:
        if family not in _FAMILIES:
            raise ArgumentError(
                f"{self.name}: no device family {family!r}, must be one of {', '.join(_FAMILIES)}"
            )
        machine = machine or code_machine() if family == "local" else None
        with hold(self._lock):
            if (family, machine) not in self._lowered:
                with code_for(machine):
                    self._lowered[family, machine] = self._lower(family)
            return self._lowered[family, machine]

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
