"""The MLIR text of a row kernel for CPUs: one executable of vector loops."""
