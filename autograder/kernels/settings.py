"""What a forked kernel may use and how far it is shut in, as plain data that travels to the process that forks."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["LEVELS", "Ended", "Limits", "as_json", "level_asked_for", "limits_from"]

# strict: namespaces of users, processes, mounts, shared memory and network, by bubblewrap and `confine`.
# basic: Landlock and seccomp, which need no namespaces. none: a plain Jupyter kernel.
LEVELS = ("strict", "basic", "none")


def level_asked_for() -> str:
    """The level of isolation that the environment variable AUTOGRADER_ISOLATION names; 'strict' where it names none."""
    return os.environ.get("AUTOGRADER_ISOLATION", "") or "strict"


@dataclass(frozen=True)
class Limits:
    """Of one kernel and all it starts: megabytes of memory, seconds of processor time, processes and threads, open files,
    megabytes of one file and of all files together."""

    memory_mb: int = 2_048
    processor_s: int = 900
    processes: int = 256
    open_files: int = 512
    file_mb: int = 128
    disk_mb: int = 512


def as_json(limits: Limits) -> dict[str, int]:
    """The limits as a JSON object."""
    return asdict(limits)


def limits_from(data: dict[str, Any]) -> Limits:
    """The limits that `as_json` wrote."""
    return Limits(**data)


@dataclass
class Ended:
    """What is known of a kernel beside its messages: why it ended, and the most memory it had of its own, in bytes."""

    why: str = ""
    peak: int = 0
