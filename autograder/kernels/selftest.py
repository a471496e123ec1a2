"""What must fail inside a sandbox, tried there: a level that was not tested is only a hope."""

from __future__ import annotations

import ctypes
import os
import socket
from pathlib import Path
from typing import Any

__all__ = ["WALLS", "broken_walls"]

SETTINGS = ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/domainname", "/proc/sysrq-trigger")
# Each wall in the words that a report uses, when it does not stand.
WALLS = {
    "hidden": "the gradebook, solutions or other files of the grader can be read",
    "outside": "files outside the scratch folder can be written",
    "settings": "settings of the system can be changed",
    "network": "the network can be reached",
    "processes": "processes of others can be seen or signalled",
    "memory": "the memory of other processes can be read",
    "environment": "the grader's environment can be read",
    "namespaces": "new namespaces can be made",
}


def broken_walls(about: dict[str, Any]) -> list[str]:
    """The names of the walls that do not stand.

    `about` names what an outsider set up: files to `read`, folders to `write`, a TCP `port` and a Unix socket's abstract
    `name` that listen outside, and the `pid` of a process outside.
    """
    tried = {
        "hidden": any(_reads(path) for path in about["read"]),
        "outside": any(_writes(folder) for folder in about["write"]),
        "settings": any(_opens_to_write(path) for path in SETTINGS),
        "network": _connects(socket.AF_INET, ("127.0.0.1", about["port"])) or _connects(socket.AF_UNIX, "\0" + about["name"]),
        "processes": _signals(about["pid"]) or _reads(f"/proc/{about['pid']}/cmdline"),
        "memory": _reads(f"/proc/{about['pid']}/maps") or _reads(f"/proc/{about['pid']}/mem", 0),
        "environment": _reads(f"/proc/{about['pid']}/environ") or _reads(f"/proc/{os.getppid()}/environ"),
        "namespaces": ctypes.CDLL(None).unshare(0x10000000) == 0,
    }
    return [name for name, through in tried.items() if through]


def _reads(path: str, size: int = 1) -> bool:
    try:
        if Path(path).is_dir():
            return any(Path(path).iterdir())
        with open(path, "rb") as file:
            return len(file.read(size)) == size
    except OSError:
        return False


def _opens_to_write(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError:
        return False
    return True


def _writes(folder: str) -> bool:
    path = Path(folder, f"written-{os.getpid()}")
    try:
        path.touch()
        path.unlink()
    except OSError:
        return False
    return True


def _connects(family: int, address: Any) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as one:
            one.settimeout(2)
            one.connect(address)
    except OSError:
        return False
    return True


def _signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
