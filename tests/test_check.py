"""`check("…")` in a notebook: one number for nbgrader, one card for the student, and never an error of its own."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from sample import CHAPTER, names_after, sample_chapter, student_folder

import autograder
from autograder.golden import GOLDEN_NAME, GoldenError, read_golden
from autograder.student import check as check_module
from autograder.student.card import Card
from autograder.student.chapter_folder import ChapterNotFound, find_chapter_folder, unsaved_note
from autograder.student.check import check, progress

SUMS = "def row_sums(x):\n    "
LINE = "def line_gradient(x, y, w):\n    error = x @ w - y\n    loss = error.square().sum()\n    "


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return student_folder(tmp_path_factory.mktemp("student"))


@pytest.fixture(autouse=True)
def no_notebook(monkeypatch):
    """Also where the tests themselves are run from a notebook."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)


@pytest.fixture
def ask(folder):
    def ask(code: str, name: str = "row_sums", **arguments) -> Card:
        card = check(name, namespace=names_after(code), folder=folder, **arguments)
        # The rule of every situation: text/plain is one number, and nothing else.
        plain = card._repr_mimebundle_()["text/plain"]
        assert plain == str(int(plain)) == repr(card)
        assert (int(plain) > 0) == card.verdict.passed
        return card

    return ask


class TestAnswers:
    def test_the_reference_passes_with_all_points(self, ask):
        chapter = sample_chapter()
        assert repr(ask(chapter.reference("row_sums"))) == "2"
        assert repr(ask(chapter.reference("line_gradient"), "line_gradient")) == "3"

    def test_the_stub_is_not_started(self, ask):
        chapter = sample_chapter()
        for name in chapter.exercises:
            assert ask(chapter.stub(name), name).verdict.title == "not started"

    @pytest.mark.parametrize("exercise", ["row_sums", "line_gradient"])
    def test_known_answers_get_the_verdict_they_were_written_for(self, ask, exercise):
        chapter = sample_chapter()
        for wrong, codes in chapter.wrong_codes(exercise):
            for code in codes:
                verdict = ask(code, exercise).verdict
                assert (verdict.mistake, verdict.cause, verdict.next_step) == (wrong.name, wrong.says, wrong.hint)
        for _, code in chapter.right_codes(exercise):
            assert ask(code, exercise).verdict.passed

    @pytest.mark.parametrize(
        ("code", "layer", "got", "says"),
        [
            (
                SUMS + "return 1 / 0",
                "raised",
                "ZeroDivisionError: division by zero, in line 2: `return 1 / 0`",
                "quoted if it is yours",
            ),
            (SUMS + "x.sum(dim=1)", "structure", "None", "`return`"),
            (SUMS + "return (row.sum() for row in x)", "structure", "a generator", "return a list or a tensor"),
            (SUMS + "return x.sum(dim=1).numpy()", "structure", "a NumPy array of shape (2,), dtype float32", "torch.from_numpy"),
            (SUMS + "return [row.sum().item() for row in x]", "structure", "a list of 2 values", "another kind"),
            (SUMS + "return x.sum", "structure", "a builtin_function_or_method", "call it"),
            (SUMS + "return torch.zeros(2, device='meta')", "device", "a tensor on meta", "device=x.device"),
            (
                SUMS + "return x.sum(dim=1) * float('nan')",
                "values",
                "[nan, nan]; 2 of 2 values are NaN or infinite",
                "division by zero",
            ),
            (SUMS + "return x.sum(dim=1), 1, 2", "structure", "a tuple of 3 values", "another kind"),
            (SUMS + "return x.sum()", "shape", "shape (); it is a single number", "`dim=`"),
            (SUMS + "return x.sum(1) + ...", "raised", "TypeError", "`...` still stands"),
        ],
    )
    def test_odd_answers_are_told_with_what_to_do(self, ask, code, layer, got, says):
        verdict = ask(code).verdict
        assert (verdict.layer, verdict.mistake) == (layer, "")
        assert verdict.got.startswith(got)
        assert says in verdict.cause
        assert verdict.next_step == "Which of the two dimensions goes away?"

    def test_the_wrong_number_of_values_is_told_with_their_names(self, ask):
        verdict = ask(LINE + "return loss, 1, 2", "line_gradient").verdict
        assert (verdict.expected, verdict.got) == ("2 values: loss, dw", "a tuple of 3 values")

    def test_an_answer_that_hangs_is_ended(self, ask, folder, monkeypatch):
        exercises, _ = check_module._chapter(*check_module._versions(folder))
        object.__setattr__(exercises["row_sums"], "time_limit_s", 0.2)
        try:
            started = time.perf_counter()
            verdict = ask(SUMS + "while True:\n        try:\n            x + 1\n        except:\n            pass").verdict
            assert time.perf_counter() - started < 5
        finally:
            object.__setattr__(exercises["row_sums"], "time_limit_s", 10.0)
        assert verdict.got.startswith("no result: still running after 0.2 seconds, in line")
        assert verdict.cause == "A loop that does not end, or far more work than is needed."

    def test_what_was_printed_is_shown_and_costs_nothing(self, ask, capfd):
        code = SUMS + "import sys\n    print('to see', x.shape)\n    print('careful', file=sys.stderr)\n    return x.sum(dim=1)"
        card = ask(code)
        assert card.verdict.printed == "to see torch.Size([2, 3])\ncareful\n"
        assert repr(card) == "2"
        assert capfd.readouterr() == ("", "")

    def test_a_check_is_quick(self, ask):
        code = sample_chapter().reference("line_gradient")
        ask(code, "line_gradient")
        times = []
        for _ in range(7):
            started = time.process_time()  # of this process alone, however busy the machine is
            ask(code, "line_gradient")
            times.append(time.process_time() - started)
        assert sorted(times)[3] < 0.15


