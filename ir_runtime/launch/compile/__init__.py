"""Compile MLIR to artifacts, once per key.

`build.py` is the way from a key to an artifact: the store, else the compiler. `compiler.py` runs
the compiler in this process or in a child (`compiler_process.py`); `compile_cache.py` reuses its
output for equal MLIR. `program_record.py` makes the record that is stored beside a VMFB.
"""
