"""The in-place story: donated tensors, clones, and ops that write their arguments."""
