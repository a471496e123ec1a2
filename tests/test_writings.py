"""The two-layer net, written in a new way in each chapter, trains through the same losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from autograder.release.source import load_chapter

COURSE = Path(__file__).parent.parent
STEPS, LR = 50, 1e-6
WRITINGS = {
    "03_autograd": "losses_by_autograd",
    "04_custom_functions": "losses_by_function",
    "05_nn": "losses_by_nn",
    "06_optim": "losses_by_optim",
    "07_custom_modules": "losses_by_module",
    "11_static_vs_dynamic_graphs": "losses_by_static_graph",
}


@pytest.fixture(scope="module")
def by_hand() -> list[float]:
    """The trace of chapter 02, from its own cells."""
    chapter = load_chapter(COURSE, "02_manual_gradients")
    names: dict[str, Any] = {"torch": torch}
    for cell in ("lecture-sizes", "canonical-trace"):
        exec(chapter.cell(cell).source, names)
    return list(names["trace"][:STEPS])


@pytest.mark.parametrize("name", WRITINGS)
def test_the_losses_are_those_of_chapter_02(name: str, by_hand: list[float]) -> None:
    if not (COURSE / "solutions" / name).is_dir():
        pytest.fail(f"{name} is not written yet")
    chapter = load_chapter(COURSE, name)
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in chapter.notebook.cells:
        if cell.id == "setup" or cell.id.startswith("executor") or cell.id == "writing":
            exec(cell.source, names)
    torch.manual_seed(0)
    start = [torch.randn(*shape) for shape in ((64, 1000), (64, 10), (1000, 100), (100, 10))]
    copies = [tensor.clone() for tensor in start]
    losses = names[WRITINGS[name]](*start, LR, STEPS)
    assert losses == pytest.approx(by_hand, rel=1e-4)
    assert all(torch.equal(tensor, copy) for tensor, copy in zip(start, copies, strict=True))
