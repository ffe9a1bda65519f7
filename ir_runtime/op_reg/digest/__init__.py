"""Digests of Python code: a part of each key, so that a changed op never finds an old kernel.

`op_digest.py` is the entry point, and says what counts. `description.py` walks code and values;
`function_read.py` finds the names that a function reads; `value.py` describes one value. The number
in `mlir_schema.py` stands for this package's own code. `torch_cache.py` extends torch's caches.
"""
