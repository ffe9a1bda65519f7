"""Faults in launches on GPUs: executables, errors of drivers, machine code, entrances."""

from __future__ import annotations

from tests.mutation.mutant import OPS, Mutant, mutants_in

__all__ = ["GPU_MUTANTS"]

_GPU = "ir_runtime/launch/direct/gpu/"

GPU_MUTANTS: tuple[Mutant, ...] = (
    *mutants_in(
        "ir_runtime/launch/host_program/gpu_executable.py",
        ("launch/gpu/test_gpu_executable.py",),
        ("gpu: truncated code is read", "if size > len(data) - _HEADER:", "if False:"),
        ("gpu: code of another version is read", "if version != 0:", "if False:"),
        (
            "gpu: a string may reach beyond the code",
            "if start + 4 + size > len(self.data):",
            "if False:",
        ),
        (
            "gpu: constants and bindings are confused",
            "for field in (3, 4))",
            "for field in (3, 5))",
        ),
    ),
    *mutants_in(
        f"{_GPU}failure.py",
        ("launch/gpu/test_gpu_launch.py",),
        (
            "gpu: memory is asked for without end",
            "if error in _NO_MEMORY and not flags & _TRIED:",
            "if error in _NO_MEMORY:",
        ),
        ("gpu: torch's cache is not emptied", "            self.empty_cache()\n", ""),
        ("gpu: a lost GPU is any error", "if error in _LOST:", "if False:"),
        ("gpu: an old driver is any error", "if error in _OLD_DRIVER:", "if False:"),
        ("gpu: a forked child may go on", 'if call == "fork":', "if False:"),
    ),
    *mutants_in(
        f"{_GPU}machine_code.py",
        ("launch/gpu/test_machine_code.py",),
        ("gpu: kept code is of any key", "if found[0] == key:", "if True:"),
        (
            "gpu: code of a newer assembler is loaded",
            "if not 0 < release[0] <= driver_version // 1000:",
            "if not 0 < release[0]:",
        ),
        (
            "gpu: code is kept for any chip",
            'key = {"chip": chip, "ptx"',
            'key = {"chip": "", "ptx"',
        ),
    ),
    *mutants_in(
        f"{_GPU}gpu_constants.py",
        ("launch/gpu/test_constants.py",),
        ("gpu: constants are uploaded in a capture", "if captured:", "if False:"),
        (
            "gpu: torch is not told of streams that read constants",
            "if (device, stream) not in self._streams:",
            "if False:",
        ),
        ("gpu: constants lie at any address", "_ALIGNMENT = 64", "_ALIGNMENT = 1"),
    ),
    *mutants_in(
        f"{OPS}call/native_call.py",
        ("launch/gpu/test_op.py",),
        (
            "gpu: an entrance of CPU tensors remembers a plan of a GPU",
            "on_gpu=bound.plan.native.device_type != _DLPACK_CPU",
            "on_gpu=False",
        ),
    ),
    *mutants_in(
        "ir_runtime/launch/direct/gpu_launch.py",
        ("launch/gpu/test_gpu_launch.py",),
        (
            "gpu: tensors are copied without a count",
            '        add_count("copies", copied)\n',
            "        pass\n",
        ),
    ),
    *mutants_in(
        "ir_runtime/launch/program_calls.py",
        ("launch/gpu/test_program.py",),
        (
            "gpu: a program's index report is read at once",
            "if self.entry.report is not None and self.launch.on_gpu:",
            "if False:",
        ),
        (
            "gpu: one fast path is for tensors of all devices",
            "if place not in self._fast:",
            "if self.fast is None:",
        ),
    ),
    *mutants_in(
        "ir_runtime/launch/direct/program_launch.py",
        ("launch/gpu/test_program.py",),
        (
            "gpu: results of one memory share it",
            "if self._on_gpu or any(",
            "if any(",
        ),
        (
            "gpu: an error of the driver loses its kind",
            "except (IrRuntimeError, torch.OutOfMemoryError):",
            "except ZeroDivisionError:",
        ),
    ),
    *mutants_in(
        "ir_runtime/launch/compile/program_record.py",
        ("launch/gpu/test_program.py",),
        (
            "gpu: kernels of programs are not found in PTX",
            '_NOT_IN_PTX.sub("_", each)',
            "each",
        ),
    ),
    *mutants_in(
        "ir_runtime/launch/vm/gpu_memory.py",
        ("launch/test_gpu_memory.py",),
        ("gpu: any error is tried again", "if not is_out_of_memory(error):", "if False:"),
    ),
)
