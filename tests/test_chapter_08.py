"""Chapter 08: its larger images are taken where they are, and their absence or damage is told and does no harm."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import need
from run_notebook import run

from autograder.release.source import Chapter, load_chapter

COURSE = Path(__file__).resolve().parents[1]
ENOUGH = 1797  # as many as the chapter uses
DEBIANS = Path("/usr/share/datasets/fashion-mnist")  # what `apt install dataset-fashion-mnist` brings


@pytest.fixture(scope="module")
def chapter() -> Chapter:
    return load_chapter(COURSE, "08_dataloaders")


def idx(values: torch.Tensor) -> bytes:
    """Bytes in the format of MNIST's files: a magic number, the sizes, the numbers."""
    return struct.pack(f">BBBB{values.dim()}I", 0, 0, 8, values.dim(), *values.shape) + values.to(torch.uint8).numpy().tobytes()


def made_up_set(folder: Path, name: str, count: int = ENOUGH + 3) -> torch.Tensor:
    """A set of tiny pictures as `torchvision.datasets` expects it; returns the labels of its training part."""
    raw = folder / name / "raw"
    raw.mkdir(parents=True)
    labels = torch.arange(count) % 10
    pictures = (25 * labels + 25).view(-1, 1, 1).expand(count, 6, 5)
    for part in ("train", "t10k"):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(pictures))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))
    return labels


def images_of(chapter: Chapter, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the chapter's cells that look for images, in `folder`; returns the names they define."""
    monkeypatch.setenv("COURSE_DATA", str(folder))
    code = "\n\n".join(chapter.cell(cell).source for cell in ("larger-images", "find-images", "look-at-images"))
    return chapter.namespace(code)


@pytest.mark.parametrize(("name", "first"), [("FashionMNIST", "T-shirt/top"), ("MNIST", "0 - zero")])
def test_a_set_that_is_there_is_taken(
    chapter: Chapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, first: str
) -> None:
    labels = made_up_set(tmp_path, name)
    found = images_of(chapter, tmp_path, monkeypatch)
    assert found["images"].shape == (ENOUGH, 1, 6, 5)
    assert found["images"].dtype == torch.uint8
    assert torch.equal(found["labels"], labels[:ENOUGH])
    assert torch.equal(found["images"][:, 0, 0, 0], (25 * labels[:ENOUGH] + 25).to(torch.uint8))
    assert found["names"][0] == first
    assert f"{name} it is" in capsys.readouterr().out


def test_the_real_fashion_mnist_is_read_as_the_chapter_tells(
    chapter: Chapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(DEBIANS.is_dir(), "Debian's package dataset-fashion-mnist")
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for packed in DEBIANS.glob("*.gz"):
        (raw / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    found = images_of(chapter, tmp_path, monkeypatch)
    assert found["images"].shape == (ENOUGH, 1, 28, 28)
    assert [found["names"][label] for label in found["labels"][:4]] == ["Ankle boot", "T-shirt/top", "T-shirt/top", "Dress"]


def test_without_a_set_the_digits_are_taken_and_it_is_said(
    chapter: Chapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = images_of(chapter, tmp_path, monkeypatch)
    assert found["images"].shape == (ENOUGH, 1, 8, 8)
    said, noise = capsys.readouterr()
    assert "FashionMNIST: Dataset not found" in said
    assert "digits it is" in said
    assert noise == ""
    assert list(tmp_path.iterdir()) == [], "nothing is fetched or made unasked"


@pytest.mark.parametrize("file", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"])
@pytest.mark.parametrize("left", [0, 3, 20, 1000])
def test_a_truncated_set_is_told_and_does_no_harm(
    chapter: Chapter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file: str,
    left: int,
) -> None:
    made_up_set(tmp_path, "FashionMNIST")
    path = tmp_path / "FashionMNIST" / "raw" / file
    path.write_bytes(path.read_bytes()[:left])
    found = images_of(chapter, tmp_path, monkeypatch)
    assert found["images"].shape == (ENOUGH, 1, 8, 8)
    assert any(
        len(line) > len("FashionMNIST: ") for line in capsys.readouterr().out.splitlines() if line.startswith("FashionMNIST: ")
    )


@pytest.mark.slow
def test_the_whole_chapter_runs_on_a_set_that_is_there(chapter: Chapter, tmp_path: Path) -> None:
    made_up_set(tmp_path / "data", "FashionMNIST")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    executed = run(
        COURSE / "notebooks" / chapter.name, chapter.notebook, scratch, {"COURSE_DATA": str(tmp_path / "data")}
    ).notebook
    outputs = [(cell.id, output) for cell in executed.cells for output in cell.get("outputs", [])]
    assert [(cell, output) for cell, output in outputs if output.output_type == "error" or output.get("name") == "stderr"] == []
    assert any("FashionMNIST it is" in output.get("text", "") for cell, output in outputs if cell == "look-at-images")
