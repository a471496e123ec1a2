"""Pretrained weights come whole or not at all, nothing hangs, and who has none is told what to do."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from torchvision import models
from torchvision.models import AlexNet_Weights

from autograder.student.weights import WeightsMissing, fetch_weights

CHAPTER = Path(__file__).parent.parent / "solutions" / "09_pretrained_models" / "09_pretrained_models.ipynb"
WEIGHTS = AlexNet_Weights.IMAGENET1K_V1
PATIENCE_S = 0.5  # where a server is expected to hang; all others have the usual patience


def checkpoint(build: Any, value: float = 0.5) -> bytes:
    """A complete checkpoint of a net with millions of parameters, in some kilobytes: each tensor repeats one number."""
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in build().state_dict().items()}
    file = io.BytesIO()
    torch.save({name: torch.tensor(value).expand(shape) for name, shape in shapes.items()}, file)
    return file.getvalue()


CONTENT = checkpoint(models.alexnet)


@dataclass
class Server:
    """A local server of one file, and how it behaves."""

    content: bytes = CONTENT
    behaviour: str = "whole"
    asked: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def file_name(self) -> str:
        return f"alexnet-owt-{hashlib.sha256(self.content).hexdigest()[:8]}.pth"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/models/{self.file_name}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        sent = {"wrong content": b"x" * len(self.content), "too short": self.content[:1000]}.get(self.behaviour, self.content)
        if self.behaviour == "hangs":
            self.released.wait(60)
            return
        request.send_response(404 if self.behaviour == "404" else 200)
        request.send_header("Content-Length", str(len(sent) if self.behaviour != "breaks off" else len(self.content)))
        request.end_headers()
        if self.behaviour == "hangs half way":
            request.wfile.write(sent[: len(sent) // 2])
            self.released.wait(60)
        elif self.behaviour == "drips":
            for byte in sent:
                request.wfile.write(bytes([byte]))
                if self.released.wait(0.02):
                    return
        elif self.behaviour == "breaks off":
            request.wfile.write(sent[: len(sent) // 2])
        elif self.behaviour != "404":
            request.wfile.write(sent)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """A server that AlexNet's weights come from, and an empty folder that they go to."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(ConnectionError):  # the client has given up, which is what some tests are about
                server.answer(self)

        def log_message(self, *args: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, args=(0.05,))
    thread.start()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(WEIGHTS.value, "url", server.url)
    yield server
    server.released.set()
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "torch" / "hub" / "checkpoints"


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(**how: Any) -> str:
    """The explanation that comes in place of the weights."""
    with pytest.raises(WeightsMissing) as error:
        fetch_weights(WEIGHTS, **how)
    return str(error.value)


