"""Row kernels from torch functions: rows in, arithmetic and reductions along them, rows out."""
