"""The unit of work that travels: run one rebuilt notebook, bring the result back as bytes; equal work has one key."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import threading
from dataclasses import asdict, astuple
from importlib.metadata import version
from typing import Any

import nbformat

from autograder.grading.execute import Run, Work, execute
from autograder.kernels.sandbox import SandboxError
from autograder.kernels.warm import fork_server
from autograder.observation import Observation, from_bytes, to_bytes

__all__ = ["get_ready", "pack_run", "run_unit", "unpack_run", "work_key"]

# What can change a result, beside the work itself.
PACKAGES = ("torch", "numpy", "ipykernel", "autograder")
_TURN = threading.Lock()


def work_key(work: Work, level: str, seed: int) -> str:
    """A hash of all that goes into a run: the notebook's code, the files, the questions, the limits, the level, the versions."""
    about = {
        "cells": [(cell.get("id"), cell.source) for cell in work.notebook.cells if cell.cell_type == "code"],
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in work.files.items()},
        "questions": {name: astuple(question) for name, question in work.questions.items()},
        "limits": [work.cell_limit_s, work.notebook_limit_s, asdict(work.limits)],
        "skipped": sorted(work.skipped),
        "level": level,
        "seed": seed,
        "versions": [version(name) for name in PACKAGES],
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def get_ready(level: str, imports: tuple[str, ...]) -> None:
    """Start what the first unit of work needs, before it comes. Where that fails, the unit tells why."""
    if level != "none":
        with _TURN, contextlib.suppress(Exception):
            fork_server(level, imports)


def run_unit(work: Work, level: str) -> bytes:
    """Run it here and pack what came of it; where the grader itself fails, twice. Raises SandboxError where the level cannot
    be had. In a process with many threads, as Dask's workers may be, one thread runs one at a time.
    """
    with _TURN:
        return pack_run(_run(work, level), level)


def _run(work: Work, level: str) -> Run:
    for last in (False, True):
        try:
            run = execute(work, level)
        except SandboxError:
            raise
        except Exception:
            if last:
                raise
            continue
        if run.outcome != "failed":
            break
    return run


def pack_run(run: Run, level: str) -> bytes:
    """A run as bytes: compressed JSON, the observations as safetensors in it; nothing pickled."""
    about: dict[str, Any] = {
        "outcome": run.outcome, "detail": run.detail, "troubles": run.troubles, "seconds": run.seconds, "slowest": run.slowest,
        "peak_mb": run.peak_mb, "level": level, "versions": {name: version(name) for name in PACKAGES},
        "notebook": nbformat.writes(run.notebook),
        "observations": {name: [_packed(answer) for answer in answers] for name, answers in run.observations.items()},
    }  # fmt: skip
    return gzip.compress(json.dumps(about).encode("utf-8", "replace"), compresslevel=3, mtime=0)


def unpack_run(data: bytes) -> Run:
    """The run that `pack_run` packed. Raises ValueError or KeyError for anything else."""
    about = json.loads(gzip.decompress(data))
    observations = {name: [_answer(one) for one in answers] for name, answers in about["observations"].items()}
    return Run(
        about["outcome"], nbformat.reads(about["notebook"], as_version=4), observations, about["troubles"], about["detail"],
        about["seconds"], (about["slowest"][0], about["slowest"][1]), about["peak_mb"],
    )  # fmt: skip


def _packed(answer: list[Observation]) -> str:
    return base64.b64encode(to_bytes(answer)).decode()


def _answer(packed: str) -> list[Observation]:
    seen: list[Observation] = from_bytes(base64.b64decode(packed))
    return seen
