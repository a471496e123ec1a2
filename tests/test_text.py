"""A source notebook as text and back: nothing is lost, and what a cell is follows from its id."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nbformat
import pytest
from sample import CHAPTER, COURSE, sample_chapter

from autograder.exercise import load_checks
from autograder.release.source import SourceError
from autograder.release.text import from_text, read_text_into, to_text, write_atomically

EXERCISES = sample_chapter().exercises


def notebook(text: str):
    return from_text(text, EXERCISES)


def test_there_and_back_again_is_the_same_notebook():
    source = nbformat.read(COURSE / "solutions" / CHAPTER / f"{CHAPTER}.ipynb", as_version=4)
    again = notebook(to_text(source))
    assert nbformat.writes(again) == nbformat.writes(source)
    assert to_text(again) == to_text(source)


def test_an_edited_text_replaces_the_notebook_in_one_step(tmp_path: Path):
    shutil.copytree(COURSE / "solutions" / CHAPTER, tmp_path / CHAPTER)
    text = tmp_path / "edited.py"
    text.write_text('# %% id="setup"\nimport torch\n')
    path = read_text_into(text, tmp_path / CHAPTER)
    assert [cell.id for cell in nbformat.read(path, as_version=4).cells] == ["setup"]
    assert path.read_bytes().endswith(b"}\n")
    text.write_text("# %%\nimport torch\n")
    with pytest.raises(SourceError):
        read_text_into(text, tmp_path / CHAPTER)
    assert [cell.id for cell in nbformat.read(path, as_version=4).cells] == ["setup"]


def test_the_id_says_what_a_cell_is_to_nbgrader():
    text = (
        '# %% id="row_sums"\ndef row_sums(x): ...\n\n# %% id="check_row_sums"\ncheck("row_sums")\n\n'
        '# %% [markdown] id="written_why" points=3\n# Because.\n\n# %% id="plain"\n1 + 1\n'
    )
    solution, check, written, plain = (cell.metadata.get("nbgrader") for cell in notebook(text).cells)
    assert (solution.solution, solution.grade, solution.locked) == (True, False, False)
    assert (check.solution, check.grade, check.locked, check.points) == (False, True, True, 2)
    assert (written.solution, written.grade, written.points) == (True, True, 3)
    assert plain is None


def test_the_header_line_is_written_from_checks():
    cell = notebook('# %% [markdown] id="about"\n# [[header row_sums]]\n').cells[0]
    assert cell.source == EXERCISES["row_sums"].header()
    with pytest.raises(SourceError, match="no exercise of that name"):
        notebook('# %% [markdown] id="about"\n# [[header row_sum]]\n')


def test_tags_are_kept():
    assert notebook('# %% id="plain" tags=["hide-input"]\n1\n').cells[0].metadata.tags == ["hide-input"]


@pytest.mark.parametrize(
    "text", ["# %%\n1\n", '# %% id="Upper"\n1\n', '# %% id="twice"\n1\n\n# %% id="twice"\n2\n', '# %% id="with space"\n1\n'],
    ids=["no id", "an id that is no word", "two cells of one id", "an id with a space"],
)  # fmt: skip
def test_a_cell_without_a_telling_id_is_refused(text):
    with pytest.raises(SourceError, match="needs an id of its own"):
        notebook(text)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch):
    path = tmp_path / "new" / "file.txt"
    write_atomically(path, b"old")
    assert oct(path.stat().st_mode & 0o777) == "0o644"

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in path.parent.iterdir()] == ["file.txt"]


def test_the_sample_checks_load():
    assert list(load_checks(COURSE / "solutions" / CHAPTER)) == ["row_sums", "line_gradient"]
