"""The facts of an op: its class, its schema, its name, and the torch library that it is in.

`op.py` has the attributes that a user's class may set. `schema.py` says which schemas are accepted;
`find_op.py` and `registry.py` find an op; `stand_in.py` lets one op's kernels serve another.
"""
