"""System calls that shut a forked kernel in; own code, because the tools that do this start programs and cannot wrap a fork.

Bubblewrap builds the file system and cuts the network once, around the process that forks (see `sandbox`). What remains for each
fork is a namespace of processes, of shared memory and of mounts that is its own, fresh memory-backed folders, and no way back:
no capabilities, no new namespaces. Where there are no namespaces, Landlock and a seccomp filter hold what they can.

Linux only. Numbers and structures are those of the kernel's headers (linux/sched.h, linux/mount.h, linux/landlock.h,
linux/capability.h, linux/prctl.h); the system calls that have no wrapper in the C library have the same numbers on every
architecture since 5.3.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import struct
from collections.abc import Iterable
from pathlib import Path

__all__ = [
    "bind",
    "bind_read_only",
    "close_descriptors",
    "data_in_use",
    "die_with_parent",
    "drop_capabilities",
    "forbid_system_calls",
    "landlock_version",
    "limit_resources",
    "mount_proc",
    "mount_tmpfs",
    "own_namespaces",
    "rename_process",
    "restrict_files",
    "set_subreaper",
]  # fmt: skip

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x08000000, 0x10000000, 0x20000000
NAMESPACE_FLAGS = 0x7E020080  # every CLONE_NEW* flag
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 36, 38
CAPABILITY_VERSION_3 = 0x20080522
LANDLOCK_CREATE, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT = 444, 445, 446
# Rights to files by Landlock version: 13 bits in the first, then refer, truncate and ioctl on devices.
FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
READ_RIGHTS = 0b1101  # execute, read a file, list a folder
FOLDER_RIGHTS = 0b11111111111000  # list, remove, make, refer: what has a meaning for folders only
SCOPE_ABSTRACT_SOCKETS, SCOPE_SIGNALS = 1, 2

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> int:
    """A function of the C library that returns -1 on failure. Raises OSError."""
    result: int = getattr(_libc, name)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def _prctl(option: int, value: int) -> None:
    _call("prctl", option, value, 0, 0, 0)


def die_with_parent() -> None:
    """Be killed when the parent dies, however that ends."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def set_subreaper() -> None:
    """Become the parent of every descendant whose own parent has ended: none can get away by forking twice."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def own_namespaces() -> None:
    """Leave the namespaces of users, mounts, and shared memory, and of processes for every child. The user stays who they are.

    Raises OSError where the system allows no user namespaces.
    """
    uid, gid = os.getuid(), os.getgid()
    _call("unshare", CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID)
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    _mount(None, "/", None, MS_REC | MS_PRIVATE)


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [text.encode() if text is not None else None for text in (source, target, kind, data)]
    _call("mount", texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3])


def mount_tmpfs(target: str, megabytes: int, files: int = 20_000) -> None:
    """An empty folder in memory over `target`, which holds at most so much, and vanishes with the last process that sees it."""
    _mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, f"size={megabytes}m,nr_inodes={files},mode=0755")


def mount_proc() -> None:
    """/proc of the own processes only; where the system refuses that (a container that hides parts of it), an almost empty one.

    Read-only: to a process that is root outside, the system's settings in /proc/sys would be writable without any capability.
    """
    try:
        _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_RDONLY)
    except OSError:
        kept = {name: Path("/proc", name).read_bytes() for name in ("cpuinfo", "meminfo", "stat", "filesystems")}
        mount_tmpfs("/proc", megabytes=4)
        for name, text in kept.items():
            Path("/proc", name).write_bytes(text)
        bind_read_only("/proc")


def close_descriptors(but: Iterable[int]) -> None:
    """Close every open file from 3 on, except these."""
    start = 3
    for number in sorted(but):
        os.closerange(start, number)
        start = number + 1
    os.closerange(start, min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1 << 20))


def rename_process(line: str) -> None:
    """Show `line` as this process's command line, and of its first environment nothing."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end, env_start, env_end = (int(field) for field in fields[45:49])
    shown = line.encode()[: end - start - 1]
    ctypes.memmove(start, shown.ljust(end - start, b"\0"), end - start)
    ctypes.memset(env_start, 0, env_end - env_start)
    _call("clearenv")  # what stood there is gone for programs that this process starts; os.environ has copies
    for name, value in os.environ.items():
        os.putenv(name, value)


def bind(source: str, target: str) -> None:
    """Show the folder `source` at `target`."""
    _mount(source, target, None, MS_BIND | MS_REC)


