"""Ops that write into tensors of their caller, as `torch.ops.ir_inplace.<name>`.

Each computes what a functional op of the catalogue, or two of them one after the other, return.
"""
