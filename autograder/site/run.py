"""Run each chapter once, its cells and its kill matrix, and keep the result until something that it rests on changes."""

from __future__ import annotations

import copy
import hashlib
import json
import multiprocessing
import os
import platform
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import nbformat
import torch
from nbclient import NotebookClient
from nbformat import NotebookNode

from autograder.golden import GOLDEN_NAME, Recorded, read_golden
from autograder.release.matrix import Entry, matrix
from autograder.release.source import Chapter, load_chapter
from autograder.release.text import write_atomically
from autograder.student.card import card_html
from autograder.verdict import judge

__all__ = ["RIGHT", "Ran", "SiteError", "Told", "chapter_key", "run_chapters"]

CELL_LIMIT_S = 300
RIGHT = ""  # stands among the names of mistakes for a right answer
QUIET = ["--log-level=40"]  # the kernel's own warnings are for servers that others can reach
# What a chapter's outputs depend on besides its own files: these packages, and the rooms of ours that a chapter can reach.
PACKAGES = (
    "torch", "torchvision", "numpy", "matplotlib", "scikit-learn", "scikit-image", "efficientnet-lite-pytorch", "ipykernel",
    "visdom",
)  # fmt: skip
OTHER_ROOMS = ("release", "kernels", "grading", "reports", "site", "cli.py", "demo.py", "bench.py", "start.py")


class SiteError(Exception):
    """The site cannot be built; the message says why and what to do."""


@dataclass(frozen=True)
class Told:
    """What the check says to an answer: the layer that broke first, and the card as HTML in one line."""

    layer: str
    card: str


@dataclass(frozen=True)
class Ran:
    """A chapter with the outputs of its solutions, what the kill matrix says of its answers, and what a check says to each.

    `told` maps an exercise to the names of its known mistakes, and to `RIGHT`.
    """

    chapter: Chapter
    notebook: NotebookNode
    entries: list[Entry]
    told: dict[str, dict[str, Told]]


def run_chapters(course: Path, names: list[str], cache: Path, jobs: int = 2) -> tuple[dict[str, Ran], int]:
    """Every chapter's results in the chapters' order, and how many had to be run now; the others come from `cache`.

    Raises `SiteError` where a chapter's cells fail, or its own solution is refused.
    """
    keys = {name: chapter_key(course, name) for name in names}
    stale = [name for name in names if not (cache / f"{name}-{keys[name]}.json").is_file()]
    spawn = multiprocessing.get_context("spawn")  # a fork after torch has used its threads can hang
    if stale:
        with ProcessPoolExecutor(min(jobs, len(stale)), mp_context=spawn) as pool:
            # The last chapters' matrix takes longest: they go first, so that no process waits for one at the end.
            runs = {pool.submit(_run, course, name): name for name in reversed(stale)}
            troubles = [_keep(cache, runs[done], keys[runs[done]], done.result()) for done in as_completed(runs)]
        if any(troubles):
            raise SiteError("\n".join(filter(None, troubles)))
    return {name: _kept(course, cache / f"{name}-{keys[name]}.json", name) for name in names}, len(stale)


def chapter_key(course: Path, name: str) -> str:
    """A digest of everything that a chapter's outputs rest on."""
    digest = hashlib.sha256(platform.python_version().encode())
    for package in PACKAGES:
        digest.update(f"{package} {_version(package)}\n".encode())
    package_folder = Path(__file__).parent.parent
    ours = [path for path in package_folder.rglob("*.py") if path.relative_to(package_folder).parts[0] not in OTHER_ROOMS]
    ours += [package_folder / "site" / "run.py", package_folder / "release" / "matrix.py"]
    files = [*(course / "solutions" / name).iterdir(), *(course / "notebooks" / name).iterdir()]
    chapters = [path for path in files if path.is_file() and path.suffix != ".md"]
    for path in sorted(ours) + sorted(chapters):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _run(course: Path, name: str) -> dict[str, Any]:
    """Execute a chapter's solutions and judge its answers; runs in a process of its own."""
    os.environ["OMP_NUM_THREADS"] = "1"  # two chapters run beside each other: this is for their kernels
    torch.set_num_threads(1)
    chapter = load_chapter(course, name)
    notebook = copy.deepcopy(chapter.notebook)
    with tempfile.TemporaryDirectory(prefix="site-") as scratch:
        for path in (course / "notebooks" / name).iterdir():
            if path.is_file() and path.suffix != ".ipynb":
                shutil.copy(path, scratch)
        limits = {"timeout": CELL_LIMIT_S, "startup_timeout": CELL_LIMIT_S, "allow_errors": True, "extra_arguments": QUIET}
        NotebookClient(notebook, resources={"metadata": {"path": scratch}}, **limits).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it ran
    return {
        "notebook": notebook,
        "matrix": [asdict(entry) for entry in matrix(chapter)],
        "told": _told(chapter, read_golden(course / "notebooks" / name / GOLDEN_NAME)),
        "troubles": _troubles(chapter, notebook),
    }


def _told(chapter: Chapter, recorded: dict[str, Recorded]) -> dict[str, dict[str, list[str]]]:
    """The check's own verdicts on what right and wrong answers were recorded to show. Raises `SiteError` if release must run."""
    told: dict[str, dict[str, list[str]]] = {}
    for name, exercise in chapter.exercises.items():
        known = [(mistake.name, mistake.says) for mistake in recorded[name].mistakes] if name in recorded else []
        if known != [(wrong.name, wrong.says) for wrong in chapter.wrong[name]]:
            raise SiteError(f"{chapter.name}: the golden file of {name} is older than its answers: run `make release`")
        seen = {RIGHT: recorded[name].expected} | {mistake.name: mistake.observations for mistake in recorded[name].mistakes}
        verdicts = {answer: judge(exercise, recorded[name], observations) for answer, observations in seen.items()}
        told[name] = {answer: [verdict.layer, _one_line(card_html(verdict))] for answer, verdict in verdicts.items()}
    return told


def _one_line(card: str) -> str:
    return card.replace("\n", "&#10;")


def _troubles(chapter: Chapter, notebook: NotebookNode) -> list[str]:
    """What must not be shown to a reader: an error, a line on stderr, a solution that its own check refuses."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error" or output.get("name") == "stderr":
                found.append(f"{cell.id}: {output.get('evalue') or output.get('text')}")
            name = cell.id.removeprefix("check_")
            shown = output.get("data", {}).get("text/plain", "")
            if cell.id.startswith("check_") and shown != str(chapter.exercises[name].points):
                found.append(
                    f"{cell.id}: the solution earns {shown} points, not {chapter.exercises[name].points}: run `make release`"
                )
    return found


def _keep(cache: Path, name: str, key: str, result: dict[str, Any]) -> str:
    """Write a chapter's results to the cache, in place of older ones; or, where it has troubles, only tell them."""
    if result["troubles"]:
        return f"{name} does not run clean:\n  " + "\n  ".join(result["troubles"])
    cache.mkdir(parents=True, exist_ok=True)
    for old in cache.glob(f"{name}-*.json"):
        old.unlink()
    write_atomically(cache / f"{name}-{key}.json", json.dumps(result).encode())
    return ""


def _kept(course: Path, path: Path, name: str) -> Ran:
    kept = json.loads(path.read_text(encoding="utf-8"))
    told = {exercise: {answer: Told(*row) for answer, row in rows.items()} for exercise, rows in kept["told"].items()}
    entries = [Entry(**entry) for entry in kept["matrix"]]
    return Ran(load_chapter(course, name), nbformat.from_dict(kept["notebook"]), entries, told)
