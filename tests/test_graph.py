"""The picture of an autograd graph says what the live tensors say, in the drawing and in words."""

from __future__ import annotations

import warnings
from xml.etree import ElementTree

import pytest
import torch

from autograder.student.graph import MOST_NODES, GraphPicture, draw_graph

SVG = "{http://www.w3.org/2000/svg}"


class Net:
    """The two-layer net, small, with every tensor of its forward pass."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x, self.y = (torch.randn(5, n, generator=generator) for n in (4, 2))
        self.w1, self.w2 = (torch.randn(*s, generator=generator).requires_grad_() for s in ((4, 3), (3, 2)))
        self.h = self.x.mm(self.w1)
        self.h_relu = self.h.relu()
        self.y_pred = self.h_relu.mm(self.w2)
        self.loss = (self.y_pred - self.y).pow(2).sum()

    def draw(self) -> GraphPicture:
        return draw_graph(self.loss, vars(self))


def texts(picture: GraphPicture) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(picture.svg).iter(f"{SVG}text")]


def boxes(picture: GraphPicture) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of each drawn box."""
    found = []
    for rect in ElementTree.fromstring(picture.svg).iter(f"{SVG}rect"):
        if "stroke" in rect.attrib:
            x, y, width, height = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
            found.append((x, y, x + width, y + height))
    return found


def overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


class TestWhatIsDrawn:
    def test_every_operation_and_leaf_of_the_net_is_there_once(self) -> None:
        drawn = texts(Net().draw())
        operations = [text for text in drawn if text.endswith("Backward0")]
        assert sorted(operations) == sorted(
            ["SumBackward0", "PowBackward0", "SubBackward0", "ReluBackward0"] + 2 * ["MmBackward0"]
        )
        assert drawn.count("w1") == drawn.count("w2") == 1
        assert drawn.count("AccumulateGrad") == 2

    def test_tensors_are_called_by_their_names_with_shape_or_value(self) -> None:
        net = Net()
        drawn = texts(net.draw())
        assert "made h (5, 3)" in drawn
        assert f"made loss = {net.loss.item():.4g}" in drawn
        assert "leaf (4, 3)" in drawn

    def test_what_a_node_keeps_is_told(self) -> None:
        drawn = texts(Net().draw())
        assert "keeps x" in drawn
        assert "keeps nothing" in drawn
        assert any(text in drawn for text in ("keeps w2 and h_relu", "keeps h_relu and w2"))

    def test_backward_fills_the_leaves_and_frees_the_nodes(self) -> None:
        net = Net()
        assert texts(net.draw()).count("grad None") == 2
        net.loss.backward()
        drawn = texts(net.draw())
        assert net.w1.grad is not None
        assert f"grad of norm {net.w1.grad.norm().item():.4g}" in drawn
        assert "freed by backward" in drawn
        assert "keeps x" not in drawn

    def test_a_retained_graph_is_not_told_as_freed(self) -> None:
        net = Net()
        net.loss.backward(retain_graph=True)
        assert "freed by backward" not in texts(net.draw())

    def test_a_retained_gradient_of_an_inner_tensor_is_shown(self) -> None:
        net = Net()
        net.y_pred.retain_grad()
        assert "grad None" in texts(draw_graph(net.loss, {"y_pred": net.y_pred, "w1": net.w1}))
        net.loss.backward()
        assert net.y_pred.grad is not None
        assert f"grad of norm {net.y_pred.grad.norm().item():.4g}" in texts(net.draw())

    def test_a_kept_tensor_overwritten_since_is_told(self) -> None:
        net = Net()
        with torch.no_grad():
            net.w2 += 1
        assert "overwritten since" in texts(net.draw())

    def test_a_function_of_ones_own_is_drawn_and_freed_like_any_other(self) -> None:
        class Cube(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):  # type: ignore[no-untyped-def]
                ctx.save_for_backward(x)
                return x**3

            @staticmethod
            def backward(ctx, arriving):  # type: ignore[no-untyped-def]
                (x,) = ctx.saved_tensors
                return 3 * x**2 * arriving

        t = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = Cube.apply(t).sum()
        assert {"CubeBackward", "keeps t", "leaf [1, 2]"} <= set(texts(draw_graph(loss, {"t": t})))
        loss.backward()
        assert {"freed by backward", "grad [3, 12]"} <= set(texts(draw_graph(loss, {"t": t})))


class TestWithoutAGraph:
    def test_a_tensor_made_under_no_grad(self) -> None:
        net = Net()
        with torch.no_grad():
            prediction = net.x.mm(net.w1)
        picture = draw_graph(prediction, {"prediction": prediction})
        assert "no graph: grad_fn is None" in texts(picture)
        assert picture.alt == "prediction has no graph behind it: its grad_fn is None, since it does not require gradients."

    def test_a_leaf(self) -> None:
        w = torch.ones(2, requires_grad=True)
        picture = draw_graph(w, {"w": w})
        assert "leaf [1, 1]" in texts(picture)
        assert "it is a leaf" in picture.alt


class TestLayout:
    def test_no_two_boxes_overlap_and_arrows_point_down(self) -> None:
        t = torch.tensor([1.0, 2.0], requires_grad=True)
        u = t.exp()
        loss = (u * t + u.sin().sqrt() + u.sigmoid().tanh()).sum()
        drawn = boxes(draw_graph(loss, {"t": t, "u": u}))
        assert not [(a, b) for i, a in enumerate(drawn) for b in drawn[:i] if overlap(a, b)]

    def test_one_arrow_an_edge(self) -> None:
        w = torch.ones(2, requires_grad=True)
        assert draw_graph((w * w).sum(), {"w": w}).svg.count("marker-end") == 3

    def test_a_large_graph_is_cut_and_says_so(self) -> None:
        total = torch.zeros(())
        w = torch.ones(3, requires_grad=True)
        for step in range(200):
            total = total + (w * step).sum()
        picture = draw_graph(total)
        assert len(boxes(picture)) == MOST_NODES + 1
        assert "not drawn" in picture.alt
        assert len(picture.alt) < 600


class TestWords:
    def test_the_alt_text_names_leaves_gradients_and_what_is_freed(self) -> None:
        net = Net()
        before = net.draw().alt
        assert "6 operations" in before
        assert "grad None" in before
        assert "4 of the operations keep tensors" in before
        net.loss.backward()
        assert "Backward has freed what 4 of the operations kept." in net.draw().alt

    def test_it_displays_as_an_image_with_that_text(self) -> None:
        bundle = Net().draw()._repr_mimebundle_()
        assert bundle["text/html"].startswith('<img alt="The graph of loss')
        assert bundle["text/plain"].startswith("Figure: The graph of loss")


class TestLeavesAlone:
    def test_drawing_changes_nothing_warns_nothing_and_lets_backward_run(self) -> None:
        net = Net()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            first, second = net.draw(), net.draw()
        assert first.svg == second.svg
        assert net.w1.grad is None
        net.loss.backward()

    def test_names_are_escaped(self) -> None:
        w = torch.ones(5, requires_grad=True)
        assert "<b>" not in draw_graph(w.sum(), {"<b>": w}).svg

    def test_backward_twice_fails_as_ever(self) -> None:
        net = Net()
        net.loss.backward()
        net.draw()
        with pytest.raises(RuntimeError, match="second time"):
            net.loss.backward()
