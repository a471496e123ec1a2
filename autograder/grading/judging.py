"""From observations to points: judge a run outside the student's kernel, and put the verdicts into the notebook.

Points come from the secret inputs. What the student is shown is judged on the public ones, which they have, so that feedback repeats
what their own notebook said and no secret input or expected value leaves the grader.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.exercise import Exercise
from autograder.golden import GOLDEN_NAME, Recorded, read_golden
from autograder.grading.execute import Question, Run, Work, execute
from autograder.grading.inside import pack_cases
from autograder.grading.rebuild import Malformed, Rebuilt, read_submission, rebuild
from autograder.observation import Observation
from autograder.release.record import record_chapter
from autograder.release.source import Chapter, load_chapter
from autograder.student.card import Card
from autograder.verdict import Verdict, could_not_check, judge

__all__ = ["Assignment", "Result", "grade_submission", "load_assignment"]


@dataclass(frozen=True, eq=False)
class Assignment:
    """One chapter, ready to grade with: its released notebook and files, and the records on public and on secret inputs."""

    chapter: Chapter
    released: NotebookNode
    files: dict[str, bytes]
    public: dict[str, Recorded]
    secret: dict[str, Recorded]


@dataclass(frozen=True, eq=False)
class Result:
    """One graded submission. `outcome` is 'graded', 'timed out', 'killed', 'malformed' or 'failed' (the grader's own fault)."""

    outcome: str
    detail: str
    notebook: NotebookNode
    verdicts: dict[str, Verdict]
    notes: list[str]
    seconds: float

    @property
    def points(self) -> int:
        return sum(verdict.points for verdict in self.verdicts.values())


def load_assignment(course: Path, chapter: str, release_folder: Path | None = None, seed: int | None = None) -> Assignment:
    """Read a chapter and its release, and compute the reference on fresh secret inputs (or on those of `seed`).

    Raises `GoldenError` or `FileNotFoundError` when the chapter has not been released.
    """
    source = load_chapter(course.resolve(), chapter)
    folder = (release_folder or course / "notebooks") / chapter
    released = folder / f"{chapter}.ipynb"
    if not released.is_file():
        raise FileNotFoundError(f"{released} is missing: run `make release` first")
    return Assignment(
        chapter=source,
        released=nbformat.read(released, as_version=4),
        files={
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path != released and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts)
        },
        public=read_golden(folder / GOLDEN_NAME),
        secret=record_chapter(source, secrets.randbits(62) if seed is None else seed),
    )


def grade_submission(assignment: Assignment, data: bytes) -> Result:
    """Grade the bytes of a submitted notebook. Never raises for anything in them."""
    try:
        rebuilt = rebuild(assignment.released, read_submission(data))
    except Malformed as error:
        return malformed(assignment, str(error))
    return grade_rebuilt(assignment, rebuilt)


def grade_rebuilt(assignment: Assignment, rebuilt: Rebuilt) -> Result:
    """Run a rebuilt notebook and judge it."""
    run = execute(Work(rebuilt.notebook, assignment.files, _questions(assignment)))
    notes = rebuilt.notes + ([f"The run ended early: {run.outcome}, {run.detail}."] if run.outcome != "graded" else [])
    verdicts = {name: _verdict(assignment, exercise, run) for name, exercise in assignment.chapter.exercises.items()}
    for name, verdict in verdicts.items():
        mentioned = [note for note in notes if f"`{name}`" in note or note.startswith("The run")]
        if mentioned:
            verdicts[name] = replace(verdict, note=" ".join(mentioned))
    _write_verdicts(run.notebook, verdicts, notes)
    return Result(run.outcome, run.detail, run.notebook, verdicts, notes, run.seconds)


def malformed(assignment: Assignment, reason: str) -> Result:
    """The result of a submission that could not be read: no points, and the reason where instructor and student will look."""
    notebook = nbformat.from_dict(assignment.released)
    verdicts = {
        name: could_not_check(exercise, f"The submission could not be read: {reason}.")
        for name, exercise in assignment.chapter.exercises.items()
    }
    _write_verdicts(notebook, verdicts, [f"The submission could not be read: {reason}."])
    return Result("malformed", reason, notebook, verdicts, [], 0.0)


def _questions(assignment: Assignment) -> dict[str, Question]:
    return {
        f"check_{name}": Question(
            name,
            (pack_cases(assignment.public[name].cases), pack_cases(assignment.secret[name].cases)),
            exercise.time_limit_s * len(assignment.secret[name].cases),
        )
        for name, exercise in assignment.chapter.exercises.items()
    }


def _verdict(assignment: Assignment, exercise: Exercise, run: Run) -> Verdict:
    """Points by the secret inputs, words by the public ones."""
    answers: Sequence[list[Observation]] = run.observations.get(exercise.name, [])
    if len(answers) != 2 or not all(answers):
        return could_not_check(exercise, "The check gave no answer: the kernel had ended, or the code did not let it speak.")
    shown = judge(exercise, assignment.public[exercise.name], answers[0])
    decided = judge(exercise, assignment.secret[exercise.name], answers[1])
    if decided.passed == shown.passed:
        return _with_cell_error(shown, exercise, run.notebook)
    if decided.passed:
        # Wrong on the public inputs is wrong: a pass on others by chance earns nothing.
        return _with_cell_error(shown, exercise, run.notebook)
    return replace(
        decided, expected="the same rule on inputs that the notebook does not show", got="something else", picture=None,
        cause=f"{decided.cause} It passes on the inputs in the notebook, but not on fresh ones of the same kind.",
    )  # fmt: skip


def _with_cell_error(verdict: Verdict, exercise: Exercise, notebook: NotebookNode) -> Verdict:
    """Where the answer's own cell raised, 'not started' would be untrue: tell the error instead."""
    if verdict.layer != "not started":
        return verdict
    for cell in notebook.cells:
        if cell.get("id") == exercise.name:
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    got = f"The cell itself raised {output.ename}: {output.evalue[:300]}"
                    return replace(
                        verdict, layer="raised", got=got, cause="The cell did not run to its end, so nothing was defined."
                    )
    return verdict


def _write_verdicts(notebook: NotebookNode, verdicts: dict[str, Verdict], notes: list[str]) -> None:
    """Give each check cell its verdict as output, as nbgrader's scoring reads it, and note what the report needs."""
    for cell in notebook.cells:
        name = str(cell.get("id", "")).removeprefix("check_")
        if cell.cell_type == "code" and name in verdicts and cell.get("id") != name:
            bundle = Card(verdicts[name])._repr_mimebundle_()
            cell.outputs = [nbformat.v4.new_output("execute_result", data=bundle, execution_count=1)]
            cell.execution_count = 1
    notebook.metadata["autograder"] = {
        "notes": notes,
        "verdicts": {n: {"points": v.points, "layer": v.layer, "mistake": v.mistake} for n, v in verdicts.items()},
    }
