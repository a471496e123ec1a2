"""What was run, kept on disk as it comes: a run that dies half way continues, and results can be judged again later.

One file a run under .autograder/CHAPTER/, named by the key of the work. Each is written whole or not at all.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from pathlib import Path
from typing import Any

from filelock import FileLock

from autograder.release.text import write_atomically

__all__ = ["FOLDER", "Journal"]

FOLDER = ".autograder"


class Journal:
    """The results of a chapter's runs in one folder, and the seed of the run that is under way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, course: Path, chapter: str) -> Journal:
        """The journal of a course's chapter."""
        return cls(course / FOLDER / chapter)

    def begin(self, *, afresh: bool = False) -> int:
        """The seed of the run: of the one that did not come to its end, else (or if `afresh`) a new one.

        The parts of one run may begin at the same time, on machines that share the folder: all get the same seed.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / "lock"):
            about = {} if afresh else self._about()
            if about.get("finished", True):
                about = {"seed": secrets.randbits(62), "finished": False}
                self._write(about)
            return int(about["seed"])

    @property
    def under_way(self) -> int | None:
        """The seed of the run that did not come to its end; None without one."""
        about = self._about()
        return None if about.get("finished", True) else int(about["seed"])

    def finish(self) -> None:
        """Note that the run came to its end: the next one draws new secret inputs."""
        self._write(self._about() | {"finished": True})

    def add(self, key: str, data: bytes, **about: Any) -> None:
        """Keep a packed run, with what is needed to judge it again."""
        write_atomically(self._path(key), json.dumps(about).encode() + b"\n" + data)

    def get(self, key: str) -> tuple[dict[str, Any], bytes] | None:
        """What was kept under a key; None where there is nothing, or nothing whole."""
        with contextlib.suppress(OSError, ValueError):
            head, _, data = self._path(key).read_bytes().partition(b"\n")
            about: dict[str, Any] = json.loads(head)
            return about, data
        return None

    def drop(self, key: str) -> None:
        """Forget a run, so that it is run again."""
        self._path(key).unlink(missing_ok=True)

    def __contains__(self, key: str) -> bool:
        return self._path(key).is_file()

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.run"

    def _about(self) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            about: dict[str, Any] = json.loads((self.folder / "run.json").read_text())
            return about
        return {}

    def _write(self, about: dict[str, Any]) -> None:
        write_atomically(self.folder / "run.json", json.dumps(about).encode())
