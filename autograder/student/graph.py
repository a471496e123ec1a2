"""Draw the autograd graph behind a live tensor: its operations, leaves and gradients, and what backward frees.

Everything drawn is read from the tensors themselves at the moment of drawing: nodes from `grad_fn` and `next_functions`, shapes
and values from the tensors that are named, and from each node whether it still keeps the tensors that its backward needs.
"""

from __future__ import annotations

import base64
import html
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from autograder.student.figure import BLUE, GREY, ORANGE

__all__ = ["GraphPicture", "draw_graph"]

MOST_NODES = 40  # of a larger graph the nodes nearest to the tensor are drawn
SPOKEN = 12  # operations that the alt text names one by one
FONT = 11  # pixels; monospace, so that the width of a text is known without measuring it
FONT_FAMILY = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
LETTER = 6.7
LINE = 15
PADDING = 8
BETWEEN = 26  # pixels between two boxes side by side
LAYER_GAP = 34


class GraphPicture:
    """A graph as an image: display it, or read `svg` and `alt`, its description in words."""

    def __init__(self, svg: str, alt: str) -> None:
        self.svg, self.alt = svg, alt

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        data = base64.b64encode(self.svg.encode()).decode()
        style = "background:#fff;max-width:100%;height:auto;border-radius:4px"
        image = f'<img alt="{html.escape(self.alt, quote=True)}" style="{style}" src="data:image/svg+xml;base64,{data}">'
        return {"text/plain": repr(self), "text/html": image}

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"


def draw_graph(tensor: torch.Tensor, names: Mapping[str, torch.Tensor] | None = None) -> GraphPicture:
    """Draw the graph that `backward` would walk from `tensor`, top down to the leaves.

    `names` says how tensors are called, as in `{"w1": w1, "h": h}`; the tensor itself is called loss unless it is named.
    Nothing is changed: no gradient is computed, and no graph is kept alive by the picture.
    """
    called = dict(names or {})
    if not any(named is tensor for named in called.values()):
        called = {"loss": tensor, **called}
    if tensor.grad_fn is None:
        return _alone(tensor, called)
    nodes, edges, left_out = _walk(tensor.grad_fn)
    boxes = [_box(node, called) for node in nodes]
    if left_out:
        boxes.append(_Box("…", [f"{left_out} nodes or more not drawn"], "more"))
    _arrange(boxes, edges)
    return GraphPicture(_svg(boxes, edges), _alt(tensor, boxes, called, left_out))


def _alone(tensor: torch.Tensor, called: Mapping[str, torch.Tensor]) -> GraphPicture:
    """The picture of a tensor that no operation on record has made."""
    name = _name_of(tensor, called) or "tensor"
    box = _leaf_box(tensor, called)
    if not tensor.requires_grad:
        box = _Box(name, [_value_or_shape(tensor), "no graph: grad_fn is None"], "more")
    _arrange([box], [])
    why = "it is a leaf that requires gradients" if tensor.requires_grad else "it does not require gradients"
    return GraphPicture(_svg([box], []), f"{name} has no graph behind it: its grad_fn is None, since {why}.")


# -- reading the graph -----------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Box:
    """One node as it is drawn. `kind` is operation, freed, leaf, more, or bend: a place that a long arrow passes through."""

    title: str
    lines: list[str]
    kind: str
    keeps: int = 0  # how many tensors the node holds for its backward
    layer: int = 0
    x: float = 0.0  # of the centre
    y: float = 0.0  # of the upper edge
    above: list[_Box] = field(default_factory=list)

    @property
    def width(self) -> float:
        return 10.0 if self.kind == "bend" else max(map(len, (self.title, *self.lines))) * LETTER + 2 * PADDING

    @property
    def height(self) -> float:
        return 0.0 if self.kind == "bend" else LINE * (1 + len(self.lines)) + PADDING


def _walk(root: Any) -> tuple[list[Any], list[tuple[int, int]], int]:
    """The nodes from the root on, nearest first, the edges between them by number, and how many neighbours were left out.

    While a node's wrapper is held, torch hands out the same one again: identity tells whether a node is known.
    """
    nodes, places, edges = [root], {root: 0}, []
    left_out: dict[Any, None] = {}
    for place, node in enumerate(nodes):  # the list grows while it is walked
        for following, _ in node.next_functions:
            if following is None:
                continue
            if following not in places and len(nodes) >= MOST_NODES:
                left_out[following] = None
                edges.append((place, MOST_NODES))  # the box for the rest stands behind the last node
                continue
            if following not in places:
                places[following] = len(nodes)
                nodes.append(following)
            edges.append((place, places[following]))
    return nodes, edges, len(left_out)


