"""`make visdom` and chapter 10: a real server on this machine alone, a client that logs, a page seen in a real Chromium."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
from conftest import need
from lab import CHROMIUM, chromium
from nbclient import NotebookClient

from autograder import visdom_server
from autograder.release.source import load_chapter
from autograder.visdom_server import VisdomError, fetch_scripts, private_page, scripts_folder

COURSE = Path(__file__).parent.parent
CHAPTER = "10_visdom"
# Where screenshots are left to be looked at; a folder of the test's own if it is not set.
PICTURES = os.environ.get("SCREENSHOTS")
SERVE = """
import sys
from pathlib import Path
from autograder.visdom_server import VisdomError, serve
try:
    raise SystemExit(serve(int(sys.argv[1]), Path(sys.argv[2])))
except VisdomError as error:
    print(f"autograder: {error}", file=sys.stderr)
    raise SystemExit(2)
"""


def start(port: int, dashboards: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SERVE, str(port), str(dashboards)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def port_of(server: subprocess.Popen[str]) -> int:
    """The port that a server tells, once it is ready."""
    assert server.stdout
    for line in server.stdout:
        if told := re.fullmatch(
            r"Visdom is at http://127\.0\.0\.1:(\d+) \(this machine only\)\. Ctrl\+C here stops it\.\n", line
        ):
            return int(told[1])
    assert server.stderr
    raise AssertionError(f"no address: {server.stderr.read()}")


def stop(server: subprocess.Popen[str], by: signal.Signals) -> tuple[int, str, str]:
    server.send_signal(by)
    try:
        out, errors = server.communicate(timeout=30)
    finally:
        server.kill()
    return server.returncode, out, errors


@pytest.fixture(scope="module")
def scripts() -> Path:
    """The page's scripts, fetched once for this machine."""
    folder = scripts_folder()
    try:
        fetch_scripts(folder)
    except VisdomError as error:
        need(False, str(error))
    return folder


@pytest.fixture
def port(scripts: Path, tmp_path: Path) -> Iterator[int]:
    """A server on a free port, stopped at the end without a word on stderr."""
    server = start(0, tmp_path / "dashboards")
    try:
        yield port_of(server)
    finally:
        status, out, errors = stop(server, signal.SIGTERM)
    assert (status, out, errors) == (0, "Visdom has stopped.\n", "")


def status_of(port: int, path: str = "/", **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers=headers)
    return connection.getresponse().status


# -- the scripts of the page ---------------------------------------------------------------------


def archive(folder: Path, name: str, files: dict[str, str]) -> Path:
    import tarfile

    for file, content in files.items():
        path = folder / "package" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    with tarfile.open(folder / name, "w:gz") as package:
        package.add(folder / "package", "package")
    return folder / name


def test_only_the_named_files_of_a_package_are_taken(tmp_path: Path) -> None:
    package = archive(tmp_path, "a.tgz", {"dist/a.js": "a", "dist/b.js": "b", "fonts/x/one": "1", "package.json": "{}"})
    visdom_server._unpack(package, {"dist/a.js": "js/renamed.js", "fonts/": "fonts/"}, tmp_path / "static")
    static = tmp_path / "static"
    assert {path.relative_to(static).as_posix(): path.read_text() for path in static.rglob("*") if path.is_file()} == {
        "js/renamed.js": "a",
        "fonts/x/one": "1",
    }


def test_without_npm_and_network_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(visdom_server, "OWN_DOWNLOAD", "raise SystemExit('Error no route while downloading')")
    with pytest.raises(VisdomError) as caught:
        fetch_scripts(tmp_path / "cache" / "visdom")
    said = str(caught.value)
    assert "npm: not installed" in said
    assert "Visdom's own download: Error no route while downloading" in said
    assert "Install Node.js" in said
    assert "Chapter 10 works without a server" in said
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_way_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(visdom_server, "DOWNLOAD_LIMIT_S", 1)
    monkeypatch.setattr(visdom_server, "OWN_DOWNLOAD", "import time; time.sleep(60)")
    assert visdom_server._by_visdom(tmp_path / "static") == "no answer within 1 s"


