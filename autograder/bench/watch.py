"""Run a command, and watch what it costs: seconds, when each piece of its work was done, and the most memory it had at once."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

__all__ = ["Cost", "watch"]

LOOK_S = 0.5  # between two looks at the memory: each costs some milliseconds a process


@dataclass(frozen=True)
class Cost:
    """What a command took.

    `seconds` is the whole; `first` the part until its first piece was done; `each` what one more piece takes once all workers
    are busy, in seconds. `peak_mb` is the memory of all its processes together, what they share counted once.
    """

    seconds: float
    first: float
    each: float
    peak_mb: int


def watch(command: list[str], folder: Path, done: Callable[[], list[Path]], workers: int = 1) -> Cost:
    """Run `command` in `folder`; `done` finds the files that it left, one for each piece of work, written when it was done.

    Raises RuntimeError with the end of what it said where it fails; exit code 1, 'something needs a look', is no failure.
    """
    peak = 0
    with tempfile.TemporaryFile() as said:
        start = time.time()
        with subprocess.Popen(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT) as process:
            while process.poll() is None:
                peak = max(peak, _memory(process.pid))
                try:
                    process.wait(LOOK_S)
                except subprocess.TimeoutExpired:
                    continue
        seconds = time.time() - start
        said.seek(0)
        if process.returncode not in (0, 1):
            raise RuntimeError(
                f"{' '.join(command)} ended with {process.returncode}: {said.read()[-2000:].decode(errors='replace')}"
            )
    times = sorted(path.stat().st_mtime for path in done())
    if len(times) <= workers:
        raise RuntimeError(
            f"{' '.join(command)} did {len(times)} pieces of work; more than {workers} are needed to tell its pace"
        )
    # When the first is done the other workers are about to be, so those are not among what was done since.
    return Cost(seconds, times[0] - start, (times[-1] - times[0]) / (len(times) - workers), peak >> 20)


def _memory(pid: int) -> int:
    """Bytes that a process and all below it use now; what several share is divided among them, where the system tells."""
    used = 0
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return 0
    for process in processes:
        try:
            about = process.memory_full_info()
            used += getattr(about, "pss", about.rss)
        except (psutil.Error, OSError):  # gone by now
            continue
    return used
