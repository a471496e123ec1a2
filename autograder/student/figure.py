"""Show a matplotlib figure as a vector image with alt text that states its conclusion."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BLUE", "GREY", "ORANGE", "show"]

# One pair that stays apart in the common colour blindnesses and, by lightness, in grey print; the cards use it too.
BLUE, ORANGE, GREY = "#2166ac", "#b35806", "#808080"


class _Image:
    """An image whose HTML carries its alt text, as IPython's own images do not."""

    def __init__(self, svg: bytes, alt: str) -> None:
        self._svg, self._alt = svg, alt

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        data = base64.b64encode(self._svg).decode()
        style = "border:0;background:#fff;max-width:100%;height:auto;border-radius:4px"
        image = f'<img alt="{html.escape(self._alt, quote=True)}" style="{style}" src="data:image/svg+xml;base64,{data}">'
        return {"text/plain": f"Figure: {self._alt}", "text/html": image}


def show(figure: Figure, alt: str) -> None:
    """Display `figure` as SVG with `alt` as its alt text, and close it so that no backend shows it again.

    `alt` states the conclusion a reader draws from the figure, not its parts. Raises ValueError if it is shorter than a sentence.
    Metadata and ids that change from run to run are left out: equal figures give equal bytes.
    """
    import matplotlib
    import matplotlib.pyplot as plt
    from IPython.display import display

    if len(alt) < 20:
        raise ValueError("alt text states what the figure shows, in a sentence")
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "figure"}):
        figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    display(_Image(buffer.getvalue(), alt))
