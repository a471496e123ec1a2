"""`autograder release`: solutions/ to notebooks/ through nbgrader's generate_assignment, with golden files. Deterministic."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import SaveCells
from traitlets.config import Config, PyFileConfigLoader

from autograder.diagnose import distance
from autograder.golden import GOLDEN_NAME, GoldenError, Recorded, golden_bytes, read_golden
from autograder.observation import MappingSeen, NumberSeen, Observation, Seen, SequenceSeen, TensorSeen, TextSeen, observe
from autograder.release.record import PUBLIC_SEED, record_chapter
from autograder.release.source import SourceError, chapter_names, load_chapter
from autograder.release.text import write_atomically

__all__ = ["Change", "course_config", "generate", "own_tools_on_path", "release"]

SAME = 1e-6  # relative; far below every tolerance, far above what two processors' roundings differ by in these small sums


@dataclass(frozen=True)
class Change:
    """One file of notebooks/ and what release does to it: 'new', 'changed' or 'removed'."""

    path: Path
    what: str


def course_config(course: Path, *, default: bool = False) -> Config:
    """The course's nbgrader settings, read from its nbgrader_config.py.

    Where that is missing, nbgrader's own defaults if `default` says so; else raises `SourceError`.
    """
    if (course / "nbgrader_config.py").is_file():
        config: Config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    elif default:
        config = Config()
    else:
        raise SourceError(f"{course / 'nbgrader_config.py'} is missing: name the course's folder with --course")
    config.CourseDirectory.root = str(course.resolve())
    own_tools_on_path()
    return config


def own_tools_on_path() -> None:
    """nbgrader starts `alembic` by name, which is only found if this environment's programs are on PATH."""
    own = str(Path(sys.executable).parent)
    if own not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([own, os.environ.get("PATH", "")])


def generate(course: Path, chapter: str, release_folder: Path, gradebook: Path | None = None) -> None:
    """Run nbgrader's own generate_assignment for one chapter into `release_folder`, noting its cells in `gradebook`, if given.

    Raises `SourceError` with nbgrader's log when it refuses.
    """
    load_chapter(course.resolve(), chapter)  # its rules are checked before nbgrader sees it
    config = course_config(course)
    config.CourseDirectory.release_directory = str(release_folder.resolve())
    if gradebook is not None:
        config.CourseDirectory.db_url = f"sqlite:///{gradebook.resolve()}"
    else:  # making one costs nbgrader seconds, in a process of its own
        config.GenerateAssignment.no_database = True
        config.GenerateAssignment.preprocessors = [p for p in config.GenerateAssignment.preprocessors if p is not SaveCells]
    result = NbGraderAPI(CourseDirectory(config=config), config=config).generate_assignment(chapter, force=True)
    if not result["success"]:
        raise SourceError(f"nbgrader could not generate {chapter}:\n{result.get('log') or result.get('error')}")


def release(course: Path, chapters: Iterable[str] | None = None, *, write: bool = True) -> list[Change]:
    """Bring notebooks/ up to date with solutions/ and return what changed; with `write=False` only tell.

    Everything is generated in a private folder first; files that differ are then replaced one by one, atomically.
    Raises `SourceError` where a chapter breaks a rule; then nothing has changed.
    """
    names = list(chapters or chapter_names(course))
    target = course / "notebooks"
    with tempfile.TemporaryDirectory(prefix="release-") as scratch:
        fresh = Path(scratch) / "notebooks"
        for name in names:
            generate(course, name, fresh)
            recorded = record_chapter(load_chapter(course.resolve(), name), PUBLIC_SEED)
            _write_golden(fresh / name / GOLDEN_NAME, target / name / GOLDEN_NAME, name, recorded)
        unknown = [] if chapters else _unknown(target, names)
        changes = [change for name in names for change in _bring_over(fresh / name, target / name, write)]
    for folder in unknown:
        changes.append(Change(folder, "removed"))
        if write:
            shutil.rmtree(folder)
    return changes


def _write_golden(target: Path, committed: Path, chapter: str, recorded: dict[str, Recorded]) -> None:
    """Write the new golden file, or the committed one where both say the same but for the rounding of another processor."""
    data = golden_bytes(chapter, recorded)
    if committed.is_file() and committed.read_bytes() != data:
        try:
            if _agree(read_golden(committed), recorded):
                data = committed.read_bytes()
        except GoldenError:
            pass  # a damaged file is replaced
    write_atomically(target, data)


def _agree(old: dict[str, Recorded], new: dict[str, Recorded]) -> bool:
    return list(old) == list(new) and all(_agree_on(old[name], new[name]) for name in new)


def _agree_on(old: Recorded, new: Recorded) -> bool:
    """Whether two records of one exercise have the same words and whole numbers, and real numbers up to rounding."""
    if _words(old) != _words(new):
        return False
    pairs = zip(_observations(old), _observations(new), strict=True)
    return all(distance(one, other) <= SAME and _exact(one.value) == _exact(other.value) for one, other in pairs)


def _words(recorded: Recorded) -> list[object]:
    """What is not a number; it also tells how many observations there are."""
    cases = [(case.label, list(case.inputs)) for case in recorded.cases]
    mistakes = [(m.name, m.says, m.hint, len(m.observations)) for m in recorded.mistakes]
    trivial = [one.trivial for one in [*recorded.expected, *recorded.stub]]
    return [cases, mistakes, len(recorded.expected), trivial]


def _observations(recorded: Recorded) -> list[Observation]:
    inputs = [Observation(observe(list(case.inputs.values()))) for case in recorded.cases]
    return [*inputs, *recorded.expected, *recorded.stub, *(o for m in recorded.mistakes for o in m.observations)]


def _exact(seen: Seen) -> list[object]:
    """The whole numbers, bools and texts in an observation, on which no two processors differ."""
    match seen:
        case TensorSeen():
            return [] if seen.values.is_floating_point() else [seen.dtype, seen.values.tolist()]
        case NumberSeen(value):
            return [] if isinstance(value, float) else [value]
        case TextSeen(text):
            return [text]
        case SequenceSeen():
            return [_exact(item) for item in seen.items]
        case MappingSeen():
            return [(key, _exact(item)) for key, item in seen.items]
    return []


def _bring_over(fresh: Path, target: Path, write: bool) -> list[Change]:
    changes = []
    wanted = {path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()}
    for relative in sorted(wanted):
        data, old = (fresh / relative).read_bytes(), target / relative
        if not old.is_file() or old.read_bytes() != data:
            changes.append(Change(old, "changed" if old.exists() else "new"))
            if write:
                write_atomically(old, data)
    for old in sorted(path for path in target.rglob("*") if path.is_file() and path.relative_to(target) not in wanted):
        if not {".ipynb_checkpoints", "__pycache__"} & set(old.parts):
            changes.append(Change(old, "removed"))
            if write:
                old.unlink()
    return changes


def _unknown(notebooks: Path, names: list[str]) -> list[Path]:
    """The chapters in notebooks/ that have no source any more. Raises `SourceError` for a folder that release did not make."""
    folders = sorted(path for path in notebooks.iterdir() if path.is_dir()) if notebooks.is_dir() else []
    unknown = [path for path in folders if path.name not in names and path.name != ".ipynb_checkpoints"]
    for path in unknown:
        made = path / f"{path.name}.ipynb"
        if path.is_symlink() or not made.is_file() or b"by `make release`" not in made.read_bytes():
            raise SourceError(
                f"{path} was not made by `make release`, and solutions/ has no such chapter: move it out of {notebooks}"
            )
    return unknown
