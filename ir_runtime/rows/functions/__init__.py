"""The vector functions: one file for each family, Python expressions that become MLIR."""
