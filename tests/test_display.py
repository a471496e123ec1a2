"""What a grading run shows: a live line on a terminal, plain lines elsewhere; no student's name can write on the terminal."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from rich.console import Console

from autograder import display
from autograder.display import showing, summary


def test_a_terminal_shows_how_many_how_they_ended_and_who_is_running() -> None:
    out = io.StringIO()
    with showing("01_small", Console(file=out, force_terminal=True, width=160)) as shown:
        shown.tell(0, 3)
        shown.outcome("graded")
        shown.tell(1, 3)
        shown.now(["ada", "\x1b[2Jbob", "[red]cleo"])
    text = out.getvalue()
    assert "1/3" in text
    assert "1 graded" in text
    assert "now ada, ?[2Jbob, [red]cleo" in text


def test_elsewhere_lines_come_now_and_then_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    with showing("01_small", Console(file=out, width=160)) as shown:
        for done in range(1, 100):
            shown.tell(done, 100)
        assert out.getvalue() == ""
        monkeypatch.setattr(display, "PLAIN_EVERY_S", 0.0)
        shown.tell(99, 100)
        shown.tell(100, 100)
    assert [line.split(",")[0] for line in out.getvalue().splitlines()] == ["01_small: 99 of 100", "01_small: 100 of 100"]


def test_the_summary_names_isolation_and_the_slowest_cells() -> None:
    with showing("01_small", Console(file=io.StringIO())) as shown:
        shown.tell(1, 1)
        shown.outcome("timed out")
    line = summary(shown, "strict", Counter({"loop": 60, "quick": 0}))
    assert line.endswith("1 timed out · isolation strict · slowest cells: loop 60 s")
