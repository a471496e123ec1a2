"""The kill matrix keeps the promises about answers, and says which one is broken when somebody edits them."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from rich.console import Console
from sample import CHAPTER, COURSE, sample_chapter
from typer.testing import CliRunner

from autograder.cli import app
from autograder.release.matrix import Entry, matrix, matrix_line, print_matrix
from autograder.release.source import SourceError, load_chapter


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of the sample course, to be edited."""
    shutil.copytree(COURSE, tmp_path / "course")
    return tmp_path / "course"


def edit_answers(course: Path, old: str, new: str) -> None:
    path = course / "solutions" / CHAPTER / "answers.py"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def add_wrong_answer(course: Path, code: str) -> None:
    """As the first of the bank of line_gradient."""
    first = '"line_gradient": [\n        WrongAnswer('
    edit_answers(course, first, first.replace("WrongAnswer(", f"{code},\n        WrongAnswer("))


def edit_reference(course: Path, old: str, new: str) -> None:
    path = course / "solutions" / CHAPTER / f"{CHAPTER}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if old in cell.source]
    assert len(cells) == 1
    cells[0].source = cells[0].source.replace(old, new)
    nbformat.write(notebook, path)


def entries(course: Path) -> list[Entry]:
    return list(matrix(load_chapter(course, CHAPTER)))


def broken(course: Path) -> list[str]:
    return [f"{entry.kind} {entry.name}" for entry in entries(course) if entry.broken]


def test_every_promise_of_the_sample_course_is_kept():
    seen = list(matrix(sample_chapter()))
    assert matrix_line(seen) == "kill matrix: 2 references, 2 stubs, 11 wrong, 11 named, 5 right, 0 broken"
    assert {entry.layer for entry in seen if entry.kind == "stub"} == {"not started"}


def test_wrong_answers_of_one_family_are_judged_each(course):
    edit_answers(course, "unsqueeze(1)", "unsqueeze(0)")
    assert broken(course) == ["wrong keeps_the_dimension"]


def test_a_wrong_answer_edited_into_the_reference_fails_the_right_ones(course):
    edit_answers(course, 'Swap("x.sum", "x.mean")', '"def row_sums(x):\\n    return x.mean(dim=1)"')
    edit_reference(course, "return x.sum(dim=1)", "return x.mean(dim=1)")
    with pytest.raises(SourceError, match="row_sums, works_in_float64"):  # an edit of the reference that no longer fits
        entries(course)
    edit_answers(course, 'Swap("x.sum", "x.double().sum")', '"def row_sums(x):\\n    return x.double().sum(dim=1)"')
    assert {"wrong takes_the_mean", "right einsum", "right matrix_product", "right python_loop"} <= set(broken(course))


def test_a_right_answer_in_the_bank_of_wrong_ones_passes_and_so_fails(course):
    add_wrong_answer(course, 'WrongAnswer("right_in_truth", "You did it.", "Stop.", Swap("2 * x.t()", "x.t() * 2"))')
    found = [entry for entry in entries(course) if entry.broken]
    assert [(entry.name, entry.broken) for entry in found] == [("right_in_truth", "passes, though it is wrong")]


def test_a_wrong_answer_in_the_bank_of_right_ones_is_refused(course):
    edit_answers(course, "torch.einsum('ij->i', x)", "torch.einsum('ij->j', x)")
    assert broken(course) == ["right einsum"]


def test_two_mistakes_that_no_observation_can_tell_apart_are_told(course):
    add_wrong_answer(course, 'WrongAnswer("halved", "You halved.", "Do not.", Swap("2 * x", "1 * x"))')
    found = [entry for entry in entries(course) if entry.broken]
    assert [entry.name for entry in found] == ["no_factor_two"]
    assert found[0].broken.startswith("is told as halved: ")


def test_a_stub_that_does_something_is_told(course):
    edit_reference(course, "    ### BEGIN SOLUTION\n    error", "    loss = 1\n    ### BEGIN SOLUTION\n    error")
    edit_reference(
        course,
        "    return loss, 2 * x.t() @ error\n    ### END SOLUTION",
        "    ### END SOLUTION\n    return loss, 2 * x.t() @ error",
    )
    assert "stub stub" in broken(course)


RULES = {
    "two of one name": ('"sums_columns"', '"takes_the_mean"', "two wrong answers are called 'takes_the_mean'"),
    "no name": ('"sums_columns"', '""', "wrong answer '' needs a name"),
    "an edit that fits nowhere": ('Swap("dim=1", "dim=0")', 'Swap("dim=5", "dim=0")', "sums_columns: 'dim=5' stands 0 times"),
    "an edit that fits twice": (
        'Swap("dim=1", "dim=0")',
        'Swap("x", "y")',
        "01_sample/answers.py, row_sums, sums_columns: 'x' stands",
    ),
    "an edit of nothing": ('Swap("dim=1", "dim=0")', 'Swap("dim=1", "dim=1")', "replaced by itself"),
    "code that does not run": ("einsum('ij->i', x)", "einsum('ij->i', x", "an answer to row_sums does not run"),
    "a file that does not run": ("from autograder", "from elsewhere", "answers.py does not run: ModuleNotFoundError"),
}


@pytest.mark.parametrize("rule", RULES)
def test_answers_that_break_a_rule_are_refused_with_the_rule(course, rule):
    old, new, message = RULES[rule]
    edit_answers(course, old, new)
    with pytest.raises(SourceError, match=re.escape(message)):
        entries(course)


def test_an_answer_to_an_exercise_that_is_not_there_is_refused(course):
    edit_answers(course, 'RIGHT = {\n    "row_sums"', 'RIGHT = {\n    "row_sum"')
    with pytest.raises(SourceError, match=re.escape("answers.py knows 'row_sum', checks.py does not")):
        entries(course)


def test_the_table_prints_what_is_broken_in_full():
    out = io.StringIO()
    told = [
        Entry("e", "reference", "reference", "", False, ""),
        Entry("e", "wrong", "w", "", False, "passes, though it is wrong"),
    ]
    print_matrix(told, Console(file=out, width=150), "chapter")
    assert "BROKEN e: wrong answer w: passes, though it is wrong" in out.getvalue()
    assert matrix_line(told) == "kill matrix: 1 references, 0 stubs, 1 wrong, 0 named, 0 right, 1 broken"


def test_the_command_fails_on_a_broken_promise(course):
    good = CliRunner().invoke(app, ["matrix", "--course", str(COURSE)])
    assert (good.exit_code, good.stdout.splitlines()[-1]) == (
        0,
        "kill matrix: 2 references, 2 stubs, 11 wrong, 11 named, 5 right, 0 broken",
    )
    edit_answers(course, "torch.einsum('ij->i', x)", "torch.einsum('ij->j', x)")
    bad = CliRunner().invoke(app, ["matrix", CHAPTER, "--course", str(course)])
    assert bad.exit_code == 1
    assert bad.stdout.splitlines()[-1].endswith("1 broken")
