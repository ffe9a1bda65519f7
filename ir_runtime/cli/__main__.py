"""`python -m ir_runtime.cli`."""

import sys

from ir_runtime.cli import main

sys.exit(main())
