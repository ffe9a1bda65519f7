"""`ir_runtime.compile` and the backend `ir_runtime` of `torch.compile`: Inductor with passes."""
