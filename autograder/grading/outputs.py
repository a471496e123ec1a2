"""What a kernel sent, made anew as what may stand in autograded/ and feedback/: a kernel's messages can be forged."""

from __future__ import annotations

import re
from typing import Any

import nbformat
from nbformat import NotebookNode

__all__ = ["kept"]

LEFT_OUT = "… the rest of this cell's output was left out.\n"


def kept(outputs: list[NotebookNode], flooded: bool) -> list[NotebookNode]:
    """What may stand in autograded/ and feedback/: text and pictures, made anew, since a kernel's messages can be forged.

    No HTML, SVG, script or Markdown: feedback and formgrader would show them unescaped.
    """
    kept = []
    for output in outputs:
        if output.output_type == "stream":
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            kept.append(nbformat.v4.new_output("stream", name=name, text=_text(output.get("text"))))
        elif output.output_type == "error":
            name, value = _text(output.get("ename")), _text(output.get("evalue"))
            lines = output.get("traceback")
            traceback = [_text(line) for line in lines] if isinstance(lines, list) else []
            kept.append(nbformat.v4.new_output("error", ename=name, evalue=value, traceback=traceback))
        elif isinstance(output.get("data"), dict):
            kept.append(nbformat.v4.new_output(output.output_type, data=_plain(output.data)))
    if flooded:
        kept.append(nbformat.v4.new_output("stream", name="stdout", text=LEFT_OUT))
    return kept


def _plain(data: dict[str, Any]) -> dict[str, str]:
    """Text, and pictures that are base64 and nothing else: a page puts them into an attribute as they are."""
    pictures = {kind: _text(data[kind]) for kind in ("image/png", "image/jpeg") if kind in data}
    kept = {kind: text for kind, text in pictures.items() if re.fullmatch(r"[A-Za-z0-9+/=\s]*", text)}
    return kept | ({"text/plain": _text(data["text/plain"])} if "text/plain" in data else {})


def _text(value: object) -> str:
    return str(value if value is not None else "").encode("utf-8", "replace").decode()