def test_visdoms_own_download_fills_the_gap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wanted = visdom_server._missing(tmp_path)
    assert any("plotly" in name for name in wanted)
    code = f"import sys; from pathlib import Path\nfor name in {wanted!r}:\n"
    code += "    p = Path(sys.argv[1], 'static', name); p.parent.mkdir(parents=True, exist_ok=True); p.write_text('x')"
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(visdom_server, "OWN_DOWNLOAD", code)
    fetch_scripts(tmp_path / "cache")
    assert visdom_server._missing(tmp_path / "cache") == []
    monkeypatch.setattr(visdom_server, "OWN_DOWNLOAD", "raise SystemExit('asked again')")
    fetch_scripts(tmp_path / "cache")


def test_a_damaged_cache_is_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cache" / "js").mkdir(parents=True)
    (tmp_path / "cache" / "js" / "jquery.min.js").touch()
    test_visdoms_own_download_fills_the_gap(monkeypatch, tmp_path)


def test_the_private_page_leaves_the_installed_one_alone(tmp_path: Path) -> None:
    installed = visdom_server._installed()
    before = {path: path.stat().st_mtime_ns for path in installed.rglob("*")}
    (tmp_path / "scripts" / "js").mkdir(parents=True)
    page = (private_page(tmp_path / "scripts", tmp_path) / "index.html").read_text()
    assert "../user" not in page
    assert "href=/user/style.css" in page
    assert {path: path.stat().st_mtime_ns for path in installed.rglob("*")} == before


def test_no_file_of_the_server_names_a_host() -> None:
    source = Path(visdom_server.__file__).read_text()
    assert re.findall(r"https?://[^\s{\"']+", source) == []


# -- who is served -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({"Host": "127.0.0.1:8097"}, False),
        ({"Host": "localhost:9000"}, False),
        ({"Host": "[::1]:8097", "Origin": "http://localhost:8888"}, False),
        ({"Host": "example.org"}, True),
        ({"Host": "localhost.example.org:8097"}, True),
        ({"Host": "127.0.0.1:8097", "Origin": "http://example.org"}, True),
        ({"Host": "127.0.0.1:8097", "Origin": "null"}, True),
        ({"Host": "[127.0.0.1"}, True),
        ({}, True),
    ],
)
def test_only_requests_of_this_machine_are_served(headers: dict[str, str], foreign: bool) -> None:
    assert visdom_server._foreign(headers) is foreign


def listening(port: int) -> set[str]:
    """The addresses on which somebody listens on this port, as the system writes them."""
    found = set()
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            address, number = line.split()[1].split(":")
            if line.split()[3] == "0A" and int(number, 16) == port:
                found.add(address)
    return found


@pytest.mark.slow
def test_the_server_listens_on_the_loopback_address_alone(port: int) -> None:
    need(Path("/proc/net/tcp").exists(), "no /proc/net/tcp")
    assert listening(port) == {socket.inet_aton("127.0.0.1")[::-1].hex().upper() if sys.byteorder == "little" else "7F000001"}
    assert status_of(port) == 200
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} | {"127.0.0.2"}
    for address in addresses - {"127.0.0.1"}:
        with socket.socket() as client:
            client.settimeout(5)
            assert client.connect_ex((address, port)) != 0, address


@pytest.mark.slow
def test_a_page_of_another_site_gets_nothing(port: int) -> None:
    assert status_of(port, Host="example.org") == 403
    assert status_of(port, Origin="http://example.org") == 403
    assert status_of(port, "/socket", Origin="http://example.org", Upgrade="websocket", Connection="Upgrade") == 403


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_while_a_client_is_connected(scripts: Path, tmp_path: Path, by: signal.Signals) -> None:
    server = start(0, tmp_path)
    port = port_of(server)
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    kept.request("GET", "/")
    kept.getresponse().read()
    before = time.monotonic()
    assert stop(server, by) == (0, "Visdom has stopped.\n", "")
    assert time.monotonic() - before < 10


