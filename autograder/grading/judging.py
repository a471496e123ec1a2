"""From observations to points: judge a run outside the student's kernel, and put the verdicts into the notebook.

Points come from the secret inputs. What the student is shown is judged on the public ones, which they have, so that feedback
repeats what their own notebook said and no secret input or expected value leaves the grader.
"""

from __future__ import annotations

import functools
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.compare import Layer
from autograder.deadline import PATIENCE
from autograder.exercise import Exercise
from autograder.golden import GOLDEN_NAME, Recorded, read_golden
from autograder.grading.execute import Question, Run, Work, execute
from autograder.grading.imports import imported_modules
from autograder.grading.probe_digest import probe_digest
from autograder.grading.rebuild import Malformed, Rebuilt, read_submission, rebuild
from autograder.kernels.settings import Limits, level_asked_for
from autograder.observation import Observation
from autograder.release.record import record_chapter
from autograder.release.source import Chapter, SourceError, load_chapter
from autograder.student.answering import pack_cases
from autograder.student.card import Card
from autograder.verdict import Verdict, could_not_check, judge

__all__ = [
    "Assignment",
    "How",
    "Result",
    "failed",
    "grade_rebuilt",
    "grade_submission",
    "in_short",
    "judge_exercise",
    "judge_run",
    "load_assignment",
    "malformed",
    "show_verdict",
    "work_for",
]


@dataclass(frozen=True)
class How:
    """How submissions are run: the isolation level, the limits of a kernel, of one cell of the student's and of a whole notebook
    in seconds, and whether the chapter's demonstration cells are left out (`answers_only`), which changes no points.
    """

    level: str = field(default_factory=level_asked_for)
    limits: Limits = field(default_factory=Limits)
    cell_limit_s: float = 60.0
    notebook_limit_s: float = 900.0
    answers_only: bool = False


@dataclass(frozen=True, eq=False)
class Assignment:
    """One chapter, ready to grade with: its released notebook and files, and the records on public and on secret inputs.

    `digest` tells whether a result was graded with the same notebook, checks and answers; `seed` drew the secret inputs.
    """

    chapter: Chapter
    released: NotebookNode
    files: dict[str, bytes]
    public: dict[str, Recorded]
    secret: dict[str, Recorded]
    digest: str
    seed: int
    how: How

    @property
    def name(self) -> str:
        return self.chapter.name

    @functools.cached_property
    def questions(self) -> dict[str, Question]:
        """What is asked at each check cell, by the cell's id."""
        return _questions(self.chapter, self.public, self.secret)

    @functools.cached_property
    def probes(self) -> dict[str, str]:
        """A hash of what is asked in each exercise: its inputs, and the code that observes; not of points, words or hints."""
        code = (self.chapter.folder / "checks.py").read_text(encoding="utf-8")
        asked = {question.exercise: question for question in self.questions.values()}
        return {name: probe_digest(code, name, asked[name]) for name in self.chapter.exercises}

    @functools.cached_property
    def imports(self) -> tuple[str, ...]:
        """The modules that the chapter's own code imports."""
        return imported_modules(self.released, self.files)


@dataclass(frozen=True, eq=False)
class Result:
    """One graded submission. `outcome` is 'graded', 'timed out', 'out of memory', 'killed', 'malformed' or 'failed' (the
    grader's own fault); `run` is what was seen of it, where it ran.
    """

    outcome: str
    detail: str
    notebook: NotebookNode
    verdicts: dict[str, Verdict]
    notes: list[str]
    seconds: float
    run: Run | None = None

    @property
    def points(self) -> int:
        return sum(verdict.points for verdict in self.verdicts.values())


def load_assignment(
    course: Path, chapter: str, release_folder: Path | None = None, seed: int | None = None, how: How | None = None
) -> Assignment:
    """Read a chapter and its release, and compute the reference on fresh secret inputs (or on those of `seed`).

    Raises `SourceError` when the chapter breaks a rule or its release is missing or out of date, `GoldenError` when its golden
    file is missing or damaged.
    """
    source = load_chapter(course.resolve(), chapter)
    folder = (release_folder or course / "notebooks") / chapter
    path = folder / f"{chapter}.ipynb"
    if not path.is_file():
        raise SourceError(f"{path} is missing: run `make release` first")
    released = nbformat.read(path, as_version=4)
    files = {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file != path and not {"__pycache__", ".ipynb_checkpoints"} & set(file.parts)
    }
    current = {name: source.folder / name for name in files if (source.folder / name).is_file()}
    stale = [name for name, file in current.items() if file.read_bytes() != files[name] and name != GOLDEN_NAME]
    if stale or _grading(released) != _grading(source.notebook):
        names = ", ".join(stale) or path.name
        raise SourceError(f"{folder} is not what solutions/{chapter} makes ({names}): run `make release` first")
    seed = secrets.randbits(62) if seed is None else seed
    digest = _digest(source, path.read_bytes(), files)
    return Assignment(
        source, released, files, read_golden(folder / GOLDEN_NAME), record_chapter(source, seed), digest, seed, how or How()
    )


