"""Read an nbgrader course folder: an assignment as its source says, and what students handed in, as bytes."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import find_all_files, parse_utc
from traitlets.config import Config

from autograder.grading.rebuild import MAX_SUBMISSION_BYTES
from autograder.grading.submission import printable, read_folder, read_plain
from autograder.release.release import course_config
from autograder.release.source import SourceError

__all__ = [
    "ClassicAssignment", "HandIn", "Limits", "classic_names", "hand_in_folders", "is_classic", "load_classic", "read_hand_in",
]  # fmt: skip

TIMESTAMP = "timestamp.txt"


@dataclass(frozen=True)
class Limits:
    """How long one cell and one notebook of a student's may run, in seconds."""

    cell_s: float = 60.0
    notebook_s: float = 900.0


@dataclass(frozen=True, eq=False)
class ClassicAssignment:
    """An assignment of an nbgrader course: its notebooks as students got them, but with every hidden test, by name.

    `digest` tells whether a result was graded with the same notebooks and files; `not_taken` are files that stock nbgrader would
    take from the submission, because the course says so in `c.Autograde.exclude_overwriting`.
    """

    name: str
    notebooks: dict[str, NotebookNode]
    files: dict[str, bytes]
    limits: Limits
    digest: str
    not_taken: tuple[str, ...] = ()


@dataclass(frozen=True)
class HandIn:
    """What a student handed in for an assignment: notebooks by name, or why one cannot be read."""

    student: str
    notebooks: dict[str, bytes]
    troubles: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    timestamp: datetime | None = None

    @property
    def digest(self) -> str:
        """What the hand-in is recognised by; one that was graded already is not graded again."""
        digest = hashlib.sha256()
        for name in sorted(self.notebooks):
            digest.update(f"{name}:{hashlib.sha256(self.notebooks[name]).hexdigest()}\n".encode("utf-8", "replace"))
        digest.update(f"{sorted(self.troubles.items())} {self.timestamp}".encode("utf-8", "replace"))
        return digest.hexdigest()


def is_classic(course: Path, assignment: str) -> bool:
    """Whether the assignment is a plain nbgrader one: a folder with notebooks among the sources, and no checks.py."""
    coursedir = CourseDirectory(config=course_config(course, default=True))
    folder = Path(coursedir.format_path(coursedir.source_directory, ".", assignment))
    return any(folder.glob("*.ipynb")) and not (folder / "checks.py").exists()


def classic_names(course: Path) -> list[str]:
    """The course's plain nbgrader assignments, sorted."""
    coursedir = CourseDirectory(config=course_config(course, default=True))
    pattern = coursedir.format_path(glob.escape(coursedir.source_directory), ".", "*")
    return sorted({Path(path).name for path in glob.glob(pattern) if is_classic(course, Path(path).name)})  # noqa: PTH207


def load_classic(course: Path, assignment: str, *, note: bool = True) -> ClassicAssignment:
    """Have nbgrader's own generate_assignment note the assignment in the gradebook, and read what it made.

    Tests come from the gradebook, where nbgrader keeps them whole; the release folder is left alone, and without `note` the
    course's gradebook, too. Raises `SourceError` where there is no such assignment, where nbgrader refuses (with its log), and
    for a notebook that is not Python's.
    """
    config = course_config(course, default=True)
    coursedir = CourseDirectory(config=config)
    source = Path(coursedir.format_path(coursedir.source_directory, ".", assignment))
    if not any(source.glob("*.ipynb")):
        raise SourceError(f"there is no assignment {assignment!r}: {source} has no notebook; is --course the course's folder?")
    with tempfile.TemporaryDirectory(prefix="grade-") as scratch:
        if not note:
            config.CourseDirectory.db_url = f"sqlite:///{Path(scratch).resolve() / 'gradebook.db'}"
            coursedir = CourseDirectory(config=config)
        folder = _generate(config, assignment, Path(scratch).resolve())
        notebooks = {path.stem: nbformat.read(path, as_version=4) for path in sorted(folder.glob("*.ipynb"))}
        with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
            for name, notebook in notebooks.items():
                _complete(notebook, name, assignment, gradebook)
    ignored = [*coursedir.ignore, "*.ipynb"]
    paths = sorted(Path(path) for path in find_all_files(str(source), ignored))
    files = {str(path.relative_to(source)): path.read_bytes() for path in paths}
    not_taken = config.Autograde.exclude_overwriting.get(assignment, []) if "exclude_overwriting" in config.Autograde else []
    return ClassicAssignment(assignment, notebooks, files, _limits(config), _digest(notebooks, files), tuple(not_taken))


def _generate(config: Config, assignment: str, scratch: Path) -> Path:
    """Release the assignment into `scratch`, noting its cells in the gradebook, and return the folder with the notebooks."""
    config = config.copy()
    config.CourseDirectory.release_directory = str(scratch)
    coursedir = CourseDirectory(config=config)
    folder = Path(coursedir.format_path(coursedir.release_directory, ".", assignment))
    if not folder.is_relative_to(scratch):
        raise SourceError(f"the directory_structure {coursedir.directory_structure!r} must begin with {{nbgrader_step}}")
    result = NbGraderAPI(coursedir, config=config).generate_assignment(assignment, force=True)
    if not result["success"]:
        raise SourceError(f"nbgrader could not generate {assignment}:\n{result.get('log') or result.get('error')}")
    return folder


