"""The lecture is covered: each statement and line of it has a row in LECTURE.md, which leads to a cell that teaches it."""

from __future__ import annotations

import functools
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from autograder.release.source import chapter_names

COURSE = Path(__file__).parent.parent
TABLE = COURSE / "solutions" / "LECTURE.md"
CHAPTERS = chapter_names(COURSE)
LINK = re.compile(r"\[(\d\d) `([^`]+)`\]\(([^)#]+)#([^)]+)\)")
# The sections of the lecture, each with the name of its snippet, if it has one, and how many rows there are at least.
SECTIONS = {
    "1. CPU vs GPU": (None, 1),
    "1.1 CPU": (None, 6),
    "1.2 GPU": (None, 8),
    "3.1 Tensors": ("tensors", 18),
    "3.2 Autograd": ("autograd", 15),
    "3.3 New autograd Functions": ("own ReLU", 7),
    "3.4 nn": ("nn", 11),
    "3.5 optim": ("optim", 6),
    "3.6 Define new Modules": ("own Module", 12),
    "3.7 DataLoaders": ("DataLoader", 11),
    "3.8 Pretrained Models": ("pretrained", 6),
    "3.9 Visdom": (None, 4),
    "4. Static vs dynamic graphs": (None, 3),
}
# Every call that the lecture shows, and every slip in it.
SHOWN = """
    FloatTeonsor cuda.FloatTensor torch.randn .type(dtype) x.mm(w1) clamp(min=0) pow(2).sum() y_pred=y h_relu.t() w2.t() clone()
    grad_h[h<0]=0 x.t() w1-=learning_rate*grad_w1 Variable requires_gard requires_grad x.data x.grad.data w1.grad.data.zero_()
    loss.backward() torch.autograd.Function save_for_backward saved_tensors grad_input[x<0]=0 ReLU() radnn torch.nn.Sequential
    torch.nn.Linear torch.nn.ReLU() MSELoss(size_average=False) model.zero_grad() param.data learing_rate torch.optim.Adam
    optimizer.zero_grad() optimizer.step() super(TwoLayerNet,self).__init__() self.linear1 self.linear2 TwoLayerNet(D_in,H,D_out)
    paramters torch.optim.SGD TensorDataset DataLoader batch_size=8 range(10) x_var,y_var
    torchvisoin models.alexnet models.vgg16 models.resnet101 (pretrained=True)
"""


@dataclass(frozen=True)
class Row:
    section: str
    says: str
    links: tuple[tuple[str, str, str, str], ...]  # number, label, path, cell

    def __str__(self) -> str:
        return f"{self.section}: {self.says}"


def rows() -> list[Row]:
    found, section = [], ""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ")
        elif line.startswith("| ") and line != "| the lecture | taught in |":
            says, cells = line.strip("| ").rsplit(" | ", 1)
            assert re.sub(LINK, "", cells).strip(", ") == "", f"not a list of links: {cells}"
            found.append(Row(section, says, tuple(LINK.findall(cells))))
    return found


ROWS = rows()


@functools.cache
def cells(edition: str, chapter: str) -> dict[str, str]:
    """The source of each cell by its id, in `solutions` or in `notebooks`."""
    notebook = nbformat.read(COURSE / edition / chapter / f"{chapter}.ipynb", as_version=4)
    return {cell.id: cell.source for cell in notebook.cells}


def bare(code: str) -> str:
    return re.sub(r"\s", "", code)


def test_each_section_has_its_rows_and_its_snippet() -> None:
    counted = Counter(row.section for row in ROWS)
    assert list(counted) == list(SECTIONS)
    assert {section: counted[section] for section, (_, least) in SECTIONS.items() if counted[section] < least} == {}
    snippets = [(row.section, name) for row in ROWS for name in re.findall(r"^\*\*Snippet `([^`]+)`\*\*", row.says)]
    assert snippets == [(section, name) for section, (name, _) in SECTIONS.items() if name]


def test_every_call_and_every_slip_of_the_lecture_has_a_row() -> None:
    quoted = bare(" ".join(code for row in ROWS for code in re.findall(r"`([^`]+)`", row.says)))
    assert [shown for shown in SHOWN.split() if shown not in quoted] == []


def test_every_link_leads_to_a_cell_of_both_editions() -> None:
    lost = []
    for row in ROWS:
        assert row.links, f"nothing teaches: {row}"
        for number, label, path, cell in row.links:
            chapter = Path(path).parent.name
            told_truly = path == f"{chapter}/{chapter}.ipynb" and chapter[:2] == number and label == cell
            if not (told_truly and chapter in CHAPTERS and all(cell in cells(e, chapter) for e in ("solutions", "notebooks"))):
                lost.append(f"{row} -> {path}#{cell}")
    assert lost == []


def test_code_that_a_row_quotes_stands_in_one_of_its_cells() -> None:
    """A row that begins with code quotes the lecture; the reader must find that code where the row leads."""
    absent = []
    for row in ROWS:
        if quoted := re.match(r"`([^`]+)`", row.says):
            sources = [cells("solutions", Path(path).parent.name).get(cell, "") for _, _, path, cell in row.links]
            if not any(bare(quoted[1]) in bare(source) for source in sources):
                absent.append(str(row))
    assert absent == []


def test_no_row_comes_twice_and_no_row_links_twice_to_a_cell() -> None:
    assert [says for (_, says), times in Counter((row.section, row.says) for row in ROWS).items() if times > 1] == []
    assert [str(row) for row in ROWS if len(set(row.links)) < len(row.links)] == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_chapter_appears(chapter: str) -> None:
    assert any(Path(path).parent.name == chapter for row in ROWS for _, _, path, _ in row.links)


def test_the_chapters_rows_are_in_this_table_alone_and_it_is_not_released() -> None:
    assert [str(path) for path in (COURSE / "solutions").glob("*/LECTURE*.md")] == []
    assert list((COURSE / "notebooks").rglob("LECTURE*")) == []
