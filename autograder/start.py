"""Open JupyterLab on a student's own working copy of the course, made from notebooks/ and never overwriting their work."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

__all__ = ["StartError", "WorkingCopy", "released_chapters", "start", "update_working_copy"]

RELEASED, WORKING = "notebooks", "student"
# Which content of each file the student was given: a file that still has it was not changed by the student.
RECORD = ".course.json"
# What a check reads. A student has no reason to edit it, and an old one would judge a new exercise.
ALWAYS_FRESH = ("checks.py", "golden.*")
LEFT_OUT = ("__pycache__", ".ipynb_checkpoints")


class StartError(Exception):
    """The course cannot be opened; the message says what to do."""


@dataclass(frozen=True)
class WorkingCopy:
    """What an update did to the student's folder; paths relative to it, in order."""

    folder: Path
    new: tuple[str, ...]
    updated: tuple[str, ...]
    kept: tuple[str, ...]  # changed by the student, so left alone
    outdated: tuple[str, ...]  # those of the kept that the course has a newer edition of

    def told(self) -> str:
        """What was done, in sentences for the student."""
        done = [
            f"{len(paths)} {'file' if len(paths) == 1 else 'files'} {word}"
            for paths, word in ((self.new, "copied"), (self.updated, "updated"), (self.kept, "of yours kept as you left it"))
            if paths
        ]
        lines = [f"Your working copy is {self.folder.name}/: {', '.join(done) or 'nothing to update'}."]
        lines += [
            f"  The course has a newer {path}. Yours was kept; for the new one, rename yours and start again."
            for path in self.outdated
        ]
        return "\n".join(lines)


def start(course: Path, chapter: str | None, *, open_browser: bool) -> int:
    """Update the working copy in `course`, run JupyterLab on it until it is stopped, and return its exit status.

    `chapter` is a chapter's name or the one that its beginning means ("02"); the first chapter opens without it.
    Raises `StartError`.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise StartError(f"JupyterLab is not installed for {sys.executable}: start the course with `make start`.")
    name = _named(chapter, released_chapters(course))
    try:
        copy = update_working_copy(course)
    except OSError as error:
        raise StartError(
            f"{error.filename or WORKING} could not be written: {error.strerror}. Your notebooks are as they were; "
            "free some space or make the folder writable, then start again."
        ) from error
    print(copy.told(), flush=True)
    return _run_lab(copy.folder, f"{name}/{name}.ipynb", open_browser=open_browser)


def released_chapters(course: Path) -> list[str]:
    """The chapters in notebooks/, in the order of their numbers. Raises `StartError` where there are none."""
    names = sorted(path.parent.name for path in (course / RELEASED).glob("*/*.ipynb") if path.stem == path.parent.name)
    if not names:
        raise StartError(
            f"{course / RELEASED} holds no chapter. In the course's own folder, `git checkout {RELEASED}` brings the chapters "
            "back, and `make release` makes them from solutions/."
        )
    return names


def _named(chapter: str | None, chapters: list[str]) -> str:
    """The chapter that is meant: by its whole name, else by its beginning."""
    if chapter is None or chapter in chapters:
        return chapter or chapters[0]
    meant = [name for name in chapters if name.startswith(chapter)]
    if len(meant) != 1:
        raise StartError(
            f"{chapter!r} means {'no' if not meant else 'more than one'} chapter. There are: {', '.join(meant or chapters)}."
        )
    return meant[0]


def update_working_copy(course: Path) -> WorkingCopy:
    """Bring student/ up to date with notebooks/: new and unchanged files copied, the student's own work left alone.

    Each file is replaced whole or not at all. Raises OSError where the folder cannot be written.
    """
    source, folder = course / RELEASED, course / WORKING
    given = _read_record(folder / RECORD)
    did: dict[str, list[str]] = {"new": [], "updated": [], "kept": [], "outdated": []}
    for path in _released_files(source):
        name = path.relative_to(source).as_posix()
        mine, theirs = folder / name, _digest(path)
        now = _digest(mine) if mine.exists() else None
        if now is None:
            did["new"].append(name)
        elif now != theirs and (given.get(name) == now or any(path.match(pattern) for pattern in ALWAYS_FRESH)):
            did["updated"].append(name)
        elif now != theirs:
            did["kept"].append(name)
            if name in given and given[name] != theirs:
                did["outdated"].append(name)
            continue
        if now != theirs:
            _copy_whole(path, mine)
        given[name] = theirs
    _write_record(folder / RECORD, given)
    return WorkingCopy(folder, **{kind: tuple(names) for kind, names in did.items()})


def _released_files(source: Path) -> list[Path]:
    """The files of every chapter, without caches, and nothing that a link leads to."""
    return sorted(
        path
        for path in source.rglob("*")
        if path.is_file() and not path.is_symlink() and not any(part in LEFT_OUT for part in path.relative_to(source).parts)
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _copy_whole(source: Path, target: Path) -> None:
    """Copy a file so that a crash leaves the old content or the new one, never a part."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new.")
    os.close(handle)
    try:
        shutil.copyfile(source, name)
        Path(name).chmod(0o644)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _read_record(path: Path) -> dict[str, str]:
    """What the student was given; nothing where the record is lost, and then every differing file counts as changed."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _write_record(path: Path, given: dict[str, str]) -> None:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".new.", delete=False) as file:
        json.dump(given, file, indent=1, sort_keys=True)
    os.replace(file.name, path)


def _run_lab(folder: Path, notebook: str, *, open_browser: bool) -> int:
    """Run JupyterLab in `folder` with one notebook open, and wait for its end. It prints its address itself."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}"]
    command += [f"--LabApp.default_url=/lab/tree/{quote(notebook)}"]
    # The address is printed at every level; below errors, it would stand among what each extension has to say.
    command += [f"--{part}.log_level=ERROR" for part in ("ServerApp", "LabApp")]
    command += [] if open_browser else ["--no-browser"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command += ["--allow-root"]  # in a container there is often no other user
    print("JupyterLab is starting; its address follows. Ctrl+C here stops it.", flush=True)
    lab = subprocess.Popen(command, cwd=folder)
    before = signal.signal(signal.SIGTERM, lambda *_: lab.terminate())
    try:
        return _until_stopped(lab)
    finally:
        signal.signal(signal.SIGTERM, before)
        if lab.poll() is None:
            lab.terminate()


def _until_stopped(lab: subprocess.Popen[bytes]) -> int:
    """Wait for the server's end. Ctrl+C reaches it too: it asks whether to stop, so this goes on waiting."""
    while True:
        try:
            return lab.wait()
        except KeyboardInterrupt:
            continue
