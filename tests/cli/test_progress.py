import io

from ir_runtime.cli.progress import open_display
from ir_runtime.launch.compile import build


class Terminal(io.StringIO):
    def isatty(self):
        return True


def show_on(stream):
    with open_display(stream) as display, display.step("embedding"):
        for begin in (True, False):
            for listener in tuple(build._listeners):
                listener("gelu", begin)
    return stream.getvalue()


def test_plain_lines_when_not_a_terminal():
    assert show_on(io.StringIO()).splitlines() == [
        "embedding ...",
        "  compiling kernel gelu ...",
        "  compiling kernel gelu: 0.0 s",
        "embedding: 0.0 s",
    ]


def test_bars_on_a_terminal():
    text = show_on(Terminal())
    assert "compiling kernel gelu" in text
    assert "..." not in text


def test_listener_is_gone_afterwards():
    before = list(build._listeners)
    show_on(io.StringIO())
    assert build._listeners == before


def test_two_compiles_of_one_op_at_once():
    stream = io.StringIO()
    with open_display(stream):
        (listener,) = build._listeners
        for begin in (True, True, False, False):
            listener("gelu", begin)
    assert stream.getvalue().count("gelu: 0.0 s") == 2
