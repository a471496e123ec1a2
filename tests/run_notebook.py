"""Run a notebook from top to bottom, as a student's Jupyter does, where it is started: also in a sealed network namespace.

`run` starts this file as a program, sealed if the machine can do it. The program writes the executed notebook, and into its
metadata how long it took and what it saw of the network.
"""

from __future__ import annotations

import copy
import errno
import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

# An address that stands for the outside; it is kept for documentation, and no computer in the world has it.
OUTSIDE = ("192.0.2.1", 443)
LONGEST_S = 300


@dataclass(frozen=True)
class Run:
    notebook: NotebookNode
    seconds: float
    sealed: bool  # nothing but the machine itself could be reached


def seal() -> list[str]:
    """The beginning of a command that runs in a network namespace with a loopback and no route."""
    return ["bwrap", "--dev-bind", "/", "/", "--unshare-net", "--die-with-parent", "--"]


@functools.cache
def can_seal() -> bool:
    """Whether this machine lets us make such a namespace."""
    if not shutil.which("bwrap"):
        return False
    return subprocess.run([*seal(), "true"], capture_output=True, check=False, timeout=60).returncode == 0


def run(folder: Path, notebook: NotebookNode, scratch: Path, environment: dict[str, str] | None = None) -> Run:
    """Run a notebook of our own in `scratch`, beside the released files of its chapter, sealed where that can be had."""
    for path in folder.iterdir():
        if path.is_file() and path.suffix != ".ipynb":
            shutil.copy(path, scratch)
    with tempfile.TemporaryDirectory() as private:
        source, target = Path(private) / "source.ipynb", Path(private) / "target.ipynb"
        nbformat.write(copy.deepcopy(notebook), source)
        command = [*(seal() if can_seal() else []), sys.executable, __file__, str(source), str(target)]
        subprocess.run(command, cwd=scratch, env=os.environ | (environment or {}), check=True)
        executed = nbformat.read(target, as_version=4)
    told = executed.metadata.pop("run")
    return Run(executed, told["seconds"], told["reached"] == errno.ENETUNREACH and told["interfaces"] == ["lo"])


def reach_outside() -> int:
    """The number of the error with which a connection to the outside ends."""
    with socket.socket() as caller:
        caller.settimeout(1)
        return caller.connect_ex(OUTSIDE)


def main(source: str, target: str) -> None:
    notebook, start = nbformat.read(source, as_version=4), time.monotonic()
    NotebookClient(notebook, timeout=LONGEST_S, allow_errors=True, resources={"metadata": {"path": "."}}).execute()
    interfaces = [name for _, name in socket.if_nameindex()]
    notebook.metadata["run"] = {"seconds": time.monotonic() - start, "reached": reach_outside(), "interfaces": interfaces}
    nbformat.write(notebook, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