class TestFetched:
    def test_the_whole_file_arrives_and_fits_the_net(self, server: Server, folder: Path) -> None:
        state = fetch_weights(WEIGHTS)
        assert sum(tensor.numel() for tensor in state.values()) == 61_100_840
        assert kept(folder) == [server.file_name]
        with torch.device("meta"):
            model = models.alexnet()
        model.load_state_dict(state, assign=True)

    def test_torchvision_then_finds_it_and_asks_nobody(
        self, server: Server, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The real path of torchvision, which itself would wait for ever on a server that hangs."""
        fetch_weights(WEIGHTS)
        server.behaviour = "hangs"
        model = models.alexnet(weights=WEIGHTS)
        assert (model.features[0].weight == 0.5).all()
        assert len(server.asked) == 1
        assert capsys.readouterr().err == ""

    def test_a_second_call_asks_nobody(self, server: Server) -> None:
        fetch_weights(WEIGHTS)
        fetch_weights(WEIGHTS, download=False)
        assert len(server.asked) == 1

    def test_a_file_brought_by_hand_is_taken(self, server: Server, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / server.file_name).write_bytes(CONTENT)
        assert len(fetch_weights(WEIGHTS)) == 16
        assert server.asked == []

    def test_a_truncated_file_is_moved_aside_and_fetched_again(
        self, server: Server, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder.mkdir(parents=True)
        (folder / server.file_name).write_bytes(CONTENT[:2000])
        assert len(fetch_weights(WEIGHTS)) == 16
        assert kept(folder) == [server.file_name, f"{server.file_name}.damaged"]
        said = capsys.readouterr()
        assert "The file that was there is damaged (2000 bytes" in said.out
        assert said.err == ""

    def test_two_at_once_do_not_disturb_each_other(self, server: Server, folder: Path) -> None:
        threads = [threading.Thread(target=fetch_weights, args=(WEIGHTS,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert kept(folder) == [server.file_name]


class TestExplained:
    def test_unless_asked_for_nothing_is_fetched(self, server: Server, folder: Path) -> None:
        told = refused(download=False)
        assert server.asked == []
        assert "AlexNet_Weights.IMAGENET1K_V1 is not here: it has not been fetched yet" in told
        assert f"{server.file_name}, 233 MB" in told
        assert server.url in told
        assert str(folder) in told
        assert "`weights=None`" in told

    @pytest.mark.parametrize(
        ("behaviour", "reason"),
        [
            ("wrong content", "what the server sent is not the file"),
            ("too short", r"what the server sent is not the file \(1000 bytes"),
            ("breaks off", r"the connection ended after \d+ bytes of \d+ bytes"),
            ("404", r"the server answered 404 \(Not Found\)"),
        ],
    )
    def test_a_bad_answer_leaves_nothing_behind(self, server: Server, folder: Path, behaviour: str, reason: str) -> None:
        server.behaviour = behaviour
        assert re.search(reason, refused())
        assert kept(folder) == []

    @pytest.mark.parametrize("behaviour", ["hangs", "hangs half way", "drips"])
    def test_a_server_that_hangs_is_given_up(self, server: Server, folder: Path, behaviour: str) -> None:
        """A drip never trips a socket's timeout: what counts is how much came."""
        server.behaviour = behaviour
        told = refused(patience_s=PATIENCE_S)
        assert re.search(r"(nothing|only \d+ bytes) came in 0.5 seconds, so the download was given up", told)
        assert not server.released.is_set(), "the server still hangs, and we do not"
        assert server.file_name not in kept(folder)
        server.released.set()

    def test_no_network(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))  # bound, but nobody listens
            monkeypatch.setattr(WEIGHTS.value, "url", f"http://127.0.0.1:{unused.getsockname()[1]}/{server.file_name}")
            assert "there is no connection to the server" in refused()

    def test_a_name_lookup_that_hangs(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        """Python has no timeout for it."""

        def hang(*args: Any, **kwargs: Any) -> list[Any]:
            server.released.wait(60)
            raise socket.gaierror("nobody answers")

        monkeypatch.setattr(socket, "getaddrinfo", hang)
        assert "nothing came in 0.5 seconds" in refused(patience_s=PATIENCE_S)
        assert not server.released.is_set()

    def test_more_than_the_file_has(self, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(WEIGHTS.value.meta, "_file_size", 0.001)
        assert "the server sends more than" in refused()
        assert kept(folder) == []

    def test_a_damaged_file_is_told_and_not_left_for_torchvision(self, server: Server, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / server.file_name).write_bytes(CONTENT[:2000])
        assert "the file that was there is damaged (2000 bytes" in refused(download=False)
        assert kept(folder) == [f"{server.file_name}.damaged"]
        server.behaviour = "404"
        refused()

    def test_a_folder_that_cannot_be_written(self, server: Server, folder: Path) -> None:
        folder.parent.mkdir(parents=True)
        folder.write_text("a file stands where the folder should be")
        assert "File exists" in refused()

    def test_code_in_a_file_is_never_run(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        """A pickle may hold code; its hash does not tell."""

        class Trap:
            def __reduce__(self) -> Any:
                return sys.exit, ("the file's code ran",)

        file = io.BytesIO()
        torch.save({"weight": Trap()}, file)
        server.content = file.getvalue()
        monkeypatch.setattr(WEIGHTS.value, "url", server.url)
        assert "cannot be read as plain tensors" in refused()

    def test_a_file_without_a_hash_in_its_name_is_not_accepted(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(WEIGHTS.value, "url", f"http://127.0.0.1:{server.port}/alexnet.pth")
        with pytest.raises(ValueError, match="does not carry its hash"):
            fetch_weights(WEIGHTS)
        assert server.asked == []


@pytest.mark.slow
def test_the_chapter_shows_more_where_the_files_are(tmp_path: Path) -> None:
    """Chapter 09 with all three files in TORCH_HOME: it loads them, asks nobody, guesses and draws AlexNet's filters."""
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    lines = ["import os", f"os.environ['TORCH_HOME'] = {str(tmp_path)!r}", "from torchvision import models"]
    for name in ("alexnet", "vgg16", "resnet101"):
        file = io.BytesIO()
        state = torch.load(io.BytesIO(checkpoint(models.get_model_builder(name), 0.001)), weights_only=True)
        first = next(iter(state))
        torch.save(state | {first: torch.rand(state[first].shape)}, file)
        file_name = f"{name}-{hashlib.sha256(file.getvalue()).hexdigest()[:8]}.pth"
        (folder / file_name).write_bytes(file.getvalue())
        lines.append(f"models.get_model_weights({name!r}).IMAGENET1K_V1.value.url = 'http://127.0.0.1:9/{file_name}'")
    notebook = nbformat.read(CHAPTER, as_version=4)
    ids = [cell.id for cell in notebook.cells]
    notebook.cells = notebook.cells[: ids.index("draw-alexnet-filters") + 1]
    notebook.cells.insert(0, nbformat.v4.new_code_cell("\n".join(lines)))
    for cell in notebook.cells:
        if cell.id.startswith("check_"):
            cell.source = ""
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = {cell.id: cell.get("outputs", []) for cell in notebook.cells}
    assert [output for outputs in shown.values() for output in outputs if output.get("name") == "stderr"] == []
    assert shown["fetch-the-three"] == []
    assert len("".join(o["text"] for o in shown["guess-with-the-three"]).splitlines()) == 3 * 4
    assert "64 filters" in shown["draw-alexnet-filters"][0]["data"]["text/html"]
