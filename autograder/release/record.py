"""Run the reference, the stub and the wrong answers of a chapter on given inputs, and record what they show.

Only code of solutions/ runs here, never a student's. Release does it once on public inputs, the grader once a run on secret ones.
"""

from __future__ import annotations

import zlib
from typing import Any

import torch

from autograder.exercise import Case, Exercise
from autograder.golden import Mistake, Recorded
from autograder.observation import ErrorSeen, Observation
from autograder.probing import run_probe
from autograder.release.source import Chapter, SourceError

__all__ = ["PUBLIC_SEED", "draw_cases", "observe_code", "record_chapter", "record_exercise"]

PUBLIC_SEED = 2017  # the year of the lecture


def draw_cases(exercise: Exercise, seed: int) -> list[Case]:
    """The exercise's cases on inputs drawn from `seed`; exercises draw independently of one another."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + zlib.crc32(exercise.name.encode())) % 2**63)
    return exercise.cases(generator)


def observe_code(chapter: Chapter, exercise: Exercise, code: str, cases: list[Case]) -> list[Observation]:
    """What the probe observes when `code` stands in the solution cell; code that does not even run is observed as its error."""
    try:
        names: dict[str, Any] = chapter.namespace(code)
    except Exception as error:
        raise SourceError(f"{chapter.name}: an answer to {exercise.name} does not run: {error}\n{code}") from error
    return run_probe(exercise, names, cases)


def record_exercise(chapter: Chapter, name: str, seed: int) -> Recorded:
    """Record one exercise. Raises `SourceError` if the reference itself fails where it should not."""
    exercise = chapter.exercises[name]
    cases = draw_cases(exercise, seed)
    expected = observe_code(chapter, exercise, chapter.reference(name), cases)
    for case, seen in zip(cases, expected, strict=True):
        if isinstance(seen.value, ErrorSeen) and seen.value.type in ("NameError", "SyntaxError", "AnswerTimeout"):
            raise SourceError(f"{chapter.name}: the reference of {name} raised on {case.label}: {seen.value}")
    return Recorded(
        cases=cases,
        expected=expected,
        stub=observe_code(chapter, exercise, chapter.stub(name), cases),
        mistakes=[
            Mistake(wrong.name, wrong.says, wrong.hint, observe_code(chapter, exercise, codes[0], cases))
            for wrong, codes in chapter.wrong_codes(name)
        ],
    )


def record_chapter(chapter: Chapter, seed: int) -> dict[str, Recorded]:
    """Record every exercise of the chapter on inputs drawn from `seed`."""
    return {name: record_exercise(chapter, name, seed) for name in chapter.exercises}
