"""`check("exercise")`: run the probe on the student's answer, compare with the golden file, show the verdict."""

from __future__ import annotations

import difflib
import functools
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from autograder.exercise import CheckFileError, Exercise, load_checks
from autograder.golden import GOLDEN_NAME, GoldenError, Recorded, read_golden
from autograder.observation import clean_text
from autograder.probing import run_probe
from autograder.student.card import Card, ProgressTable
from autograder.student.chapter_folder import ChapterNotFound, find_chapter_folder, unsaved_note
from autograder.verdict import NOT_CHECKED, Verdict, could_not_check, judge

__all__ = ["check", "progress"]


def check(exercise: str = "", *, hint: int = 1, namespace: Mapping[str, Any] | None = None, folder: Path | None = None) -> Card:
    """Check one exercise and return its verdict as a card.

    `hint` shows that many rungs of hints. `namespace` is where the answer is looked up (default: the notebook's names),
    `folder` where the chapter's checks.py and golden file stand (default: beside the notebook).
    Never raises for anything in the answer or the arguments: what is wrong is told in the card, for 0 points. As the last
    expression of a check cell its text/plain is the bare number of points, as nbgrader's scoring asks.
    """
    if not isinstance(exercise, str):
        given = getattr(exercise, "__name__", "")  # a function handed over instead of its name
        name = clean_text(given, 100) if isinstance(given, str) and given else "name"
        return Card(_not_checkable(name, "A check takes the exercise's name as text.", f'Write it in quotes: `check("{name}")`.'))
    try:
        place = folder or find_chapter_folder()
        exercises, golden = _chapter(*_versions(place))
    except ChapterNotFound as error:
        return Card(_not_checkable(exercise, "This notebook's chapter was not found.", str(error)))
    except (CheckFileError, GoldenError) as error:
        return Card(_not_checkable(exercise, "The chapter's files are incomplete.", str(error)))
    if exercise not in exercises:
        return Card(_unknown(exercise, list(exercises)))
    if exercise not in golden:
        reason = f"checks.py knows this exercise, {GOLDEN_NAME} does not: the two are of different versions."
        return Card(_not_checkable(exercise, reason, "Copy both again from the course's notebooks/ folder."))
    namespace = _notebook_names() if namespace is None else namespace
    verdict = _verdict(exercises[exercise], golden[exercise], namespace, hint)
    return Card(replace(verdict, page=f"{place.resolve().name}.html#{exercise}"))


def progress(*, namespace: Mapping[str, Any] | None = None, folder: Path | None = None) -> ProgressTable:
    """Check every exercise of the chapter now, and return a table of what is done, what is not, and the points so far."""
    try:
        exercises, golden = _chapter(*_versions(folder or find_chapter_folder()))
    except (ChapterNotFound, CheckFileError, GoldenError) as error:
        return ProgressTable([], str(error))
    namespace = _notebook_names() if namespace is None else namespace
    return ProgressTable([_verdict(one, golden[name], namespace, 1) for name, one in exercises.items() if name in golden])


def _verdict(exercise: Exercise, recorded: Recorded, namespace: Mapping[str, Any], hint: int) -> Verdict:
    rungs = hint if isinstance(hint, int) and hint >= 1 else 1
    try:
        verdict = judge(exercise, recorded, run_probe(exercise, namespace, recorded.cases), hint=rungs)
    except Exception as error:  # neither the answer nor the arguments can cause this
        fault = f"A fault of the course, not yours: {type(error).__name__}: {error}"
        return replace(could_not_check(exercise, fault), next_step="Restart the kernel and try again; then tell your instructor.")
    if verdict.passed:
        return replace(verdict, note=unsaved_note(namespace[name] for name in exercise.asks if name in namespace))
    return verdict


def _versions(folder: Path) -> tuple[Path, tuple[float, ...]]:
    """The folder, and when its files last changed: what is read from them is kept until they do."""
    paths = (folder / "checks.py", folder / GOLDEN_NAME)
    return folder, tuple(path.stat().st_mtime if path.exists() else 0.0 for path in paths)


@functools.lru_cache(maxsize=8)
def _chapter(folder: Path, versions: tuple[float, ...]) -> tuple[dict[str, Exercise], dict[str, Recorded]]:
    return load_checks(folder), read_golden(folder / GOLDEN_NAME)


def _notebook_names() -> dict[str, Any]:
    """The names of the running notebook; outside IPython those of `__main__`."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    names: dict[str, Any] = shell.user_ns if shell else vars(sys.modules["__main__"])
    return names


def _unknown(name: str, known: list[str]) -> Verdict:
    name = clean_text(name, 100)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known
    calls = ", ".join(f'`check("{one}")`' for one in near)
    return _not_checkable(name, "This chapter has no exercise of that name.", f"Did you mean {calls}?")


def _not_checkable(name: str, reason: str, next_step: str) -> Verdict:
    return Verdict(
        exercise=name, passed=False, points=0, max_points=0, layer=NOT_CHECKED, checked="", got=reason, next_step=next_step
    )
