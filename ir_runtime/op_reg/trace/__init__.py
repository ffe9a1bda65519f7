"""Torch functions and programs, traced and lowered to MLIR.

`trace_function.py` traces a function for `inline_torch`; `lower_program.py` runs IREE's passes over
a traced program, and `import_program.py` brings it into MLIR. `legal/` rewrites or refuses
operators that the compiler does not compute as torch does. The `index_*.py` files check indices:
start with `index_check.py`.
"""