class TestHints:
    def test_rungs_are_shown_one_by_one(self, ask):
        wrong = SUMS + "return x.sum(dim=1) * 7"
        assert "hint 2" not in str(ask(wrong))
        second = str(ask(wrong, hint=2))
        assert "hint 2:       `dim=` names the dimension that is summed over" in second
        assert "hint 3" not in second
        assert "hint 3:" in str(ask(wrong, hint=3))

    @pytest.mark.parametrize("hint", [0, -1, None, "2", 2.5, True])
    def test_what_is_no_rung_shows_the_first(self, ask, hint):
        assert ask(SUMS + "return x", hint=hint).verdict.asked == 1

    def test_beyond_the_last_rung_all_are_shown_and_it_says_so(self, ask):
        text = str(ask(SUMS + "return x", hint=99))
        assert "hint 3:" in text
        assert "There are no more than 3." in text


class TestTrouble:
    """Whatever is wrong around the answer is told in the card, for 0 points."""

    def title(self, card: Card) -> str:
        assert repr(card) == "0"
        assert card.verdict.next_step
        return card.verdict.title

    @pytest.mark.parametrize(
        ("name", "near"),
        [
            ("row_sum", ["row_sums"]),
            ("gradient", ["line_gradient"]),
            ("xyz", ["row_sums", "line_gradient"]),
            ("", ["row_sums", "line_gradient"]),
        ],
    )
    def test_an_unknown_name_gets_the_nearest_names(self, ask, name, near):
        card = ask(SUMS + "return x", name)
        assert self.title(card) == "could not be checked"
        calls = ", ".join(f'`check("{one}")`' for one in near)
        assert card.verdict.next_step == f"Did you mean {calls}?"

    def test_a_name_that_is_html_stays_text(self, ask):
        assert "<script" not in ask("x = 1", "<script>")._repr_mimebundle_()["text/html"]

    def test_the_function_instead_of_its_name(self, ask):
        names = names_after(SUMS + "return x")
        card = ask("x = 1", names["row_sums"])
        assert card.verdict.next_step == 'Write it in quotes: `check("row_sums")`.'
        for odd in (None, 3, torch.ones(2), ["row_sums"]):
            assert 'check("name")' in ask("x = 1", odd).verdict.next_step

    def test_no_name_at_all(self, folder, monkeypatch):
        monkeypatch.chdir(folder)
        assert "Did you mean" in check().verdict.next_step

    def test_another_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        card = check("row_sums")
        assert self.title(card) == "could not be checked"
        assert card.verdict.got == "This notebook's chapter was not found."
        assert str(tmp_path) in card.verdict.next_step
        assert "%cd" in card.verdict.next_step

    def test_a_folder_that_was_deleted(self, tmp_path, monkeypatch):
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        assert "which was deleted" in check("row_sums").verdict.next_step

    def test_a_missing_golden_file(self, tmp_path):
        there = student_folder(tmp_path)
        (there / GOLDEN_NAME).unlink()
        card = check("row_sums", namespace={}, folder=there)
        assert self.title(card) == "could not be checked"
        assert "golden.safetensors.gz is missing. Copy it again" in card.verdict.next_step

    def test_missing_checks(self, tmp_path):
        there = student_folder(tmp_path)
        (there / "checks.py").unlink()
        assert "checks.py is missing" in check("row_sums", namespace={}, folder=there).verdict.next_step

    @pytest.mark.parametrize("content", [b"", b"rubbish", b"\x00" * 500], ids=["empty", "text", "zeros"])
    def test_a_damaged_golden_file(self, tmp_path, content):
        there = student_folder(tmp_path)
        (there / GOLDEN_NAME).write_bytes(content)
        card = check("row_sums", namespace={}, folder=there)
        assert self.title(card) == "could not be checked"
        assert "is damaged" in card.verdict.next_step

    def test_checks_that_do_not_run(self, tmp_path):
        there = student_folder(tmp_path)
        (there / "checks.py").write_text("def broken(:")
        assert "does not run: SyntaxError" in check("row_sums", namespace={}, folder=there).verdict.next_step

    def test_files_of_different_versions(self, tmp_path):
        there = student_folder(tmp_path)
        source = (there / "checks.py").read_text()
        (there / "checks.py").write_text(source.replace("def row_sums(", "def column_sums("))
        card = check("column_sums", namespace={}, folder=there)
        assert "different versions" in card.verdict.got

    def test_a_fault_of_the_course_is_not_told_as_the_students(self, ask, monkeypatch):
        monkeypatch.setattr(check_module, "judge", lambda *_, **__: 1 / 0)
        card = ask(SUMS + "return x")
        assert self.title(card) == "could not be checked"
        assert card.verdict.got == "A fault of the course, not yours: ZeroDivisionError: division by zero"

    def test_new_files_are_noticed(self, tmp_path):
        there = student_folder(tmp_path)
        names = names_after(sample_chapter().reference("row_sums"))
        assert repr(check("row_sums", namespace=names, folder=there)) == "2"
        source = (there / "checks.py").read_text()
        (there / "checks.py").write_text(source.replace("points=2", "points=5"))
        os.utime(there / "checks.py", (1, 1))
        assert repr(check("row_sums", namespace=names, folder=there)) == "5"


