"""Kill, trace and write to every other process, and write to every open file."""

import ctypes
import os
import signal

libc = ctypes.CDLL(None, use_errno=True)
through = []
for pid in [1, os.getppid(), *range(2, 400), *range(int("@PID@") - 50, int("@PID@") + 50)]:
    if pid == os.getpid():
        continue
    if libc.ptrace(16, pid, 0, 0) == 0:
        through.append(("ptrace", pid))
    for path in (f"/proc/{pid}/mem", f"/proc/{pid}/environ", f"/proc/{pid}/oom_score_adj"):
        try:
            os.close(os.open(path, os.O_RDWR))
            through.append((path, pid))
        except OSError:
            pass
    if os.path.exists(f"/proc/{pid}") and pid > 1 and b"sleep" not in open(f"/proc/{pid}/cmdline", "rb").read():
        through.append(("seen", pid))
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
forged = b'{"ended": 1, "status": 0, "why": "", "peak": 0}\n{"guard": 1, "reaper": 1}\n'
for descriptor in range(3, 64):
    try:
        if "pipe" in os.readlink(f"/proc/self/fd/{descriptor}"):
            os.write(descriptor, forged)
    except OSError:
        pass
print("THROUGH", through)


def largest(x):
    return -1.0
