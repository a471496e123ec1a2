"""The walls around the process that forks: bubblewrap's command line, and what each level needs and promises."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import autograder
from autograder.kernels.settings import LEVELS

__all__ = ["NEEDED", "SandboxError", "advice", "clean_environment", "command", "readable"]

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
# Of /etc only what programs need to start and to show text: no passwords, no keys, no names of other machines.
ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "timezone", "fonts", "alternatives", "mime.types")
# The walls (of `selftest`) that must stand before a level may carry its name. Where seccomp's library is missing, a kernel can
# make new namespaces, but gains nothing by it that the others do not hold.
NEEDED = {
    "strict": ("hidden", "outside", "settings", "network", "processes", "memory", "environment"),
    "basic": ("hidden", "outside", "settings", "network", "memory", "environment"),
    "none": (),
}


class SandboxError(Exception):
    """The level of isolation that was asked for cannot be had here; the message says what would raise it."""


def clean_environment() -> dict[str, str]:
    """What a kernel gets to see of the environment: the language, where programs are, and one thread for torch."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH") if name in os.environ}
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])
    return kept | {
        "PATH": path, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }  # fmt: skip


def _python() -> list[str]:
    """Where this Python and its packages stand, and this package, which may stand outside them."""
    places = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, str(Path(autograder.__file__).parent)]
    real = [str(Path(place).resolve()) for place in [*places, sys.executable]]
    return [place for place in dict.fromkeys([*places, *real]) if not place.startswith(SYSTEM)]


def readable() -> list[str]:
    """What a kernel without namespaces may read."""
    return [*SYSTEM, *_python(), *(f"/etc/{name}" for name in ETC), "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu",
            "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"]  # fmt: skip


def command(level: str, runs: Path, imports: tuple[str, ...]) -> list[str]:
    """How to start the fork server, so that only its scratch folders, `runs`, are shared with it.

    Raises SandboxError where the level cannot be had.
    """
    server = [sys.executable, "-m", "autograder.kernels.forkserver", level, *imports]
    if level not in LEVELS:
        raise SandboxError(f"there is no isolation level {level!r}: it is one of {', '.join(LEVELS)}")
    if not sys.platform.startswith("linux"):
        raise SandboxError(f"isolation '{level}' needs Linux")
    if level == "basic":
        from autograder.kernels.confine import landlock_version  # loads on Linux only

        if not landlock_version():
            raise SandboxError("isolation 'basic' needs Landlock, which this kernel does not offer (Linux 5.13 or newer)")
        return server
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise SandboxError("isolation 'strict' needs bubblewrap, which is not installed (Debian, Ubuntu: apt install bubblewrap)")
    return [*_bubblewrap(bwrap, runs), "--", *server]


def _bubblewrap(bwrap: str, runs: Path) -> list[str]:
    """Nothing but the system, this Python and the scratch folders; /proc stays the real one, each kernel gets its own over it."""
    # fmt: off
    line = [
        bwrap, "--unshare-user", "--unshare-ipc", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
        "--uid", "1000", "--gid", "1000", "--hostname", "localhost", "--cap-drop", "ALL",
        "--tmpfs", "/", "--dev", "/dev", "--bind", "/proc", "/proc",
    ]
    # fmt: on
    for place in SYSTEM:
        if Path(place).is_symlink():
            line += ["--symlink", str(Path(place).readlink()), place]
        elif Path(place).is_dir():
            line += ["--ro-bind", place, place]
    for place in _python():
        line += ["--ro-bind", place, place]
    for name in ETC:
        line += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    line += ["--ro-bind-try", "/sys/devices/system/cpu", "/sys/devices/system/cpu"]
    line += ["--dir", "/tmp", "--dir", "/home/student", "--bind", str(runs), "/run/kernel", "--chdir", "/"]
    return [*line, "--remount-ro", "/dev", "--remount-ro", "/"]


def advice(level: str, said: str) -> str:
    """What would raise the level, from what went wrong."""
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if level == "strict" and restricted.is_file() and restricted.read_text().strip() == "1":
        return (
            "this system lets no ordinary program make user namespaces (Ubuntu's restriction); an administrator lifts it with "
            "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`"
        )
    if level == "strict" and not shutil.which("bwrap"):
        return "install bubblewrap (Debian, Ubuntu: apt install bubblewrap)"
    return said
