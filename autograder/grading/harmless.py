"""Written answers as text that no page takes for a program: instructors read them in the formgrader, students in feedback.

Both render Markdown with nbconvert, raw HTML and all. Text that brings nothing but Markdown stays as it is; of other text, what
would become a tag, a picture from elsewhere or a script is shown as it was written.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from autograder.deadline import AnswerTimeout, Deadline

__all__ = ["harmless", "is_harmless"]

RENDER_S = 2.0  # Markdown that is built to be slow takes for ever
# Formulas are typeset by MathJax, where these make links, load code or reach the page around them.
FORMULA_COMMANDS = r"\\(href|url|require|class|cssId|style|data|html\w*)(?![A-Za-z])"
CODE = re.compile(r"<(pre|code)\b.*?</\1>", re.DOTALL)
# Fenced code, code spans, formulas: there is no HTML in these.
LITERAL = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})(?!mermaid)[^\n]*\n.*?(?:^ {0,3}(?P=fence)[ \t]*$|\Z)"
    r"|(?<!`)(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)|\$\$.+?\$\$|(?<![\\$])\$[^$\n]+\$",
    re.DOTALL | re.MULTILINE,
)
# What each may be written as, so that it is shown instead of obeyed.
SHOWN: tuple[tuple[str, str], ...] = (
    (r"(?<!\\)<", r"\\<"),
    (r"!\[", r"!\\["),
    (r"\]\((?!https?://|#)", r"]\\("),
    (r"(?m)^( {0,3})\[([^\]\n]*)\]:", r"\1\\[\2]:"),
    (r"(?m)^( {0,3}[`~]{3,})[ \t]*mermaid", r"\1text "),
)


class _Watching(IPythonRenderer):  # type: ignore[misc]
    """nbconvert's renderer, which notes what Markdown alone would not make."""

    foreign = False

    def _note(self, *_: Any, **__: Any) -> str:
        self.foreign = True
        return ""

    block_html = inline_html = image = block_mermaidjs = _note

    def link(self, text: str, url: str, title: str | None = None) -> str:
        self.foreign |= not _harmless_address(url)
        return str(super().link(text, url, title))


def _harmless_address(url: str) -> bool:
    plain = re.sub(r"[\x00-\x20\x7f-\xa0]", "", html.unescape(url))
    scheme = re.match(r"[^/?#]*?:", plain)
    return scheme is None or scheme[0].lower() in ("http:", "https:", "mailto:")


def is_harmless(text: str) -> bool:
    """Whether a page shows this Markdown without tags, pictures, addresses or commands of the writer's own."""
    renderer = _Watching(escape=False)
    try:
        with Deadline(RENDER_S):
            page = MarkdownWithMath(renderer=renderer).render(text)
    except (Exception, AnswerTimeout):  # what cannot be rendered here would stop the feedback too
        return False
    return not renderer.foreign and not re.search(FORMULA_COMMANDS, CODE.sub("", page))


def harmless(text: str) -> str:
    """The text as Markdown that brings nothing but itself, as close to how it was written as can be."""
    ways: tuple[Callable[[str], str], ...] = (str, _shown, _as_code)
    return next((new for way in ways if is_harmless(new := way(text))), "This answer cannot be shown: see the submitted file.")


def _shown(text: str) -> str:
    """Outside code, each thing that would be obeyed as what is shown."""
    parts, end = [], 0
    for literal in LITERAL.finditer(text):
        parts += [_each_shown(text[end : literal.start()]), re.sub(FORMULA_COMMANDS, r"\\ \1", literal[0])]
        end = literal.end()
    return "".join([*parts, _each_shown(text[end:])])


def _each_shown(text: str) -> str:
    for pattern, shown in SHOWN:
        text = re.sub(pattern, shown, text)
    return re.sub(FORMULA_COMMANDS, r"\\ \1", text)


def _as_code(text: str) -> str:
    fence = "`" * max(3, *(len(run) + 1 for run in ["", *re.findall("`+", text)]))
    return f"{fence}\n{text}\n{fence}"