class TestGoldenFile:
    def test_no_flipped_byte_gives_another_error(self, folder):
        good = (folder / GOLDEN_NAME).read_bytes()
        path = folder.parent / "damaged.safetensors"
        for at in range(0, len(good), 97):
            path.write_bytes(good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :])
            with contextlib.suppress(GoldenError):  # a flipped byte inside a value goes unnoticed
                read_golden(path)

    def test_it_holds_no_solution(self, folder):
        data = gzip.decompress((folder / GOLDEN_NAME).read_bytes())
        assert b"You summed each column." in data
        assert b"return x.sum" not in data
        assert b"einsum('ij" not in data


class TestFolder:
    def test_the_working_folder_comes_first_then_the_notebooks(self, folder, tmp_path, monkeypatch):
        assert find_chapter_folder(folder) == folder
        notebook = folder / f"{CHAPTER}.ipynb"
        notebook.write_text("{}")
        monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
        assert find_chapter_folder(tmp_path) == folder
        notebook.unlink()
        with pytest.raises(ChapterNotFound):
            find_chapter_folder(tmp_path)


class TestUnsaved:
    @pytest.fixture
    def notebook(self, tmp_path, monkeypatch):
        path = tmp_path / "chapter.ipynb"
        monkeypatch.setenv("JPY_SESSION_NAME", str(path))

        def save(source):
            path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": source}]}))

        save("# nothing yet")
        return save

    CODE = SUMS + "return x.sum(dim=1)\n"

    def test_what_is_not_on_disk_is_to_be_saved(self, notebook, ask):
        assert ask(self.CODE).verdict.note.startswith("Your notebook is not saved yet: press Ctrl+S")

    @pytest.mark.parametrize("source", [CODE, CODE.splitlines(keepends=True), f"import torch\n\n{CODE}\n# more"])
    def test_what_is_on_disk_is_not(self, notebook, ask, source):
        notebook(source)
        assert ask(self.CODE).verdict.note == ""

    def test_it_does_not_nag_about_what_is_not_right_yet(self, notebook, ask):
        assert ask(SUMS + "return x").verdict.note == ""

    def test_without_a_notebook_or_a_source_there_is_no_note(self, notebook, ask, tmp_path, monkeypatch):
        assert unsaved_note([len]) == ""
        (tmp_path / "chapter.ipynb").write_text("not json")
        assert ask(self.CODE).verdict.note == ""
        monkeypatch.setenv("JPY_SESSION_NAME", "somewhere/else.ipynb")
        assert ask(self.CODE).verdict.note == ""