@pytest.mark.slow
def test_a_port_in_use_is_refused_in_a_sentence(port: int, tmp_path: Path) -> None:
    second = start(port, tmp_path)
    out, errors = second.communicate(timeout=60)
    assert (second.returncode, out) == (2, "")
    assert errors.startswith(f"autograder: port {port} is in use, perhaps by a Visdom that runs already")
    assert 'make visdom ARGS="--port 8098"' in errors
    assert "Traceback" not in errors


def test_a_port_that_is_none_is_refused() -> None:
    with pytest.raises(VisdomError, match="port 70000 cannot be used"):
        visdom_server.serve(70000)


# -- chapter 10 with and without a server --------------------------------------------------------


def run_chapter(port: int, folder: Path) -> Any:
    """Chapter 10, run from top to bottom, looking for its server on this port."""
    notebook = nbformat.from_dict(load_chapter(COURSE, CHAPTER).notebook)
    for cell in notebook.cells:
        cell.source = cell.source.replace("port: int = 8097", f"port: int = {port}")
    shutil.copytree(COURSE / "solutions" / CHAPTER, folder, dirs_exist_ok=True)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def printed(notebook: Any, cell_id: str) -> str:
    cell = next(cell for cell in notebook.cells if cell.id == cell_id)
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def stderr_of(notebook: Any) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]


@pytest.mark.slow
def test_without_a_server_the_chapter_says_how_to_start_one_and_goes_on(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        notebook = run_chapter(nobody.getsockname()[1], tmp_path / CHAPTER)
    assert "`make visdom` in a second terminal" in printed(notebook, "connect")
    assert "the log is the only copy" in printed(notebook, "read-back")
    assert stderr_of(notebook) == []


def test_a_server_that_never_answers_does_not_hang_the_chapter() -> None:
    names: dict[str, Any] = {}
    chapter = load_chapter(COURSE, CHAPTER)
    exec(chapter.cell("setup").source, names)
    exec(chapter.cell("quiet").source, names)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        source = chapter.cell("connect").source.replace("port: int = 8097", f"port: int = {silent.getsockname()[1]}")
        before = time.monotonic()
        exec(source, names)
    assert names["viz"].offline
    assert time.monotonic() - before < 10


@pytest.mark.slow
def test_the_chapters_curve_is_seen_in_chromium_and_no_request_leaves_the_machine(port: int, tmp_path: Path) -> None:
    need(CHROMIUM is not None, "Chromium is not installed")
    notebook = run_chapter(port, tmp_path / CHAPTER)
    assert "A server is there." in printed(notebook, "connect")
    assert printed(notebook, "read-back") == "The server's curve equals the log's: True\n"
    assert stderr_of(notebook) == []

    asked: list[str] = []
    failed: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.on("request", lambda request: asked.append(request.url))
        page.on("response", lambda response: failed.append(response.url) if response.status >= 400 else None)
        page.goto(f"http://127.0.0.1:{port}/env/chapter_10")
        curve = page.locator(".window", has=page.locator(".gtitle", has_text=re.compile("^loss$")))
        curve.locator(".scatterlayer path.js-line").wait_for(timeout=60_000)
        drawn = curve.locator(".scatterlayer path.js-line").get_attribute("d") or ""
        page.wait_for_timeout(2000)
        folder = Path(PICTURES) if PICTURES else tmp_path
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(folder / "visdom-page.png"))
    assert len(re.findall(r"[ML, ]-?[\d.]+,-?[\d.]+", drawn)) >= 20, drawn
    assert {urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))} == {"127.0.0.1"}
    assert failed == []


def test_importing_visdom_says_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", "import visdom"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_log_can_be_read_as_the_chapter_reads_it() -> None:
    from visdom import Visdom

    with tempfile.TemporaryDirectory() as folder:
        viz = Visdom(offline=True, log_to_filename=f"{folder}/log", use_incoming_socket=False)
        viz.line(Y=[1.0], X=[0], win="loss")
        viz.line(Y=[2.0], X=[1], win="loss", update="append")
        lines = [json.loads(line) for line in Path(folder, "log").read_text().splitlines()]
    assert [(endpoint, message["win"], message["eid"]) for endpoint, message in lines] == [
        ("events", "loss", "main"),
        ("update", "loss", "main"),
    ]