def bind_read_only(target: str) -> None:
    """Let nobody change what is bound at `target` any more."""
    _mount(None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def drop_capabilities() -> None:
    """Give up every capability, for this process and all it starts, and the way to gain any by starting a program."""
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    for capability in range(64):
        with contextlib.suppress(OSError):
            _prctl(PR_CAPBSET_DROP, capability)
    header, nothing = struct.pack("Ii", CAPABILITY_VERSION_3, 0), bytes(24)
    _call("capset", header, nothing)


def data_in_use() -> int:
    """Private writable memory of this process, in bytes, as RLIMIT_DATA counts it."""
    return 1024 * int(Path("/proc/self/status").read_text().partition("VmData:")[2].split()[0])


def limit_resources(data_bytes: int, processor_s: int, file_bytes: int, open_files: int, processes: int) -> None:
    """Limits of this process and its children: memory, processor seconds, size of a file, open files, processes.

    Memory is counted as private writable memory (RLIMIT_DATA): the address space as a whole would break torch below 4 GB.
    For root the system does not count processes; the watch of `forkserver` does, as it counts shared memory.
    """
    wanted = {
        resource.RLIMIT_DATA: data_bytes,
        resource.RLIMIT_CPU: processor_s,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: open_files,
        resource.RLIMIT_NPROC: processes,
        resource.RLIMIT_CORE: 0,
    }
    for limit, most in wanted.items():
        hard = resource.getrlimit(limit)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        soft = (
            max(1, value - 1) if limit == resource.RLIMIT_CPU else value
        )  # a signal that names the reason before the one that kills
        resource.setrlimit(limit, (soft, value))


# memfd_create, memfd_secret and shmget make memory that belongs to no process and to no folder, so no limit counts it.
FORBIDDEN = (
    "add_key", "bpf", "chroot", "delete_module", "finit_module", "fsconfig", "fsmount", "fsopen", "init_module", "io_uring_enter",
    "io_uring_register", "io_uring_setup", "kexec_file_load", "kexec_load", "keyctl", "memfd_create", "memfd_secret", "mount",
    "mount_setattr", "move_mount",
    "name_to_handle_at", "open_by_handle_at", "open_tree", "perf_event_open", "pidfd_getfd", "pivot_root", "process_vm_readv",
    "process_vm_writev", "ptrace", "quotactl", "reboot", "request_key", "setns", "swapoff", "swapon", "syslog", "umount2",
    "shmget", "unshare", "userfaultfd", "vhangup",
)  # fmt: skip


def forbid_system_calls(network: bool) -> bool:
    """Refuse what no honest notebook calls: tracing others, mounting, new namespaces, uncounted memory, code for the kernel.

    `network=False` also refuses sockets other than Unix ones. Holds for every thread of this process and all it starts. Returns
    False where libseccomp is missing.
    """
    import errno

    try:
        import pyseccomp
    except (ImportError, RuntimeError, OSError):
        return False
    rules = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
    rules.set_attr(pyseccomp.Attr.CTL_TSYNC, 1)
    refuse = pyseccomp.ERRNO(errno.EPERM)
    for name in FORBIDDEN:
        with contextlib.suppress(ValueError, RuntimeError, OSError):  # a call that this architecture or library does not know
            rules.add_rule(refuse, name)
    for flag in (1 << bit for bit in range(32) if NAMESPACE_FLAGS >> bit & 1):
        rules.add_rule(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))
    with contextlib.suppress(
        ValueError, RuntimeError, OSError
    ):  # its flags stand in memory, where no filter looks; libc falls back to clone
        rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    if not network:
        for family in (2, 10, 16, 17, 40):  # inet, inet6, netlink, packet, vsock
            rules.add_rule(refuse, "socket", pyseccomp.Arg(0, pyseccomp.EQ, family))
    rules.load()
    return True


def landlock_version() -> int:
    """Which version of Landlock the system offers; 0 for none."""
    return max(0, int(_libc.syscall(LANDLOCK_CREATE, None, 0, 1)))


def restrict_files(read: Iterable[str], write: Iterable[str]) -> None:
    """Landlock: from now on see only what lies below `read`, and change only what lies below `write`.

    From version 6 on also: signal only the own processes. Tracing a process outside is refused by every version.
    Raises OSError where the system has no Landlock.
    """
    version = landlock_version()
    rights = FILE_RIGHTS[min(max(version, 1), 5)]
    scopes = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS if version >= 6 else 0
    attributes = struct.pack("QQQ", rights, 0, scopes)[: 24 if version >= 6 else 8]
    ruleset = _call("syscall", LANDLOCK_CREATE, attributes, len(attributes), 0)
    try:
        for paths, allowed in ((read, READ_RIGHTS), (write, rights)):
            for path in paths:
                if Path(path).exists():
                    _allow(ruleset, path, allowed & rights)
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
        _call("syscall", LANDLOCK_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = rights if Path(path).is_dir() else rights & ~FOLDER_RIGHTS
        _call("syscall", LANDLOCK_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, handle), 0)
    finally:
        os.close(handle)
