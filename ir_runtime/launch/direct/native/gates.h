// What sends a call another way, whatever its tensors are; included by launcher.h.
#ifndef IR_RUNTIME_GATES_H
#define IR_RUNTIME_GATES_H

bool prepare_gates(launcher *own);
refusal check_tangents(const launcher *own);
refusal check_transforms(const launcher *own);
// The same, as `torch._C._are_functorch_transforms_active` sees it, which answers sooner.
refusal check_active_transforms(const launcher *own);
refusal check_profiler(const launcher *own);
refusal check_modes(const launcher *own);
refusal check_tracing(const launcher *own);
refusal check_autocast(const launcher *own);
// Modes, transforms, tracing, autocast and profilers.
refusal check_observers(const launcher *own);
refusal check_keyset(const launcher *own, PyObject *keyset, uint64_t plain);
bool grad_enabled(const launcher *own);

#endif