def _complete(notebook: NotebookNode, name: str, assignment: str, gradebook: Gradebook) -> None:
    """Put the hidden tests back, as nbgrader's own autograde does, and give every cell an id to speak of it by."""
    about = notebook.metadata
    language = about.get("kernelspec", {}).get("language") or about.get("language_info", {}).get("name") or "python"
    if language.lower() not in ("python", "python3", "ipython"):
        raise SourceError(f"{assignment}/{name}.ipynb is written in {language}; only Python's notebooks can be graded")
    whole = {cell.name: cell for cell in gradebook.find_notebook(name, assignment).source_cells}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        cell.id = grade_id if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", grade_id) else f"cell-of-source-{number}"
        if grade_id in whole:
            cell.metadata.nbgrader["checksum"] = whole[grade_id].checksum
            if whole[grade_id].locked:
                cell.source = whole[grade_id].source


def _limits(config: Config) -> Limits:
    """The course's own limit for a cell, `c.Execute.timeout`, if it has one."""
    for section in (config.Execute, config.ExecutePreprocessor):
        if "timeout" in section:
            limit = section.timeout
            return Limits(float(limit)) if limit and limit > 0 else Limits(Limits.notebook_s)
    return Limits()


def _digest(notebooks: Mapping[str, NotebookNode], files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256(json.dumps(notebooks, sort_keys=True).encode("utf-8", "replace"))
    for name in sorted(files):
        digest.update(f"{name}:{hashlib.sha256(files[name]).hexdigest()}\n".encode("utf-8", "replace"))
    return digest.hexdigest()


def hand_in_folders(course: Path, assignment: str, *, autograded: bool = False) -> list[tuple[str, Path]]:
    """Every student who handed in for the assignment, sorted, with the folder, or with that of the `autograded` notebooks; none
    is opened yet.
    """
    coursedir = CourseDirectory(config=course_config(course, default=True))
    structure = coursedir.directory_structure
    step = coursedir.autograded_directory if autograded else coursedir.submitted_directory
    about = {"nbgrader_step": glob.escape(step), "assignment_id": glob.escape(assignment)}
    pattern = str(Path(glob.escape(coursedir.root), structure.format(**about, student_id="*")))
    about = {"nbgrader_step": re.escape(step), "assignment_id": re.escape(assignment)}
    parts = [part.format(**about, student_id="(?P<student>[^/]+)") for part in Path(structure).parts]
    expression = re.compile("/".join([re.escape(Path(coursedir.root).as_posix()), *parts]))
    paths = [Path(path) for path in glob.glob(pattern, include_hidden=True)]  # noqa: PTH207 - Path.glob overlooks dead links
    matched = [(expression.fullmatch(path.as_posix()), path) for path in paths]
    excluded = coursedir.student_id_exclude.split(",")
    return sorted((match["student"], path) for match, path in matched if match and match["student"] not in excluded)


def read_hand_in(student: str, folder: Path, names: list[str]) -> HandIn:
    """Read the notebooks called `names` in one student's folder. Nothing in it is followed, and it never raises for what is in
    it: what cannot be read is told with its reason.
    """
    parent = folder.parent if folder.parent.name == student else folder
    if parent.is_symlink() or folder.is_symlink():
        return HandIn(student, {}, dict.fromkeys(names, "it is a symbolic link; hand in the notebook itself"))
    if not folder.is_dir():
        return HandIn(student, {}, dict.fromkeys(names, f"{folder.name} is a file, not a folder with notebooks in it"))
    there = {name: folder / f"{name}.ipynb" for name in names if os.path.lexists(folder / f"{name}.ipynb")}
    if not there and len(names) == 1:  # under another name, if it is the only one there
        one = read_folder(folder)
        notebooks, troubles = ({}, {names[0]: one.trouble}) if one.data is None else ({names[0]: one.data}, {})
        return HandIn(student, notebooks, troubles, tuple(filter(None, [one.note])), _timestamp(folder))
    notebooks, troubles = {}, {}
    for name, path in there.items():
        try:
            data = read_plain(path, MAX_SUBMISSION_BYTES)
        except OSError as error:
            linked = path.is_symlink()
            troubles[name] = f"{printable(path.name)} " + (
                "is a symbolic link; hand in the notebook itself" if linked else f"cannot be opened ({error.strerror})"
            )
            continue
        if data is None:
            troubles[name] = f"{printable(path.name)} is not a file"
        else:
            notebooks[name] = data
    return HandIn(student, notebooks, troubles, (), _timestamp(folder))


def _timestamp(folder: Path) -> datetime | None:
    """When it was collected, as nbgrader's exchange notes it; None where nothing there can be read as a time."""
    try:
        text = (read_plain(folder / TIMESTAMP, 100) or b"").decode().strip()
        return parse_utc(text) if text else None
    except (OSError, ValueError, OverflowError):
        return None
