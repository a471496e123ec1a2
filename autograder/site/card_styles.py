"""Cards carry their styles with them, since JupyterLab gives them no sheet; a page with ninety of them says each style once."""

from __future__ import annotations

import hashlib
import html
import re

__all__ = ["styles_once"]


def styles_once(cards: str, sheet: dict[str, str]) -> str:
    """`cards` with a class in place of each style; the classes are entered into `sheet` with what they mean."""

    def named(match: re.Match[str]) -> str:
        style = html.unescape(match[1])
        name = "k" + hashlib.sha256(style.encode()).hexdigest()[:5]
        sheet[name] = style
        return f'class="{name}"'

    return re.sub(r'\bstyle="([^"]*)"', named, cards)
