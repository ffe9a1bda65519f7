"""Run the commands of `ir-runtime`: `python -m ir_runtime`."""

import sys

from ir_runtime.cli import main

sys.exit(main())
