"""Reading a graph: which node is what, which values share memory, and what it was before a pass."""
