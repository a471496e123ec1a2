"""Find the folder of the notebook that is running, and whether its file on disk holds what was run."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autograder.golden import GOLDEN_NAME

__all__ = ["ChapterNotFound", "find_chapter_folder", "unsaved_note"]


class ChapterNotFound(Exception):
    """No chapter's files beside the notebook; the message says where was looked and what to do."""


def find_chapter_folder(cwd: Path | None = None) -> Path:
    """The folder that holds the chapter's checks.py and golden file: the working folder, else the notebook's own.

    Raises `ChapterNotFound` when neither holds them.
    """
    places = [cwd or _working_folder(), *([path.parent] if (path := _notebook_path()) else [])]
    for place in places:
        if place and (place / "checks.py").is_file():
            return place
    looked = " or ".join(str(place) for place in dict.fromkeys(places) if place) or "the working folder, which was deleted"
    raise ChapterNotFound(
        f"`checks.py` and `{GOLDEN_NAME}` are not in {looked}. They stand beside each chapter's notebook: open the notebook in "
        "its own folder, or go there first with `%cd FOLDER`, then run this cell again."
    )


def _working_folder() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def _notebook_path() -> Path | None:
    """Where Jupyter says the notebook is; it sets JPY_SESSION_NAME for the kernels it starts."""
    name = os.environ.get("JPY_SESSION_NAME", "")
    path = Path(name)
    return path if name.endswith(".ipynb") and path.is_file() else None


def unsaved_note(answers: Iterable[Any]) -> str:
    """A reminder to save, when the notebook's file does not hold the source of what was just checked; '' otherwise."""
    path = _notebook_path()
    if path is None:
        return ""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        saved = "\n".join("".join(cell["source"]) for cell in cells)
        sources = [inspect.getsource(answer).strip() for answer in answers]
    except Exception:  # no source to be had, or no notebook in the file: nothing to remind of
        return ""
    if all(source in saved for source in sources):
        return ""
    return "Your notebook is not saved yet: press Ctrl+S (Cmd+S) before you hand it in."
