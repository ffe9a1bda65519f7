"""Facts and checks about the operands of a launch, shared by both executors.

`launch_type.py` defines `Launch` and `Results`. `index_fault.py` reads reports of indices,
`mutation.py` writes changed arguments, `overlap.py` finds shared memory, `number.py` converts
numbers and `tensor_device.py` finds the device of a call.
"""
