"""Where the launcher was not built, its tests cannot even be imported."""

from ir_runtime.launch.native import why_absent

collect_ignore_glob = [] if why_absent() is None else ["test_*.py"]