def _box(node: Any, called: Mapping[str, torch.Tensor]) -> _Box:
    leaf = getattr(node, "variable", None)
    if isinstance(leaf, torch.Tensor):
        return _leaf_box(leaf, called)
    lines = [_made_by(node, called)]
    made = [tensor for tensor in called.values() if tensor.grad_fn is node]
    # Asking an inner tensor for its gradient warns unless it was told to retain it.
    lines += [f"grad {_grad(tensor)}" for tensor in made[:1] if tensor.retains_grad]
    kept = _kept_by(node)
    if isinstance(kept, str):
        return _Box(node.name(), [*lines, kept], "freed")
    texts = [_name_of(tensor, called) or _shape(tensor.shape) for tensor in kept]
    return _Box(node.name(), [*lines, f"keeps {' and '.join(texts) or 'nothing'}"], "operation", len(kept))


def _leaf_box(leaf: torch.Tensor, called: Mapping[str, torch.Tensor]) -> _Box:
    lines = [f"leaf {_value_or_shape(leaf)}", f"grad {_grad(leaf)}", "AccumulateGrad"]
    return _Box(_name_of(leaf, called) or "(no name)", lines, "leaf")


def _made_by(node: Any, called: Mapping[str, torch.Tensor]) -> str:
    """Which tensor the node's operation made: its name if it has one, its shape if torch tells it."""
    for name, tensor in called.items():
        if tensor.grad_fn is node:
            return f"made {name} {_value_or_shape(tensor)}"
    about = getattr(node, "_input_metadata", None)
    return f"made {_shape(about[0].shape)}" if about else "made a tensor"


def _kept_by(node: Any) -> list[torch.Tensor] | str:
    """The tensors that a node holds for its backward, or a word on why they cannot be had."""
    kept: list[torch.Tensor] = []
    try:
        for attribute in dir(node):
            if attribute.startswith("_saved_"):
                kept += _tensors_in(getattr(node, attribute))
        kept += _tensors_in(getattr(node, "saved_tensors", ()))
    except RuntimeError as error:
        return "freed by backward" if "freed" in str(error) else "overwritten since"
    return kept


def _tensors_in(value: object) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [inner for inner in value if isinstance(inner, torch.Tensor)] if isinstance(value, list | tuple) else []


def _name_of(tensor: torch.Tensor, called: Mapping[str, torch.Tensor]) -> str | None:
    """The name of a tensor, or of the one whose numbers it shares: what a node hands out may be wrapped anew."""
    for name, named in called.items():
        if named is tensor:
            return name
    for name, named in called.items():
        if named.shape == tensor.shape and named.numel() and named.data_ptr() == tensor.data_ptr():
            return name
    return None


def _shape(shape: Sequence[int]) -> str:
    return str(tuple(shape)) if shape else "a number"


def _is_small(tensor: torch.Tensor) -> bool:
    return tensor.dim() == 0 or (tensor.dim() == 1 and tensor.numel() <= 4)


def _value_or_shape(tensor: torch.Tensor) -> str:
    """A number as it is, up to four numbers listed, of anything larger the shape."""
    if not _is_small(tensor):
        return _shape(tensor.shape)
    return f"= {tensor.item():.4g}" if tensor.dim() == 0 else f"[{', '.join(f'{value:.4g}' for value in tensor.tolist())}]"


def _grad(tensor: torch.Tensor) -> str:
    """A gradient in few letters: None, its values where they are few, else its length."""
    grad = tensor.grad
    if grad is None:
        return "None"
    return _value_or_shape(grad.detach()) if _is_small(grad) else f"of norm {grad.detach().norm().item():.4g}"


# -- laying it out in layers -----------------------------------------------------------------------------------------------


def _arrange(boxes: list[_Box], edges: list[tuple[int, int]]) -> None:
    """Give each box its layer, one below all that lead to it, and its place there; long arrows get bends to pass through."""
    for _ in boxes:  # the longest way settles after at most as many rounds as there are boxes
        changed = False
        for upper, lower in edges:
            if boxes[lower].layer <= boxes[upper].layer:
                boxes[lower].layer, changed = boxes[upper].layer + 1, True
        if not changed:
            break
    layers: list[list[_Box]] = [[] for _ in range(1 + max(box.layer for box in boxes))]
    for box in boxes:
        layers[box.layer].append(box)
    for upper, lower in edges:
        last = boxes[upper]
        for layer in range(boxes[upper].layer + 1, boxes[lower].layer):
            bend = _Box("", [], "bend", layer=layer, above=[last])
            layers[layer].append(bend)
            last = bend
        boxes[lower].above.append(last)
    y = float(PADDING)
    for members in layers:
        _place(members)
        for box in members:
            box.y = y
        y += max(box.height for box in members) + LAYER_GAP


def _place(members: list[_Box]) -> None:
    """Place one layer's boxes from left to right, each as near as it can be to the middle of what leads to it."""
    wanted = {box: sum(one.x for one in box.above) / len(box.above) if box.above else 0.0 for box in members}
    members.sort(key=lambda box: wanted[box])
    right = None
    for box in members:
        box.x = wanted[box] if right is None else max(wanted[box], right + BETWEEN + box.width / 2)
        right = box.x + box.width / 2
    shift = sum(wanted[box] - box.x for box in members) / len(members)
    for box in members:
        box.x += shift


# -- drawing it ------------------------------------------------------------------------------------------------------------

