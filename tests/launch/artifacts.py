"""Two small artifacts, for tests of stores."""

from __future__ import annotations

import dataclasses

from ir_runtime.launch.artifact.key import KernelKey
from ir_runtime.launch.artifact.store import Artifact

KEY = KernelKey("softcap", "abc", "local:--x", "3.13.0", ("--f",))
ARTIFACT = Artifact(KEY, b"module {}\n", b"\0vmfb\xff" * 100)
OTHER = dataclasses.replace(ARTIFACT, key=dataclasses.replace(KEY, entry="other"), vmfb=b"other")
