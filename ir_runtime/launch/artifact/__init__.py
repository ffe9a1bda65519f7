"""Compiled programs on disk and in memory, and the keys by which they are found.

`key.py` says what makes two binaries different; `store.py` says where artifacts live. Then
`entry_files.py` (files and digests of one artifact), `store_chain.py` (read-only base stores),
`trust.py` (who else can change a store) and `find_artifact.py` (search in a directory).
"""
