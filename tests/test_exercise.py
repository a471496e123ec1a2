"""The vocabulary of a chapter: what an exercise must say, and what checks.py and answers.py are told when they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.exercise import (
    Case,
    CheckFileError,
    RightAnswer,
    Swap,
    WrongAnswer,
    exercise,
    load_checks,
    load_module,
    written_out,
)

GOOD = {
    "cases": lambda generator: [Case("nothing")], "points": 2, "minutes": 5, "difficulty": 2, "importance": 4, "checked": "It.",
    "hints": ("a nudge", "the rule"), "why": "so", "variant": "more",
}  # fmt: skip


def _probe(answer):
    return answer.probe()


def test_an_exercise_is_named_like_its_probe_and_asks_for_that_name():
    made = exercise(**GOOD)(_probe)
    assert (made.name, made.asks, made.returns) == ("_probe", ("_probe",), ())


def test_the_header_line_tells_points_minutes_difficulty_and_importance():
    assert exercise(**GOOD)(_probe).header() == "**2 points** · about 5 minutes · difficulty ●●○○○ · importance ●●●●○"
    assert exercise(**GOOD | {"points": 1})(_probe).header().startswith("**1 point** ·")


@pytest.mark.parametrize("broken", [{"points": 0}, {"difficulty": 6}, {"importance": 0}, {"hints": ("one",)}])
def test_an_exercise_out_of_bounds_is_refused_with_its_name(broken):
    with pytest.raises(CheckFileError, match="exercise _probe: points from 1"):
        exercise(**GOOD | broken)(_probe)


def test_an_input_may_be_called_label():
    assert Case("a label", label=1).inputs == {"label": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "checks.py is missing"),
        ("x = 1", "defines no exercise"),
        ("def broken(:", "does not run: SyntaxError"),
        ("import no_such_module_anywhere", "does not run: ModuleNotFoundError"),
        ("from autograder.exercise import WrongAnswer\nWrongAnswer('', 'says', 'hint', 'code')", "needs a name"),
    ],
)
def test_a_chapters_file_that_does_not_serve_is_a_check_file_error(tmp_path: Path, content, message):
    if content is not None:
        (tmp_path / "checks.py").write_text(content)
    with pytest.raises(CheckFileError, match=message):
        load_checks(tmp_path)


def test_a_chapters_file_runs_without_this_packages_future_imports(tmp_path: Path):
    (tmp_path / "checks.py").write_text("def f(x: int): ...\nKIND = f.__annotations__['x']")
    assert load_module(tmp_path / "checks.py").KIND is int


def test_two_chapters_files_of_one_name_do_not_meet(tmp_path: Path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "checks.py").write_text(f"NAME = {name!r}")
    assert [load_module(tmp_path / name / "checks.py").NAME for name in ("one", "two")] == ["one", "two"]


def test_a_wrong_answer_is_written_as_an_edit_of_the_reference():
    reference = "def f(x):\n    return x.sum(dim=1)\n"
    assert "dim=0" in written_out(Swap("dim=1", "dim=0"), reference)
    assert written_out((Swap("sum", "mean"), Swap("dim=1", "0")), reference) == "def f(x):\n    return x.mean(0)\n"
    assert written_out("\n\ndef f(x): ...", reference) == "def f(x): ...\n"


@pytest.mark.parametrize(
    ("swap", "message"),
    [
        (Swap("dim=2", "dim=0"), "stands 0 times in the reference"),
        (Swap("x", "y"), "stands 2 times in the reference"),
        (Swap("dim=1", "dim=1"), "replaced by itself"),
    ],
)
def test_an_edit_that_does_not_apply_is_refused(swap, message):
    with pytest.raises(ValueError, match=message):
        written_out(swap, "def f(x):\n    return x.sum(dim=1)\n")


def test_answers_need_names_and_wrong_ones_something_to_say():
    with pytest.raises(CheckFileError, match="needs a name, what it says"):
        WrongAnswer("named", " ", "hint", "code")
    with pytest.raises(CheckFileError, match="needs a name"):
        RightAnswer("", "code")
