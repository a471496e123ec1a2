"""What the tests of the core share: the sample course as a student has it, answers to check, and one-probe exercises."""

from __future__ import annotations

import linecache
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st

from autograder.exercise import Case, Exercise, Rules, exercise
from autograder.golden import GOLDEN_NAME, Recorded, golden_bytes
from autograder.observation import (
    Dots,
    ErrorSeen,
    NumberSeen,
    Observation,
    OtherSeen,
    SequenceSeen,
    TextSeen,
    observe,
)  # fmt: skip
from autograder.probing import run_probe
from autograder.release.record import PUBLIC_SEED, record_chapter
from autograder.release.source import Chapter, load_chapter
from autograder.verdict import Verdict, judge

torch.set_num_threads(1)  # small tensors: several threads only wait for one another

COURSE = Path(__file__).parent / "sample_course"
CHAPTER = "01_sample"


def sample_chapter() -> Chapter:
    return load_chapter(COURSE, CHAPTER)


def student_folder(parent: Path) -> Path:
    """The sample chapter's folder as a student gets it: checks.py and golden file."""
    folder = parent / CHAPTER
    folder.mkdir()
    chapter = sample_chapter()
    shutil.copy(chapter.folder / "checks.py", folder)
    (folder / GOLDEN_NAME).write_bytes(golden_bytes(CHAPTER, record_chapter(chapter, PUBLIC_SEED)))
    return folder


def names_after(code: str) -> dict[str, Any]:
    """What a notebook holds after a cell with `code` was run; errors can quote its lines, as in a notebook."""
    file = f"/notebook/cell_{abs(hash(code))}.py"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    names: dict[str, Any] = {"torch": torch}
    exec(compile(code, file, "exec"), names)
    return names


def one_probe(
    probe: Callable[..., Any] | None = None, *cases: Case, rules: Rules | None = None, returns: tuple[str, ...] = (),
    time_limit_s: float = 10.0,
) -> Exercise:  # fmt: skip
    """An exercise `f` whose probe calls the answer's `f`, on given cases (by default one without inputs)."""

    def f(answer: Any, **inputs: Any) -> Any:
        return answer.f(**inputs)

    made: Exercise = exercise(
        cases=lambda generator: list(cases) or [Case("no input")],
        points=1, minutes=1, difficulty=1, importance=1, checked="What f gives.",
        hints=("First rung.", "Second rung.", "Third rung."), why="Because.", variant="Another.",
        asks=("f",), returns=returns, rules=rules, time_limit_s=time_limit_s,
    )(probe or f)  # fmt: skip
    return made


def observed(answer: Any, **settings: Any) -> Observation:
    """What a check sees of an answer `f` without inputs."""
    made = one_probe(**settings)
    return run_probe(made, {"f": answer}, [Case("no input")])[0]


def seen(value: Any) -> Observation:
    """What a check sees of a function that returns `value`."""
    return Observation(observe(value))


def verdict_on(expected: Any, got: Any, rules: Rules | None = None, returns: tuple[str, ...] = (), **inputs: Any) -> Verdict:
    """The verdict where the reference returned `expected` and the student's answer `got`, on these inputs."""
    recorded = Recorded([Case("the only case", **inputs)], [seen(expected)], [], [])
    return judge(one_probe(rules=rules, returns=returns), recorded, [seen(got)])


TENSORS = [
    torch.tensor([1.0, math.nan]), torch.tensor(1), torch.tensor([[True]]), torch.tensor([1j, 2]), torch.ones(3, 3),
    torch.ones(0), torch.ones(2, device="meta"),
]  # fmt: skip
# Whatever can stand in an observation that arrives.
records = st.recursive(
    st.one_of(
        st.builds(NumberSeen, st.integers(-(2**63), 2**63 - 1) | st.floats() | st.booleans()),
        st.builds(TextSeen, st.text(max_size=5)),
        st.builds(OtherSeen, st.text(max_size=3)),
        st.builds(ErrorSeen, st.sampled_from(["ValueError", "AnswerTimeout"]), st.text(max_size=8)),
        st.just(Dots()),
        st.sampled_from(TENSORS).map(observe),
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: SequenceSeen("list", tuple(items))),
)
