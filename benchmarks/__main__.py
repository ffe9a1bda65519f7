"""`python -m benchmarks <name>`: measure and print; the status is 1 if a promise is not kept."""

from __future__ import annotations

import argparse
import importlib
import sys

NAMES = (
    *("overhead", "startup", "kernels", "rows", "providers", "tuned", "index_checks", "in_place"),
    *(
        "vector_functions",
        "attention",
        "catalogue",
        "compiled",
        "compile_times",
        "models",
        "weights",
        "gpu",
        "paged",
    ),
)


def main() -> int:
    """Run one benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    chosen = parser.add_subparsers(dest="name", required=True)
    wanted = [name for name in NAMES if name in sys.argv[1:2]] or NAMES
    benchmarks = {name: importlib.import_module(f"benchmarks.{name}") for name in wanted}
    for name, benchmark in benchmarks.items():
        own = chosen.add_parser(name, description=benchmark.__doc__)
        own.add_argument("--json", action="store_true", help="print JSON instead of a table")
        own.add_argument("--rounds", type=int, help="how many rounds of measurements")
        if hasattr(benchmark, "add_arguments"):
            benchmark.add_arguments(own)
    arguments = parser.parse_args()
    return 0 if benchmarks[arguments.name].run(arguments) else 1


if __name__ == "__main__":
    raise SystemExit(main())