def _grading(notebook: NotebookNode) -> dict[str, float | None]:
    """The ids of the notebook's grading cells, with their points."""
    about = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    return {one.grade_id: one.get("points") for one in about if one.get("grade") or one.get("solution")}


def _digest(source: Chapter, released: bytes, files: dict[str, bytes]) -> str:
    digest = hashlib.sha256(released)
    for data in [*files.values(), *((source.folder / name).read_bytes() for name in (f"{source.name}.ipynb", "answers.py"))]:
        digest.update(hashlib.sha256(data).digest())
    return digest.hexdigest()


def grade_submission(assignment: Assignment, data: bytes, note: str = "") -> Result:
    """Grade the bytes of a submitted notebook; `note` is told with the verdicts. Never raises for anything in them."""
    try:
        rebuilt = rebuild(assignment.released, read_submission(data))
    except Malformed as error:
        return malformed(assignment, str(error))
    return grade_rebuilt(assignment, Rebuilt(rebuilt.notebook, [*filter(None, [note]), *rebuilt.notes]))


def grade_rebuilt(assignment: Assignment, rebuilt: Rebuilt) -> Result:
    """Run a rebuilt notebook and judge it."""
    return judge_run(assignment, rebuilt.notes, execute(work_for(assignment, rebuilt.notebook), assignment.how.level))


def work_for(assignment: Assignment, notebook: NotebookNode) -> Work:
    """What is to be run for a rebuilt notebook, as data: nothing in it names a student or a place."""
    how = assignment.how
    return Work(
        notebook, assignment.files, assignment.questions, how.cell_limit_s, how.notebook_limit_s, how.limits,
        _demonstrations(notebook) if how.answers_only else frozenset(), assignment.imports,
    )  # fmt: skip


def judge_run(assignment: Assignment, notes: list[str], run: Run) -> Result:
    """Judge what a run showed; `notes` are what was said when the notebook was rebuilt."""
    trouble = run.detail if run.outcome == "failed" else _own_error(run.notebook)
    if trouble:
        return failed(assignment, trouble, run.notebook)
    notes = notes + ([f"The run was disturbed ({run.outcome}): {run.detail}."] if run.outcome != "graded" else [])
    verdicts = {name: judge_exercise(assignment, name, notes, run) for name in assignment.chapter.exercises}
    _write_verdicts(run.notebook, verdicts, notes)
    return Result(run.outcome, run.detail, run.notebook, verdicts, notes, run.seconds, run)


def judge_exercise(assignment: Assignment, name: str, notes: list[str], run: Run) -> Verdict:
    """The verdict on one exercise of a run."""
    return _noted(_verdict(assignment, assignment.chapter.exercises[name], run), notes)


def _demonstrations(notebook: NotebookNode) -> frozenset[str]:
    """The ids of the code cells that no answer and no check needs: an exercise sees the names of `setup` and of answers only."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.id != "setup"]
    return frozenset(cell.id for cell in cells if not cell.metadata.get("nbgrader"))


def _noted(verdict: Verdict, notes: list[str]) -> Verdict:
    """Add what was said about the exercise's own cell and, where it did not pass, about the notebook as a whole."""
    own = [note for note in notes if f"`{verdict.exercise}`" in note]
    general = [] if verdict.passed else [note for note in notes if not note.startswith("The cell `")]
    return replace(verdict, note=" ".join([*own, *general]))


def malformed(assignment: Assignment, reason: str) -> Result:
    """The result of a submission that could not be read: no points, and the reason where instructor and student will look."""
    return _unjudged(assignment, "malformed", reason, f"The submission could not be read: {reason}.", assignment.released)


