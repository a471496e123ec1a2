"""What stands under an exercise on its page: hints by rung, verdicts on right and wrong answers, for instructors the code."""

from __future__ import annotations

import html
import re

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from autograder.release.source import Chapter
from autograder.site.run import RIGHT, Ran

__all__ = ["code_block", "exercise_help", "fold", "inline", "mistake_id"]


def exercise_help(ran: Ran, name: str, with_code: bool) -> str:
    """The folds of one exercise as HTML in one line, which Markdown leaves alone."""
    chapter = ran.chapter
    folds = [_hints(chapter, name), _right(ran, name), _mistakes(ran, name, with_code)]
    if with_code:
        folds.append(_solution(chapter, name))
    label = html.escape(f"Help with {name}")
    return f'<section class="exercise-help" aria-label="{label}">{"".join(folds)}</section>'


def fold(summary: str, body: str, classes: str = "fold", target: str = "") -> str:
    """A `details` element; `summary` is HTML."""
    identity = f' id="{html.escape(target)}"' if target else ""
    return f'<details class="{classes}"{identity}><summary>{summary}</summary><div class="fold-body">{body}</div></details>'


def inline(text: str) -> str:
    """Plain text with code in backticks, as HTML in one line."""
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", html.escape(text)).replace("\n", " ")


def code_block(code: str) -> str:
    """Highlighted Python as HTML in one line."""
    lines = highlight(code.strip("\n"), PythonLexer(), HtmlFormatter(nowrap=True)).rstrip("\n").replace("\n", "&#10;")
    return f'<div class="highlight-python notranslate"><div class="highlight"><pre>{lines}</pre></div></div>'


def mistake_id(exercise: str, mistake: str) -> str:
    """The anchor of a known mistake on its chapter's page."""
    return f"{exercise}-{mistake}"


def _hints(chapter: Chapter, name: str) -> str:
    rungs = chapter.exercises[name].hints
    body = "".join(fold(f"Hint {n} of {len(rungs)}", f"<p>{inline(text)}</p>", "rung") for n, text in enumerate(rungs, 1))
    return fold("Hints, one at a time", body)


def _right(ran: Ran, name: str) -> str:
    others = len(ran.chapter.right[name])
    note = f"<p>Also for the {others} other ways to write it that are known here.</p>" if others > 1 else ""
    return fold("What a right answer is told", ran.told[name][RIGHT].card + note)


def _mistakes(ran: Ran, name: str, with_code: bool) -> str:
    parts = []
    for wrong, codes in ran.chapter.wrong_codes(name):
        body = ran.told[name][wrong.name].card
        if with_code:
            body += "".join(f'<p class="code-label">{inline(wrong.name)}</p>{code_block(code)}' for code in codes)
        parts.append(fold(inline(wrong.says), body, "mistake", mistake_id(name, wrong.name)))
    return fold(f"{len(parts)} mistakes that the check knows, and what it says", "".join(parts), "fold mistakes")


def _solution(chapter: Chapter, name: str) -> str:
    others = "".join(
        fold(html.escape(right.name.replace("_", " ")), code_block(code), "rung") for right, code in chapter.right_codes(name)
    )
    return fold("The solution, and other right answers", code_block(chapter.reference(name)) + others, "fold solution")
