"""A Jupyter kernel provisioner whose kernels are forked, warm and confined: any Jupyter client can use it.

Registered as `autograder-forked`. A kernel specification chooses it, with the level of isolation and the limits:

    {"argv": [], "display_name": "Python, forked", "language": "python",
     "metadata": {"kernel_provisioner": {"provisioner_name": "autograder-forked", "config": {"level": "strict"}}}}

The kernel manager must speak `transport = "ipc"`, since a kernel in its own network namespace has no ports. Each process that
forks runs one kernel at a time; another is started where two are wanted at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.provisioning import KernelProvisionerBase
from traitlets import Dict, List, Unicode

from autograder.kernels.settings import Ended, Limits, as_json, limits_from
from autograder.kernels.warm import Forked, ForkServer, fork_server

__all__ = ["PROVISIONER", "ForkedProvisioner", "ForkedSpecs", "kernel_specification"]

PROVISIONER = "autograder-forked"
PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
POLL_S = 0.005


def kernel_specification(level: str, limits: Limits, imports: tuple[str, ...] = ()) -> dict[str, Any]:
    """What stands in a kernel.json that chooses this provisioner."""
    config = {"level": level, "limits": as_json(limits), "imports": list(imports)}
    return {
        "argv": [], "display_name": "Python, forked", "language": "python", "interrupt_mode": "signal",
        "metadata": {"kernel_provisioner": {"provisioner_name": PROVISIONER, "config": config}},
    }  # fmt: skip


class ForkedSpecs(KernelSpecManager):  # type: ignore[misc]
    """Kernel specifications without a folder: whatever the name, a forked kernel at this level with these limits."""

    def __init__(self, level: str, limits: Limits, imports: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._specification = kernel_specification(level, limits, imports)

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(**self._specification)


class ForkedProvisioner(KernelProvisionerBase):  # type: ignore[misc]
    """One kernel's life: forked on launch, with everything it started gone after `kill`.

    `files` in the launch's keyword arguments, a dict of name to bytes, stand in the kernel's working folder.
    """

    level = Unicode("strict", config=True)
    limits = Dict(config=True)
    imports = List(Unicode(), config=True)

    server: ForkServer | None = None
    forked: Forked | None = None
    _scratch: Path | None = None
    _status: int | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.ended = Ended()

    @property
    def has_process(self) -> bool:
        return self.forked is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Make the scratch folder, and name the sockets in it. Raises RuntimeError where the client speaks TCP."""
        manager = self.parent
        if manager.transport != "ipc":
            raise RuntimeError("a forked kernel has no network: set the kernel manager's transport to 'ipc'")
        self.server = fork_server(self.level, tuple(self.imports))
        self._scratch = self.server.new_scratch(kwargs.pop("files", None) or {})
        manager.ip = str(self._scratch / "sockets" / "s")
        manager.connection_file = str(self._scratch / "kernel.json")
        for number, name in enumerate(PORTS, 1):
            setattr(manager, name, number)
        self.connection_info = manager.get_connection_info()
        options: dict[str, Any] = await super().pre_launch(cmd=[], **{"env": {}, **kwargs})
        return options

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork the kernel."""
        assert self.server is not None
        assert self._scratch is not None
        connection = {name: self.connection_info[name] for name in PORTS}
        connection["key"] = self.connection_info["key"].decode()
        self.forked = self.server.fork(self._scratch, limits_from(self.limits or {}), connection=connection)
        self._status = None
        return self.connection_info

    async def poll(self) -> int | None:
        if self.forked is None:
            return 0
        if self._status is None and self.server is not None and (status := self.server.poll()) is not None:
            self._status = status
            self.ended.why, self.ended.peak = _why(status, str(self.server.ended.get("why", ""))), self.server.peak
        return self._status

    async def wait(self) -> int | None:
        while await self.poll() is None:
            await asyncio.sleep(POLL_S)
        status, self.forked = self._status, None
        return status

    async def send_signal(self, signum: int) -> None:
        if self.forked is None:
            return
        if signum == signal.SIGKILL:
            await self.kill()
        elif signum == signal.SIGINT:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.forked.reaper, signum)

    async def kill(self, restart: bool = False) -> None:
        if self.forked is None:
            return
        for pid in (self.forked.reaper, self.forked.guard):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while await self.poll() is None:
            await asyncio.sleep(POLL_S)

    async def terminate(self, restart: bool = False) -> None:
        await self.kill(restart)

    async def cleanup(self, restart: bool = False) -> None:
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)


def _why(status: int, told: str) -> str:
    """Why a kernel ended, from what the fork server says and from its exit status."""
    if told:
        return told
    return "it used more processor time than allowed" if status == 128 + signal.SIGXCPU else ""
