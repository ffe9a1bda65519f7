"""Kernels on CUDA and HIP without IREE: code, the driver's library, and its errors in words."""
