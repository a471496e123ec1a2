"""The seal in which every chapter runs is tight: the machine itself can be reached, and nothing else.

That the chapters run clean in it is asked where they are run, in test_chapters.py.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from conftest import need
from nbformat.v4 import new_code_cell, new_notebook
from run_notebook import Run, can_seal, run

pytestmark = pytest.mark.slow

CALL_OUTSIDE = """
import socket, urllib.request
for call in (lambda: socket.create_connection(("192.0.2.1", 443), timeout=5),
             lambda: socket.getaddrinfo("example.org", 443),
             lambda: urllib.request.urlopen("http://192.0.2.1/", timeout=5)):
    try:
        print("reached", call())
    except OSError as error:
        print(type(error).__name__)
"""
CALL_MYSELF = """
server = socket.create_server(("127.0.0.1", 0))
with socket.create_connection(server.getsockname(), timeout=5) as caller:
    print("reached myself")
server.close()
"""
CALL_FROM_A_CHILD = """
import subprocess, sys
code = "import socket; print(socket.socket().connect_ex(('192.0.2.1', 443)))"
print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
"""


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    need(can_seal(), "bubblewrap, and the right to make a network namespace")
    cells = [new_code_cell(code) for code in (CALL_OUTSIDE, CALL_MYSELF, CALL_FROM_A_CHILD)]
    folder = tmp_path_factory.mktemp("chapter")
    return run(folder, new_notebook(cells=cells), tmp_path_factory.mktemp("scratch"))


def said(run: Run, cell: int) -> list[str]:
    return "".join(output.get("text", output.get("evalue", "")) for output in run.notebook.cells[cell].outputs).split("\n")


def test_the_outside_cannot_be_reached_by_address_or_by_name(sealed: Run) -> None:
    assert said(sealed, 0)[:3] == ["OSError", "gaierror", "URLError"]


def test_the_machine_itself_can_be_reached(sealed: Run) -> None:
    assert said(sealed, 1)[0] == "reached myself"


def test_a_child_of_the_kernel_is_sealed_too(sealed: Run) -> None:
    assert said(sealed, 2)[0] == "101", "the network is unreachable"


def test_the_seal_is_told_only_where_it_holds(sealed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a chapter's run cannot pass for sealed by accident."""
    assert sealed.sealed
    monkeypatch.setattr("run_notebook.can_seal", lambda: False)
    lonely = [name for _, name in socket.if_nameindex()] == ["lo"]
    assert run(tmp_path, new_notebook(), tmp_path).sealed == lonely