# Leaves are round and freed nodes dashed, so that the kinds stay apart without colour.
_LOOKS = {
    "operation": ("#eaf1f8", BLUE, 2, ""),
    "freed": ("#f4f4f4", GREY, 2, ' stroke-dasharray="5 3"'),
    "leaf": ("#fdf1e4", ORANGE, 16, ""),
    "more": ("#f4f4f4", GREY, 2, ""),
}


def _svg(boxes: list[_Box], edges: list[tuple[int, int]]) -> str:
    legend = "arrows: the way gradients travel" if edges else ""
    if any(box.kind == "freed" for box in boxes):
        legend += "; dashed: emptied"
    seen = _with_bends(boxes)
    left = min(box.x - box.width / 2 for box in seen) - PADDING
    right = max(*(box.x + box.width / 2 for box in seen), left + PADDING + len(legend) * LETTER) + PADDING
    bottom = max(box.y + box.height for box in seen) + (LINE + PADDING if legend else 0) + PADDING
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{right - left:.0f}" height="{bottom:.0f}" '
        f'viewBox="{left:.1f} 0 {right - left:.1f} {bottom:.1f}" font-size="{FONT}" '
        f'font-family="{FONT_FAMILY}">',
        f'<rect x="{left:.1f}" width="100%" height="100%" fill="#fff"/>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{GREY}"/></marker></defs>',
    ]
    for box in boxes:
        parts += [_arrow(above, box) for above in box.above]
    parts += [_drawn(box) for box in boxes]
    if legend:
        parts.append(f'<text x="{left + PADDING:.1f}" y="{bottom - PADDING:.1f}" fill="#5f5f5f" font-size="10">{legend}</text>')
    return "".join(parts) + "</svg>"


def _with_bends(boxes: list[_Box]) -> list[_Box]:
    """All boxes and the bends of the arrows that lead to them."""
    found: dict[_Box, None] = dict.fromkeys(boxes)
    waiting = list(boxes)
    while waiting:
        for above in waiting.pop().above:
            if above not in found:
                found[above] = None
                waiting.append(above)
    return list(found)


def _arrow(above: _Box, box: _Box) -> str:
    """An arrow from the box (or bend) above to this one, and on through its bends to the box where it starts."""
    points = [(box.x, box.y - 1), (above.x, above.y + above.height)]
    while above.kind == "bend":
        above = above.above[0]
        points.append((above.x, above.y + above.height))
    points.reverse()
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (next_x, next_y) in itertools.pairwise(points):
        middle = (y + next_y) / 2
        path += f"C{x:.1f} {middle:.1f} {next_x:.1f} {middle:.1f} {next_x:.1f} {next_y:.1f}"
    return f'<path d="{path}" fill="none" stroke="{GREY}" stroke-width="1.4" marker-end="url(#tip)"/>'


def _drawn(box: _Box) -> str:
    fill, edge, radius, dashes = _LOOKS[box.kind]
    left = box.x - box.width / 2
    parts = [
        f'<rect x="{left:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="{radius}" '
        f'fill="{fill}" stroke="{edge}" stroke-width="1.5"{dashes}/>'
    ]
    for number, text in enumerate((box.title, *box.lines)):
        style = 'text-anchor="middle" font-weight="bold" fill="#111"' if number == 0 else 'text-anchor="middle" fill="#333"'
        parts.append(f'<text x="{box.x:.1f}" y="{box.y + LINE * (number + 1) - 1:.1f}" {style}>{html.escape(text)}</text>')
    return "".join(parts)


# -- saying it in words ----------------------------------------------------------------------------------------------------


def _alt(tensor: torch.Tensor, boxes: list[_Box], called: Mapping[str, torch.Tensor], left_out: int) -> str:
    """What the picture shows, as sentences: the operations in order, the leaves and their gradients, what is kept or freed."""
    operations = [box for box in boxes if box.kind in ("operation", "freed")]
    leaves = [box for box in boxes if box.kind == "leaf"]
    name = _name_of(tensor, called) or "loss"
    of_leaves = f"the leaves {_listed([box.title for box in leaves])}" if len(leaves) > 1 else f"the leaf {leaves[0].title}"
    sentences = [
        f"The graph of {name}: {len(operations)} operation{'s' * (len(operations) != 1)}, "
        f"{', '.join(box.title for box in operations[:SPOKEN])}{', …' * (len(operations) > SPOKEN)}"
        + (f"; gradients travel from {name} to {of_leaves}" if leaves else "")
        + "."
    ]
    if leaves:
        sentences.append("; ".join(f"{box.title}: {box.lines[0]}, {box.lines[1]}" for box in leaves) + ".")
    freed, keeping = sum("freed" in box.lines[-1] for box in operations), sum(box.keeps > 0 for box in operations)
    if freed:
        sentences.append(f"Backward has freed what {freed} of the operations kept.")
    if keeping:
        sentences.append(f"{keeping} of the operations keep{'s' * (keeping == 1)} tensors for backward.")
    if left_out:
        sentences.append("Further nodes are not drawn.")
    return " ".join(sentences)


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + f" and {words[-1]}"
