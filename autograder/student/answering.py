"""The one piece that runs beside the student's code: run a probe on inputs that came in, send out what it observed."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograder.exercise import Case, load_checks
from autograder.observation import from_bytes, to_bytes
from autograder.probing import run_probe

__all__ = ["OBSERVATION_MIME", "pack_cases", "probe_source", "send_observation"]

OBSERVATION_MIME = "application/vnd.autograder.observation"


def pack_cases(cases: list[Case]) -> str:
    """The inputs as text that fits into a line of code."""
    return base64.b64encode(to_bytes([{"label": case.label, "inputs": case.inputs} for case in cases])).decode()


def probe_source(exercise: str, packed_cases: str) -> str:
    """The line of code that a kernel is asked to run in place of the check cell."""
    module = f"__import__({__name__!r}).student.answering"
    return f"{module}.send_observation({exercise!r}, {packed_cases!r}, globals())"


def send_observation(exercise: str, packed_cases: str, namespace: Mapping[str, Any]) -> None:
    """Run the probe of the chapter in the working folder and publish the observations as data."""
    from IPython.display import display

    cases = [Case(tree["label"], **tree["inputs"]) for tree in from_bytes(base64.b64decode(packed_cases))]
    observations = run_probe(load_checks(Path())[exercise], namespace, cases)
    display({OBSERVATION_MIME: base64.b64encode(to_bytes(observations)).decode()}, raw=True)
