"""Find what students handed in: submitted/STUDENT/CHAPTER/, read as bytes; nothing there is followed, unpacked or run."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from autograder.grading.rebuild import MAX_SUBMISSION_BYTES

__all__ = ["Submission", "find_submissions", "printable", "read_folder", "read_plain", "submission_folders"]


@dataclass(frozen=True)
class Submission:
    """A student's hand-in: the notebook's bytes, or None with the reason why there are none; `note` tells what was odd."""

    student: str
    data: bytes | None
    trouble: str = ""
    note: str = ""

    @property
    def digest(self) -> str:
        """What the submission is recognised by; one that was graded already is not graded again."""
        return hashlib.sha256(self.data if self.data is not None else self.trouble.encode("utf-8", "replace")).hexdigest()


class _Unreadable(Exception):
    """Why there is no notebook to read, in words for student and instructor."""


def submission_folders(course: Path, chapter: str) -> list[Path]:
    """Everything called submitted/STUDENT/CHAPTER, sorted by student; none is opened yet."""
    handed_in = course / "submitted"
    students = sorted(path.name for path in handed_in.iterdir()) if handed_in.is_dir() else []
    return [handed_in / name / chapter for name in students if os.path.lexists(handed_in / name / chapter)]


def find_submissions(course: Path, chapter: str) -> list[Submission]:
    """All submissions of a chapter, sorted by student; what cannot be read is found too, with its reason."""
    return [read_folder(folder) for folder in submission_folders(course, chapter)]


def read_folder(folder: Path) -> Submission:
    """Read submitted/STUDENT/CHAPTER. Never raises for what is in it."""
    student = folder.parent.name
    try:
        # A link could point at the solutions, or at anything else the grader may read.
        if folder.parent.is_symlink() or folder.is_symlink():
            raise _Unreadable("it is a symbolic link; hand in the notebook itself")
        if not folder.is_dir():
            raise _Unreadable(f"{folder.name} is a file, not a folder with the notebook in it")
        path = _notebook_in(folder)
        return Submission(student, _read(path), note=_told(path, folder))
    except _Unreadable as error:
        return Submission(student, None, str(error))
    except OSError as error:
        return Submission(student, None, f"it cannot be opened ({error.strerror})")


def _notebook_in(folder: Path) -> Path:
    """The notebook of the chapter's name; else the only one there, under another name or one folder further down."""
    expected = folder / f"{folder.name}.ipynb"
    if os.path.lexists(expected):
        return expected
    every = sorted([*folder.glob("*.ipynb"), *folder.glob("*/*.ipynb")])
    visible = [path for path in every if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    found = [path for path in visible if path.name == expected.name] or visible
    if len(found) != 1:
        there = ", ".join(printable(path.name) for path in sorted(folder.iterdir())[:5]) or "nothing"
        raise _Unreadable(f"there is no {expected.name} in it, but {there}")
    if found[0].parent.is_symlink():
        raise _Unreadable(f"{printable(found[0].parent.name)} in it is a symbolic link; hand in the notebook itself")
    return found[0]


def _told(path: Path, folder: Path) -> str:
    name = printable(str(path.relative_to(folder)))
    return "" if name == f"{folder.name}.ipynb" else f"The notebook was handed in as {name}."


def _read(path: Path) -> bytes:
    """The notebook's bytes; of one too large, too many. Raises `_Unreadable` for what is no plain file, and OSError."""
    if path.is_symlink():
        raise _Unreadable(f"{printable(path.name)} is a symbolic link; hand in the notebook itself")
    data = read_plain(path, MAX_SUBMISSION_BYTES)
    if data is None:
        raise _Unreadable(f"{printable(path.name)} is not a file")
    return data


def read_plain(path: Path, most: int) -> bytes | None:
    """At most `most` + 1 bytes of a plain file; None for a folder, pipe or device. No link is followed. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(most + 1)
    finally:
        os.close(handle)


def printable(name: str) -> str:
    """A file's name, which is the student's to choose, as one that a terminal and a page can show."""
    return "".join(c if c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF else "?" for c in name)[:80]
