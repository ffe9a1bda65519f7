"""Calls of ops inside whole programs: selected, expanded and checked.

`expand.py` is the pass that replaces each call by a call of its kernel. `selection.py` runs
`select` with the symbolic sizes of `symbolic_size.py`; `size_assertion.py` emits checks of the
sizes that `select` relied on. `inline_builder.py` writes a kernel into the program.
"""
