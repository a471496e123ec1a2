"""Chapter 02: what the kill matrix does not cover. Later chapters compare their losses with this chapter's trace."""

from pathlib import Path
from typing import Any

import pytest
import torch

from autograder.release.source import Chapter, load_chapter

COURSE = Path(__file__).resolve().parents[1]

# The classic mistakes of the two-layer net, and the wrong answer that stands for each: (exercise, name).
CLASSIC = {
    "no factor 2": ("gradient_w2", "no_factor_two"),
    "no ReLU mask": ("gradient_w1", "no_relu_mask"),
    "mask that is never true": ("backward_through_relu", "mask_never_true"),
    "masks the gradient's own sign": ("gradient_w1", "masks_the_gradients_own_sign"),
    "mask inverted": ("gradient_w1", "mask_inverted"),
    "multiplies by h_relu": ("gradient_w1", "multiplies_by_h_relu"),
    "gradient of w2 from h": ("gradient_w2", "from_h_before_the_relu"),
    "w2 updated before it is used": ("training_steps", "w2_updated_too_early"),
    "gradients accumulated": ("training_steps", "accumulates_gradients"),
    "wrong sign": ("training_steps", "walks_uphill"),
    "mean over all numbers": ("gradient_w2", "mean_over_all_numbers"),
    "mean over the batch": ("gradient_w2", "mean_over_batch"),
    "learning rate 1e-5": ("repaired_step", "learning_rate_ten_times_too_large"),
    "learning rate 1e-4": ("repaired_step", "learning_rate_a_hundred_times_too_large"),
}


@pytest.fixture(scope="module")
def chapter() -> Chapter:
    return load_chapter(COURSE, "02_manual_gradients")


@pytest.mark.parametrize("mistake", CLASSIC)
def test_each_classic_mistake_has_a_hint_of_its_own(chapter: Chapter, mistake: str) -> None:
    exercise, name = CLASSIC[mistake]
    hints = {wrong.name: wrong.hint for wrong in chapter.wrong[exercise]}
    assert list(hints.values()).count(hints[name]) == 1


def test_the_trace_is_what_autograd_finds(chapter: Chapter) -> None:
    names: dict[str, Any] = {"torch": torch}
    for cell in ("lecture-sizes", "canonical-trace"):
        exec(chapter.cell(cell).source, names)

    torch.manual_seed(0)
    x, y, w1, w2 = (torch.randn(*shape) for shape in ((64, 1000), (64, 10), (1000, 100), (100, 10)))
    losses = []
    for _ in range(20):
        weights = [w.requires_grad_() for w in (w1, w2)]
        loss = (x.mm(w1).relu().mm(w2) - y).square().sum()
        losses.append(loss.item())
        steps = torch.autograd.grad(loss, weights)
        w1, w2 = ((w - 1e-6 * step).detach() for w, step in zip(weights, steps, strict=True))
    assert names["trace"][:20] == pytest.approx(losses, rel=1e-3)


def test_data_and_weights_are_drawn_in_the_lectures_order(chapter: Chapter) -> None:
    for cell in ("lecture-sizes", "canonical-trace"):
        source = chapter.cell(cell).source
        places = [source.index(text) for text in ("torch.manual_seed(0)", "x = torch", "y = torch", "w1 = torch", "w2 = torch")]
        assert places == sorted(places)
