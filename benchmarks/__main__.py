"""`python -m benchmarks <name> [--json]`: measure, print, exit 1 if a promise is not kept."""

from __future__ import annotations

import argparse
import importlib

NAMES = ("overhead", "startup")


def main() -> int:
    """Run one benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, help="how many rounds of measurements")
    arguments = parser.parse_args()
    benchmark = importlib.import_module(f"benchmarks.{arguments.name}")
    rounds = {} if arguments.rounds is None else {"rounds": arguments.rounds}
    return 0 if benchmark.run(as_json=arguments.json, **rounds) else 1


if __name__ == "__main__":
    raise SystemExit(main())
