"""The call of an op, from torch's dispatcher to a launched kernel.

`kernel.py` is the slow path of a new call: select, generate, load, bind. `call_table.py` is the
cache of bound launches, `python_call.py` the fast path in Python, and `native_call.py` the fast
path in C. `entrance.py` calls an op without the dispatcher; `explain.py` says what a call runs.
"""