def failed(assignment: Assignment, reason: str, notebook: NotebookNode | None = None) -> Result:
    """The result where the grader itself failed: no points yet, to be graded again."""
    text = f"The grader itself failed, it is no fault of the submission: {reason}. It will be graded again."
    return _unjudged(assignment, "failed", reason, text, notebook or assignment.released)


def _unjudged(assignment: Assignment, outcome: str, reason: str, text: str, notebook: NotebookNode) -> Result:
    notebook = nbformat.from_dict(notebook)
    verdicts = {name: could_not_check(exercise, text) for name, exercise in assignment.chapter.exercises.items()}
    verdicts = {name: replace(verdict, next_step="") for name, verdict in verdicts.items()}
    _write_verdicts(notebook, verdicts, [text])
    return Result(outcome, reason, notebook, verdicts, [text], 0.0)


def _questions(chapter: Chapter, public: dict[str, Recorded], secret: dict[str, Recorded]) -> dict[str, Question]:
    return {
        f"check_{name}": Question(
            name,
            (pack_cases(public[name].cases), pack_cases(secret[name].cases)),
            PATIENCE * exercise.time_limit_s * len(secret[name].cases),
        )
        for name, exercise in chapter.exercises.items()
    }


def _verdict(assignment: Assignment, exercise: Exercise, run: Run) -> Verdict:
    """Points by the secret inputs, words by the public ones."""
    raised = _cell_error(run.notebook, exercise.name)
    answers: Sequence[list[Observation]] = run.observations.get(exercise.name, [])
    if len(answers) != 2 or not all(answers):
        reason = run.troubles.get(exercise.name) or run.detail or "the code did not let it speak"
        return could_not_check(exercise, raised or f"The check gave no answer: {reason}.")
    shown = judge(exercise, assignment.public[exercise.name], answers[0])
    decided = judge(exercise, assignment.secret[exercise.name], answers[1])
    if raised and shown.layer == Layer.NOT_STARTED.title:  # that would be half the truth
        return replace(shown, layer=Layer.RAISED.title, got=raised, cause="The cell did not run to its end.")
    # Wrong on the public inputs is wrong: a pass on others by chance earns nothing.
    if decided.passed or not shown.passed:
        return shown
    known = f"{decided.cause} " if decided.mistake else ""  # other words may quote values
    return replace(
        decided,
        checked=exercise.checked,
        expected="the same rule, on inputs that the notebook does not show",
        got="something else",
        cause=f"{known}It passes on the inputs in the notebook, but not on fresh ones of the same kind.",
        picture=None,
        printed="",
    )


def _cell_error(notebook: NotebookNode, cell_id: str) -> str:
    """The error that the answer's own cell ended in, in a sentence; '' where it ran to its end."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []) if cell.get("id") == cell_id else []:
            if output.output_type == "error":
                return f"The cell itself raised {output.ename}: {output.evalue[:300]}"
    return ""


def _own_error(notebook: NotebookNode) -> str:
    """The error of a cell of ours that ran before anything of the student's did: no fault of the submission; '' without one."""
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            return ""
        error = _cell_error(notebook, cell.get("id", ""))
        if error and "raises-exception" not in cell.metadata.get("tags", []):
            return f"{cell.get('id')}: {error}"
    return ""


def _write_verdicts(notebook: NotebookNode, verdicts: dict[str, Verdict], notes: list[str]) -> None:
    """Give each check cell its verdict as output, as nbgrader's scoring reads it, and note what the report needs."""
    for cell in notebook.cells:
        name = str(cell.get("id", "")).removeprefix("check_")
        if cell.cell_type == "code" and name in verdicts and cell.get("id") != name:
            show_verdict(cell, verdicts[name])
    notebook.metadata["autograder"] = {
        "notes": notes,
        "verdicts": {name: in_short(verdict) for name, verdict in verdicts.items()},
    }


def show_verdict(cell: NotebookNode, verdict: Verdict) -> None:
    """Make a verdict the output of its check cell, as nbgrader's scoring reads it."""
    bundle = Card(verdict)._repr_mimebundle_()
    cell.outputs = [nbformat.v4.new_output("execute_result", data=bundle, execution_count=1)]
    cell.execution_count = 1


def in_short(verdict: Verdict) -> dict[str, object]:
    """What the class report needs of a verdict."""
    return {"points": verdict.points, "layer": verdict.layer, "mistake": verdict.mistake}
