"""Take images out of a page's HTML into files of their own: smaller pages, and a figure is fetched when it is scrolled to."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from pathlib import Path

from PIL import Image

__all__ = ["FOLDER", "figures_out"]

FOLDER = "figures"
WIDE_PX = 460  # a wider drawing keeps its size on a phone and scrolls in a frame of its own, so that its labels can be read

_IMAGE = re.compile(
    r'<img\b(?P<before>[^>]*?)\bsrc="data:image/(?P<kind>svg\+xml|png|jpeg);base64,(?P<data>[^"]+)"(?P<after>[^>]*)>'
)


def figures_out(html: str, folder: Path) -> str:
    """`html` with each image that it carries written to `folder`/figures and linked there."""
    return _IMAGE.sub(lambda match: _linked(match, folder / FOLDER), html)


def _linked(match: re.Match[str], folder: Path) -> str:
    kind = match["kind"].removesuffix("+xml")
    data = base64.b64decode(match["data"])
    size = ""
    if kind == "svg":
        data = _slim(data.decode()).encode()
        size = _size(data.decode())
    name = f"{hashlib.sha256(data).hexdigest()[:16]}.{kind}"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / name).is_file():
        (folder / name).write_bytes(data)
    attributes = f"{match['before'].strip()} {match['after'].strip().rstrip('/')}".strip()
    image = f'<img {attributes} {size}loading="lazy" decoding="async" src="{FOLDER}/{name}">'
    if (found := re.search(r'width="(\d+)"', size)) and int(found[1]) > WIDE_PX:
        return f'<div class="wide-figure" style="--wide:{min(int(found[1]), 640)}px">{image}</div>'
    return image


def _size(svg: str) -> str:
    """The drawing's own width and height in pixels as attributes, so that the page does not jump when it arrives."""
    found = re.search(r'<svg\b[^>]*?viewBox="[\d.+-]+ [\d.+-]+ ([\d.]+) ([\d.]+)"', svg)
    if not found:
        return ""
    unit = 4 / 3 if re.search(r'<svg\b[^>]*?width="[\d.]+pt"', svg) else 1
    return f'width="{round(float(found[1]) * unit)}" height="{round(float(found[2]) * unit)}" '


def _slim(svg: str) -> str:
    """Coordinates of paths to a hundredth of a point, which no screen can show; photographs in 256 colours; nothing else."""
    svg = re.sub(r'(?<=\bd=")[^"]+', lambda match: re.sub(r"(\.\d\d)\d+", r"\1", match[0]), svg)
    return re.sub(r"(?<=data:image/png;base64,)([^\"]+)", lambda match: _few_colours(match[0]), svg)


def _few_colours(encoded: str) -> str:
    """A PNG with at most 256 colours, where that is smaller: a photograph in a drawing keeps its look in a third of the bytes."""
    data = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
        image.convert("RGBA").quantize(256).save(data, "PNG", optimize=True)
    smaller = base64.b64encode(data.getvalue()).decode()
    return min(encoded, smaller, key=len)
