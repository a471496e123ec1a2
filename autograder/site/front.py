"""The front page: a real verdict, the net in its writings, the chapters, and where to begin."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from autograder.site.chapter_page import chapter_facts
from autograder.site.exercise_help import code_block, mistake_id
from autograder.site.run import Ran
from autograder.site.writings import Writing, losses_figure

__all__ = ["front_page"]


def front_page(
    settings: Mapping[str, Any],
    runs: Mapping[str, Ran],
    writings: list[Writing],
    pages: list[tuple[str, str, str]],
) -> str:
    """The page as MyST Markdown; `pages` are the gathered pages as (name, title, what for)."""
    chapters = "\n".join(f"{_title(ran)} <{name}>" for name, ran in runs.items())
    others = "\n".join(f"{title} <{name}>" for name, title, _ in pages)
    parts = [
        "---\nhtml_theme.sidebar_secondary.remove: true\n---",
        f"# {settings['title']}",
        _opening(settings, runs),
        _writings(writings),
        _chapters(runs),
        _gathered(pages),
        f"```{{toctree}}\n:hidden:\n:caption: Chapters\n\n{chapters}\n```",
        f"```{{toctree}}\n:hidden:\n:caption: From all chapters\n\n{others}\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(ran: Ran) -> str:
    facts = chapter_facts(ran.chapter)
    return f"{facts.number} {facts.title}"


def _opening(settings: Mapping[str, Any], runs: Mapping[str, Ran]) -> str:
    wrong = sum(len(bank) for ran in runs.values() for bank in ran.chapter.wrong.values())
    exercises = sum(len(ran.chapter.exercises) for ran in runs.values())
    first = next(iter(runs))
    words = (
        '<p class="lede">From raw tensors to static and dynamic graphs, in notebooks that answer back. You write a few lines, '
        "run the check under them, and read what you did, not only that it was wrong.</p>"
        f'<p class="counts">{len(runs)} chapters, {exercises} exercises, {wrong} mistakes known by name. '
        "No account, no network, no GPU.</p>"
        f'<p class="begin"><a class="button" href="{first}.html">Read the first chapter</a> '
        "<span>or work on it: <code>make start</code></span></p>"
    )
    return f'<div class="opening"><div class="opening-words">{words}</div>{_verdict(settings["verdict"], runs)}</div>'


def _verdict(chosen: Mapping[str, str], runs: Mapping[str, Ran]) -> str:
    if chosen["chapter"] not in runs:
        return ""
    chapter, exercise = runs[chosen["chapter"]].chapter, chosen["exercise"]
    card = runs[chapter.name].told[exercise][chosen["mistake"]].card
    link = f"{chapter.name}.html#{mistake_id(exercise, chosen['mistake'])}"
    return (
        f'<figure class="verdict"><div class="verdict-cell"><code>check("{html.escape(exercise)}")</code></div>{card}'
        f"<figcaption>A real verdict. With this mistake the loss still falls, as far as with the right code: "
        f'<a href="{link}">see it in its chapter</a>.</figcaption></figure>'
    )


def _writings(writings: list[Writing]) -> str:
    if not writings:
        return ""
    count = {6: "six", 7: "seven", 8: "eight"}.get(len(writings), str(len(writings)))
    tabs = []
    for number, writing in enumerate(writings):
        checked = " checked" if number == 0 else ""
        label = f'<span class="tab-number">{writing.chapter.split("_")[0]}</span> {html.escape(writing.label)}'
        tabs.append(
            f'<input type="radio" name="writing" id="writing-{number}"{checked}><label for="writing-{number}">{label}</label>'
            f'<div class="tab-panel"><p>{html.escape(writing.says)} <a href="{writing.chapter}.html">Chapter '
            f"{writing.chapter.split('_')[0]}</a></p>{code_block(writing.code)}</div>"
        )
    return (
        f"## One net, {count} writings\n\n"
        "<p>The course keeps one small net and changes one thing at a time. Each chapter writes it anew, and each writing must "
        "train through the same losses.</p>\n\n"
        f'<fieldset class="tabs"><legend>The same net, written</legend>{"".join(tabs)}</fieldset>\n\n'
        f'<figure class="losses-figure">{losses_figure(writings)}'
        f"<figcaption>{_agreement(writings)}</figcaption></figure>\n\n{_losses_table(writings)}"
    )


def _agreement(writings: list[Writing]) -> str:
    first = writings[0].losses
    gap = max(abs(loss / other - 1) for writing in writings for loss, other in zip(writing.losses, first, strict=True))
    return (
        f"Loss against step, computed when this page was built. Over {len(first)} steps the writings differ by "
        f"{gap:.0e} of a loss at most, which is rounding."
    )


def _losses_table(writings: list[Writing]) -> str:
    steps = [0, 1, 2, 10, len(writings[0].losses) - 1]
    head = "".join(f'<th scope="col">step {step}</th>' for step in steps)
    rows = "".join(
        f'<tr><th scope="row">{writing.chapter.split("_")[0]} {html.escape(writing.label)}</th>'
        + "".join(f"<td>{_number(writing.losses[step])}</td>" for step in steps)
        + "</tr>"
        for writing in writings
    )
    table = f'<table class="losses-table"><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return f'<details class="fold"><summary>The numbers</summary><div class="scrolls">{table}</div></details>'


def _number(loss: float) -> str:
    return f"{loss:,.0f}" if loss >= 1000 else f"{loss:.2f}"


def _chapters(runs: Mapping[str, Ran]) -> str:
    rows = []
    for ran in runs.values():
        facts = chapter_facts(ran.chapter)
        rows.append(
            f'<li><a href="{facts.name}.html"><span class="number">{facts.number}</span>'
            f'<span class="chapter-title">{html.escape(facts.title)}</span></a>'
            f"<p>{html.escape(facts.promise)}</p>"
            f'<p class="minutes">{facts.reading_minutes} min to read, {facts.solving_minutes} to solve</p></li>'
        )
    return f'## The chapters\n\n<ol class="chapters">{"".join(rows)}</ol>'


def _gathered(pages: list[tuple[str, str, str]]) -> str:
    rows = "".join(
        f'<li><a href="{name}.html">{html.escape(title)}</a><p>{html.escape(what)}</p></li>' for name, title, what in pages
    )
    return f'## From all chapters\n\n<ul class="gathered">{rows}</ul>'
