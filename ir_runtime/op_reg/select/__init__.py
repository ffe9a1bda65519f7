"""The API of `select`: the selection, and the descriptors of arguments and results.

`selection.py` has the methods that `select` calls. `argument.py` has the descriptors that they
return, and `result.py` the checks and the assembly of results.
"""