class TestProgress:
    def test_it_checks_every_exercise(self, folder):
        chapter = sample_chapter()
        names = names_after(chapter.reference("row_sums") + chapter.stub("line_gradient"))
        table = progress(namespace=names, folder=folder)
        assert str(table).splitlines()[-1] == "1 of 2 exercises passed, 2 of 5 points"
        assert "○ line_gradient" in str(table)

    def test_trouble_is_told(self, tmp_path):
        assert "checks.py is missing" in str(progress(namespace={}, folder=tmp_path))


def test_a_student_loads_nothing_that_grades():
    """Importing, a wrong answer and its card load neither nbgrader nor Jupyter's clients, nor what takes seconds."""
    code = (
        "import sys, json, tempfile; from pathlib import Path; from autograder import check, progress\n"
        "after_import = set(sys.modules)\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from autograder.student.check import _chapter\n"
        "from autograder.verdict import Verdict, Picture\n"
        "import torch; from autograder.compare import compare; from autograder.exercise import Rules\n"
        "from autograder.observation import Observation, observe\n"
        "from autograder.student.card import Card\n"
        "a, b = torch.ones(5, 5), torch.zeros(5, 5)\n"
        "d = compare(Observation(observe(a)), Observation(observe(b)), Rules())\n"
        "v = Verdict('e', False, 0, 1, 'values', 'c', picture=Picture(*d.pair)); Card(v)._repr_mimebundle_()\n"
        "print(json.dumps([sorted(after_import), sorted(sys.modules)]))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(autograder.__file__).parent.parent
    )
    heavy = {
        "nbgrader",
        "nbclient",
        "nbconvert",
        "nbformat",
        "jupyter_client",
        "jupytext",
        "matplotlib",
        "sqlalchemy",
        "typer",
        "rich",
        "IPython",
        "sympy",
    }
    for modules in json.loads(out.stdout):
        assert not {name.split(".")[0] for name in modules} & heavy


NOISE = """
import logging, sys, warnings
logging.basicConfig()
held = sys.stderr
"""
NOISY = """
def row_sums(x):
    print("so far", x.shape)
    print("a warning of mine", file=sys.stderr)
    print("to a stream held on to", file=held)
    warnings.warn("a warning")
    logging.getLogger("mine").warning("logged")
    import os
    os.write(2, b"below Python")
    os.system("echo from a child >&2")
    return x.sum(dim=1)
"""
HANGS = """
def line_gradient(x, y, w):
    while True:
        try:
            y = y + 1
        except:
            pass
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row_sums", "line_gradient", "points"),
    [
        (NOISY, HANGS, [2, 0]),
        (SUMS + "return x.sum(dim=0)", None, [0, 3]),
        ("def row_sums(x):\n    ...", "raise SystemExit", [0, 0]),
    ],
    ids=["noisy and right, then endless", "wrong, then right", "not started, then a cell that raises"],
)
def test_plain_nbgrader_gives_the_right_points(tmp_path, row_sums, line_gradient, points):
    """In a real kernel, by nbgrader's own rule: a line on stderr would cost all points, a wrong last value give them all."""
    import nbformat
    from nbclient import NotebookClient
    from nbgrader.utils import determine_grade

    there = student_folder(tmp_path)
    (there / "checks.py").write_text((there / "checks.py").read_text().replace("points=3", "time_limit_s=0.5,\n    points=3"))
    chapter = sample_chapter()
    notebook = nbformat.from_dict(chapter.notebook)
    answers = {"row_sums": row_sums, "line_gradient": line_gradient}
    for cell in notebook.cells:
        if cell.id == "setup":
            cell.source += NOISE
        if cell.id in answers:
            cell.source = answers[cell.id] or chapter.reference(cell.id)
    NotebookClient(notebook, allow_errors=True, timeout=60, resources={"metadata": {"path": str(there)}}).execute()
    checks = [cell for cell in notebook.cells if cell.id.startswith("check_")]
    assert [determine_grade(cell)[0] for cell in checks] == points
    for cell in checks:
        assert [output.output_type for output in cell.outputs] == ["execute_result"]
        assert set(cell.outputs[0].data) == {"text/plain", "text/html"}
