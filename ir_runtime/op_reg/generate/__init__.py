"""The builders with which `generate` writes the MLIR of a kernel.

`builder.py` is the API of `generate`; `function_builder.py` makes a module with one function. MLIR
files are used through `template.py`, or `template_loader.py` for Jinja and `str.format`. The checks
of a kernel are in `index_report.py` (indices) and `operand_size_check.py` (sizes).
"""
