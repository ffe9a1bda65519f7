"""The registration of an op with torch, and the rules that torch's transforms need.

`registration.py` defines the op with its meta function, kernels and `out` overload. `autograd.py`
runs calls that need a gradient; `backward.py` makes the backward from a function, an op
(`backward_op.py`) or a torch function (`derived_backward.py`). Others: `vmap.py`, `autocast.py`,
`forward_mode.py`.
"""
