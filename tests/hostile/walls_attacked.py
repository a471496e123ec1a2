"""Make new namespaces, mount, change the system's settings, use the network, and write where the next kernel would look."""

import ctypes
import os
import socket

libc = ctypes.CDLL(None, use_errno=True)
through = [f"unshare {flag:#x}" for flag in (0x10000000, 0x20000000, 0x20000, 0x40000000) if libc.unshare(flag) == 0]
through += ["mount"] if libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None) == 0 else []
through += ["umount"] if libc.umount2(b"/proc", 2) == 0 or libc.umount2(b"/run/kernel", 2) == 0 else []
through += ["memfd"] if libc.memfd_create(b"x", 0) >= 0 else []
places = [
    "/",
    "/dev",
    "/run",
    "/run/kernel",
    "/home",
    "/usr",
    "/etc",
    "/proc/sys/kernel/domainname",
    "/proc/sys/kernel/core_pattern",
    "/var",
    "/sys",
    "@COURSE@",
]
for place in places:
    try:
        os.close(os.open(place if place.startswith("/proc") else f"{place}/left-behind", os.O_WRONLY | os.O_CREAT))
        through.append(place)
    except OSError:
        pass
for address in (("127.0.0.1", 22), ("1.1.1.1", 53), ("127.0.0.1", int("@PORT@"))):
    try:
        socket.create_connection(address, timeout=1)
        through.append(str(address))
    except OSError:
        pass
status = open("/proc/self/status").read() if os.path.exists("/proc/self/status") else "CapEff:\t0000000000000000"
through += ["capabilities"] if "CapEff:\t0000000000000000" not in status else []
print("THROUGH", through)


def largest(x):
    return -1.0
