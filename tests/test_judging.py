"""Judging: points come from secret inputs and are formed outside the student's process; words from the public ones."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from small_class import (
    CHAPTER,
    RIGHT,
    answered,
    as_bytes,
    cell_of,
    position_of,
    release_fast,
    run_in_process,
    source_path,
    student_edition,
    write_sources,
)

from autograder.golden import GOLDEN_NAME, GoldenError
from autograder.grading import judging
from autograder.grading.execute import Run, Work
from autograder.grading.judging import Assignment, Result, grade_submission, load_assignment
from autograder.observation import NumberSeen, Observation, OtherSeen, TensorSeen, TextSeen
from autograder.release.source import SourceError

ZERO = {"row_sums": 0, "largest": 0, "shares": 0}
FULL = {"row_sums": 2, "largest": 3, "shares": 5}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return release_fast(write_sources(tmp_path_factory.mktemp("judging")))


@pytest.fixture(scope="module")
def assignment(course: Path) -> Assignment:
    return load_assignment(course, CHAPTER)


@pytest.fixture(autouse=True)
def no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "execute", run_in_process)


def graded(assignment: Assignment, **answers: str) -> Result:
    return grade_submission(assignment, as_bytes(answered(student_edition(), **(RIGHT | answers))))


def points(result: Result) -> dict[str, int]:
    return {name: verdict.points for name, verdict in result.verdicts.items()}


def shown(result: Result) -> str:
    return json.dumps(result.notebook)


class TestPoints:
    def test_right_answers_earn_all_points(self, assignment: Assignment) -> None:
        assert points(graded(assignment)) == FULL

    def test_a_wrong_answer_costs_its_own_points_and_is_named(self, assignment: Assignment) -> None:
        result = graded(assignment, row_sums="def row_sums(x):\n    return x.sum(0)")
        assert points(result) == FULL | {"row_sums": 0}
        assert result.verdicts["row_sums"].mistake == "sums_columns"

    def test_a_helper_in_another_answer_cell_works(self, assignment: Assignment) -> None:
        helper = "def total(x):\n    return x.sum(1, keepdim=True)\n\n" + RIGHT["row_sums"]
        assert points(graded(assignment, row_sums=helper, shares="def shares(x):\n    return x / total(x)")) == FULL

    def test_knowing_the_public_results_earns_nothing(self, assignment: Assignment) -> None:
        public = [seen.value.value for seen in assignment.public["largest"].expected if isinstance(seen.value, NumberSeen)]
        learned = f"_known = iter({public})\ndef largest(x):\n    return next(_known, 0.0)"
        verdict = graded(assignment, largest=learned).verdicts["largest"]
        assert verdict.points == 0
        assert "not on fresh ones" in verdict.cause

    def test_passing_on_the_secret_inputs_alone_earns_nothing(self, assignment: Assignment) -> None:
        late = "_calls = []\ndef largest(x):\n    _calls.append(1)\n    return float(x.max()) if len(_calls) > 3 else 0.0"
        assert graded(assignment, largest=late).verdicts["largest"].points == 0

    @pytest.mark.parametrize(
        "answer",
        [
            "class Equal:\n    def __eq__(self, other): return True\ndef largest(x): return Equal()",
            "class Passed:\n    passed, points, layer, mistake = True, 3, '', ''\ndef largest(x): return Passed()",
            "from autograder.verdict import Verdict\ndef largest(x): return Verdict('largest', True, 3, 3, '', '')",
            "from autograder.observation import Nothing, Observation\ndef largest(x): return Observation(Nothing())",
            "class Big(float):\n    def __eq__(self, other): return True\ndef largest(x): return Big(0)",
            "def largest(x): return float('nan')",
            "def largest(x): return 3",
        ],
        ids=["equal to all", "like a verdict", "a verdict", "an observation", "a float subclass", "nan", "points"],
    )
    def test_an_object_that_pretends_earns_nothing(self, assignment: Assignment, answer: str) -> None:
        assert points(graded(assignment, largest=answer)) == FULL | {"largest": 0}

    @pytest.mark.parametrize(
        "claim",
        [
            [],
            [Observation(TextSeen("passed"))] * 3,
            [Observation(OtherSeen("Verdict"))] * 3,
            [Observation(NumberSeen(3))],
            [Observation(NumberSeen(0.5))] * 3000,
        ],
        ids=["nothing", "text", "object", "too few", "too many"],
    )
    def test_a_forged_observation_earns_nothing(
        self, assignment: Assignment, monkeypatch: pytest.MonkeyPatch, claim: list[Observation]
    ) -> None:
        monkeypatch.setattr(judging, "execute", lambda work, level: Run("graded", work.notebook, {"largest": [claim, claim]}))
        assert points(graded(assignment)) == ZERO


class TestWords:
    def test_the_verdict_shown_is_the_one_on_public_inputs(self, assignment: Assignment) -> None:
        verdict = graded(assignment, largest="def largest(x):\n    return float(x.min())").verdicts["largest"]
        (expected,) = {verdict.expected} - {""}
        public = assignment.public["largest"].expected[0].value
        assert isinstance(public, NumberSeen)
        assert f"{public.value:.6g}" in expected

    def test_no_secret_value_is_shown_even_if_the_answer_prints_it(self, assignment: Assignment) -> None:
        body = "print(x)\n    _calls.append(1)\n    return float(x.max()) if len(_calls) < 4 else 0."
        answer = f"_calls = []\ndef largest(x):\n    {body}"
        text = shown(graded(assignment, largest=answer))
        values = [case.inputs["x"] for case in assignment.secret["largest"].cases]
        numbers = {f"{float(number):.4f}"[1:] for x in values for number in x.flatten()}
        assert "not on fresh ones" in text
        assert not [number for number in numbers if number in text.replace(" ", "")]

    def test_the_error_of_the_answers_own_cell_is_told(self, assignment: Assignment) -> None:
        verdict = graded(assignment, largest="import nowhere\n" + RIGHT["largest"]).verdicts["largest"]
        assert verdict.got == "The cell itself raised ModuleNotFoundError: No module named 'nowhere'"

    def test_untouched_cells_are_told_as_not_started(self, assignment: Assignment) -> None:
        result = grade_submission(assignment, as_bytes(student_edition()))
        assert {verdict.title for verdict in result.verdicts.values()} == {"not started"}
        assert points(result) == ZERO

    def test_a_note_about_a_cell_stands_in_its_verdict_alone(self, assignment: Assignment) -> None:
        notebook = answered(student_edition(), **RIGHT)
        del notebook.cells[position_of(notebook, "largest")]
        result = grade_submission(assignment, as_bytes(notebook))
        assert "was not found in the submission" in result.verdicts["largest"].note
        assert result.verdicts["row_sums"].note == ""

    def test_each_check_cell_shows_its_card_and_the_bare_number_nbgrader_reads(self, assignment: Assignment) -> None:
        (output,) = cell_of(graded(assignment).notebook, "check_shares").outputs
        assert output.output_type == "execute_result"
        assert output.data["text/plain"] == "5"
        assert "Verdict: shares, passed" in output.data["text/html"]

    def test_no_reference_code_and_no_packed_inputs_are_in_the_notebook(self, assignment: Assignment) -> None:
        text = shown(graded(assignment))
        assert "keepdim=True)" in text  # the student's own
        assert "x.max().item()" not in text
        assert "model answer" not in text
        assert not [one for question in assignment.questions.values() for one in question.packed if one in text]


class TestWithoutAResult:
    def test_a_file_that_is_no_notebook_gets_its_reason_on_every_check(self, assignment: Assignment) -> None:
        result = grade_submission(assignment, b"%PDF")
        assert result.outcome == "malformed"
        assert points(result) == ZERO
        assert all("could not be read" in verdict.got for verdict in result.verdicts.values())

    def test_a_grader_that_fails_says_it_is_not_the_students_fault(
        self, assignment: Assignment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(judging, "execute", lambda work, level: Run("failed", work.notebook, {}, detail="no kernel started"))
        result = graded(assignment)
        assert (result.outcome, result.detail) == ("failed", "no kernel started")
        assert "no fault of the submission" in result.verdicts["largest"].got

    def test_an_error_in_a_cell_of_ours_above_all_answers_is_the_graders_fault(
        self, assignment: Assignment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def without_torch(work: Work, level: str) -> Run:
            cell_of(work.notebook, "setup").source = "import no_torch_here"
            return run_in_process(work)

        monkeypatch.setattr(judging, "execute", without_torch)
        result = graded(assignment)
        assert result.outcome == "failed"
        assert "setup: The cell itself raised ModuleNotFoundError" in result.detail

    def test_an_exercise_without_an_answer_tells_why_and_the_others_count(
        self, assignment: Assignment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stuck(work: Work, level: str) -> Run:
            run = run_in_process(work)
            del run.observations["largest"]
            return replace(run, outcome="timed out", detail="it hung", troubles={"largest": "it hung in the check"})

        monkeypatch.setattr(judging, "execute", stuck)
        result = graded(assignment)
        assert points(result) == FULL | {"largest": 0}
        assert "it hung in the check" in result.verdicts["largest"].got
        assert "The run was disturbed (timed out): it hung." in result.verdicts["largest"].note
        assert result.verdicts["shares"].note == ""


class TestLoading:
    def test_each_run_has_secret_inputs_of_its_own(self, course: Path, assignment: Assignment) -> None:
        again = load_assignment(course, CHAPTER)
        one, other, public = (a["largest"].expected[0].value for a in (again.secret, assignment.secret, assignment.public))
        assert len({value.value for value in (one, other, public) if isinstance(value, NumberSeen)}) == 3

    def test_the_same_seed_gives_the_same_inputs(self, course: Path) -> None:
        one, other = (load_assignment(course, CHAPTER, seed=5).secret["row_sums"].expected[0].value for _ in range(2))
        assert isinstance(one, TensorSeen)
        assert isinstance(other, TensorSeen)
        assert one.values.equal(other.values)

    def test_a_chapter_that_was_not_released_says_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="run `make release` first"):
            load_assignment(write_sources(tmp_path), CHAPTER)

    @pytest.mark.parametrize("what", ["checks.py", "points"])
    def test_a_release_older_than_its_source_says_what_to_do(self, tmp_path: Path, what: str) -> None:
        course = release_fast(write_sources(tmp_path))
        if what == "checks.py":
            path = source_path(course).with_name("checks.py")
            path.write_text(path.read_text() + "# another rule\n")
        else:
            path = course / "notebooks" / CHAPTER / f"{CHAPTER}.ipynb"
            path.write_text(path.read_text().replace('"points": 5', '"points": 50'))
        with pytest.raises(SourceError, match="run `make release` first"):
            load_assignment(course, CHAPTER)

    def test_a_damaged_golden_file_says_what_to_do(self, tmp_path: Path) -> None:
        course = release_fast(write_sources(tmp_path))
        (course / "notebooks" / CHAPTER / GOLDEN_NAME).write_bytes(b"nothing")
        with pytest.raises(GoldenError, match="make release"):
            load_assignment(course, CHAPTER)

    def test_another_edition_of_the_chapter_has_another_digest(self, tmp_path: Path, assignment: Assignment) -> None:
        course = release_fast(write_sources(tmp_path))
        same = load_assignment(course, CHAPTER).digest
        path = source_path(course).with_name("answers.py")
        path.write_text(path.read_text().replace("You took the mean.", "That is the mean."))
        assert same == assignment.digest != load_assignment(course, CHAPTER).digest


def test_packed_inputs_are_plain_data(assignment: Assignment) -> None:
    (public, secret) = assignment.questions["check_shares"].packed
    assert public != secret
    assert b"pickle" not in base64.b64decode(secret)
