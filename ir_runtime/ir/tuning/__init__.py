"""Measured choice: which provider, and which form of its kernel, is fastest for calls like one.

`shape_class.py` says which calls are alike, `ranking.py` orders what was measured, `measure.py`
measures, `table.py` is a table as data, `table_file.py` its file, `tables.py` what this process
reads of them, and `first_call.py` measures a call when it is first made.
"""
