"""The kill matrix: every reference, stub, wrong and right answer judged, on public and on fresh inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from autograder.compare import Layer
from autograder.golden import Recorded
from autograder.release.record import PUBLIC_SEED, observe_code, record_exercise
from autograder.release.source import Chapter
from autograder.verdict import Verdict, judge

__all__ = ["Entry", "matrix", "matrix_line", "print_matrix"]

FRESH_SEEDS = (1, 2)  # besides the public one: an answer must be told on any inputs, not on lucky ones


@dataclass(frozen=True)
class Entry:
    """One answer judged on all seeds: what it is, what it should earn, what it earned, and what is broken, if anything."""

    exercise: str
    kind: str  # reference, stub, wrong, right
    name: str
    layer: str
    named: bool
    broken: str


def matrix(chapter: Chapter) -> Iterator[Entry]:
    """Judge every known answer of the chapter, exercise by exercise."""
    for name in chapter.exercises:
        recordings = [record_exercise(chapter, name, seed) for seed in (PUBLIC_SEED, *FRESH_SEEDS)]
        for kind, answer, code in _answers(chapter, name):
            yield _entry(chapter, name, kind, answer, code, recordings)


def _answers(chapter: Chapter, name: str) -> Iterator[tuple[str, str, str]]:
    yield "reference", "reference", chapter.reference(name)
    yield "stub", "stub", chapter.stub(name)
    for wrong, codes in chapter.wrong_codes(name):
        for code in codes:
            yield "wrong", wrong.name, code
    for right, code in chapter.right_codes(name):
        yield "right", right.name, code


def _entry(chapter: Chapter, exercise: str, kind: str, answer: str, code: str, recordings: list[Recorded]) -> Entry:
    verdicts = []
    for recorded in recordings:
        seen = observe_code(chapter, chapter.exercises[exercise], code, recorded.cases)
        verdicts.append(judge(chapter.exercises[exercise], recorded, seen))
    broken = next((text for verdict in verdicts if (text := _broken(kind, answer, verdict))), "")
    named = kind == "wrong" and all(verdict.mistake == answer for verdict in verdicts)
    return Entry(exercise, kind, answer, verdicts[0].layer, named, broken)


def _broken(kind: str, answer: str, verdict: Verdict) -> str:
    """The promise that this verdict breaks, or ''."""
    if kind in ("reference", "right"):
        return "" if verdict.passed else f"refused: {verdict}"
    if kind == "stub":
        return "" if verdict.layer == Layer.NOT_STARTED.title else f"the stub is told as {verdict.title!r}"
    if verdict.passed:
        return "passes, though it is wrong"
    return "" if verdict.mistake == answer else f"is told as {verdict.mistake or 'no known mistake'}: {verdict}"


def print_matrix(entries: list[Entry], console: Console, title: str) -> None:
    """A chapter's matrix: one row an exercise, then each broken promise in full."""
    table = Table("exercise", "reference", "stub", "wrong", "named", "layers that caught them", "right", "broken", title=title)
    for name in dict.fromkeys(entry.exercise for entry in entries):
        rows = [entry for entry in entries if entry.exercise == name]
        count = Counter(row.kind for row in rows)
        layers = Counter(row.layer for row in rows if row.kind == "wrong")
        good = {kind: sum(not r.broken for r in rows if r.kind == kind) for kind in count}
        table.add_row(
            name, "ok" if good.get("reference") else "BROKEN", "ok" if good.get("stub") else "BROKEN", str(count["wrong"]),
            str(sum(r.named for r in rows)), ", ".join(f"{layer} {n}" for layer, n in layers.most_common()),
            f"{good.get('right', 0)}/{count['right']}", str(sum(bool(r.broken) for r in rows)),
        )  # fmt: skip
    console.print(table)
    for entry in entries:
        if entry.broken:
            console.print(f"BROKEN {entry.exercise}: {entry.kind} answer {entry.name}: {entry.broken}", markup=False)


def matrix_line(entries: list[Entry]) -> str:
    """The last line of `make matrix`."""
    count = Counter(entry.kind for entry in entries)
    named, broken = sum(entry.named for entry in entries), sum(bool(entry.broken) for entry in entries)
    return (
        f"kill matrix: {count['reference']} references, {count['stub']} stubs, {count['wrong']} wrong, {named} named, "
        f"{count['right']} right, {broken} broken"
    )
