"""The golden file of a chapter: inputs, and what the reference, the stub and the wrong answers showed on them.

With it a student's notebook can judge and diagnose without containing a solution. The grader makes the same records on
secret inputs, in its own process, and never writes them down beside a submission. The file is a gzipped safetensors container:
the records of many similar wrong answers shrink to about a fifth.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.exercise import Case
from autograder.observation import MAX_BYTES, Observation, ObservationError, from_bytes, to_bytes

__all__ = ["GOLDEN_NAME", "GoldenError", "Mistake", "Recorded", "golden_bytes", "read_golden"]

GOLDEN_NAME = "golden.safetensors.gz"
FORMAT = 1


class GoldenError(Exception):
    """A golden file is missing, damaged, or of another format."""


@dataclass(frozen=True)
class Mistake:
    """A recorded wrong answer: its name, what the student is told, what to do next, and what was observed."""

    name: str
    says: str
    hint: str
    observations: list[Observation]


@dataclass(frozen=True)
class Recorded:
    """Everything one exercise is judged by, on one set of inputs."""

    cases: list[Case]
    expected: list[Observation]
    stub: list[Observation]
    mistakes: list[Mistake]


def golden_bytes(chapter: str, recorded: dict[str, Recorded]) -> bytes:
    """One chapter's records as they stand in its file; equal records give equal bytes."""
    content = {"format": FORMAT, "chapter": chapter, "exercises": {k: _as_dict(v) for k, v in recorded.items()}}
    return gzip.compress(to_bytes(content), compresslevel=9, mtime=0)


def _as_dict(recorded: Recorded) -> dict[str, Any]:
    return {
        "cases": [{"label": case.label, "inputs": case.inputs} for case in recorded.cases],
        "expected": recorded.expected,
        "stub": recorded.stub,
        "mistakes": [vars(mistake) for mistake in recorded.mistakes],
    }


def read_golden(path: Path) -> dict[str, Recorded]:
    """Read a golden file. Raises `GoldenError` with what to do, if it is missing or damaged."""
    again = "Copy it again from the course's notebooks/ folder (instructors: `make release` writes it)."
    try:
        content = from_bytes(_inflated(path.read_bytes()))
        if content["format"] != FORMAT:
            raise GoldenError(f"{path} has format {content['format']}, this autograder reads {FORMAT}. {again}")
        return {name: _from_dict(tree) for name, tree in content["exercises"].items()}
    except GoldenError:
        raise
    except FileNotFoundError:
        raise GoldenError(f"{path} is missing. {again}") from None
    except Exception as error:  # whatever stands in a damaged file
        raise GoldenError(f"{path} is damaged ({error}). {again}") from error


def _inflated(data: bytes) -> bytes:
    """Undo the compression, but not without end."""
    stream = zlib.decompressobj(wbits=31)
    inflated = stream.decompress(data, MAX_BYTES + 1)
    if len(inflated) > MAX_BYTES or not stream.eof:
        raise ObservationError("it is cut off, or too large")
    return inflated


def _from_dict(tree: dict[str, Any]) -> Recorded:
    recorded = Recorded(
        cases=[Case(case["label"], **case["inputs"]) for case in tree["cases"]],
        expected=tree["expected"],
        stub=tree["stub"],
        mistakes=[Mistake(**mistake) for mistake in tree["mistakes"]],
    )
    observed = [recorded.expected, recorded.stub, *(mistake.observations for mistake in recorded.mistakes)]
    if not all(isinstance(one, Observation) for several in observed for one in several):
        raise ObservationError("something else where observations should be")
    if len(recorded.cases) != len(recorded.expected):
        raise ObservationError(f"{len(recorded.expected)} observations of {len(recorded.cases)} cases")
    return recorded
