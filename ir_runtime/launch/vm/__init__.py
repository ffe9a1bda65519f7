"""The executor `vm`: programs in IREE's VM and HAL.

`vm_program.py` is a loaded VMFB and its contexts. `call.py` runs a whole program on tensors;
`destination.py` runs a kernel that writes into given tensors. `signature.py` reads the arguments
and results of a function, and `link.py` explains a failed link.
"""
