"""The GPU form of row kernels: a plan becomes one dispatch, whose threads share rows."""
