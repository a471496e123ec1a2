"""The index of mistakes: from what one sees to the cause, out of the banks of answers and a list of symptoms."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autograder.release.source import Chapter
from autograder.site.chapter_page import chapter_facts
from autograder.site.collected import seen_and_look
from autograder.site.exercise_help import fold, inline, mistake_id
from autograder.site.run import Ran, SiteError

__all__ = ["Symptom", "mistake_page", "read_symptoms"]


@dataclass(frozen=True)
class Symptom:
    """Something that a student notices, and the known mistakes that look like it, each as CHAPTER/EXERCISE/MISTAKE."""

    see: str
    group: str
    because: str
    mistakes: tuple[str, ...]


def read_symptoms(table: Mapping[str, Any], chapters: Mapping[str, Chapter]) -> list[Symptom]:
    """The symptoms of site/symptoms.toml. Chapters that are not there are passed over.

    Raises `SiteError` for a mistake that no bank knows.
    """
    symptoms = []
    for row in table["symptom"]:
        there = [path for path in row["mistakes"] if path.split("/")[0] in chapters]
        for path in there:
            chapter, exercise, name = path.split("/")
            if name not in [wrong.name for wrong in chapters[chapter].wrong.get(exercise, [])]:
                raise SiteError(f"site/symptoms.toml, {row['see']!r}: no bank knows the mistake {path}")
        if there:
            symptoms.append(Symptom(row["see"], row["group"], row["because"], tuple(there)))
    return symptoms


def mistake_page(runs: Mapping[str, Ran], symptoms: list[Symptom]) -> str:
    """The page as MyST Markdown."""
    chapters = {name: ran.chapter for name, ran in runs.items()}
    total = sum(len(bank) for chapter in chapters.values() for bank in chapter.wrong.values())
    parts = [
        "# Index of mistakes",
        '<p class="lede">Begin with what you see. Each line leads to the mistakes that look like it, and each mistake to the '
        "place in its chapter where a check has caught it.</p>",
        '<p class="filter"><label for="mistake-filter">What do you see?</label>'
        '<input id="mistake-filter" type="search" autocomplete="off" placeholder="NaN, flat, shape, None, memory …">'
        '<output id="mistake-filter-count" for="mistake-filter"></output></p>',
    ]
    for group in dict.fromkeys(symptom.group for symptom in symptoms):
        parts.append(f"## {group}")
        parts += [_symptom(symptom, chapters) for symptom in symptoms if symptom.group == group]
    parts += ["## You see, look at", "From the chapters' cheat sheets."]
    parts += [_seen(ran) for ran in runs.values() if seen_and_look(ran)]
    parts += [f"## All {total} mistakes that a check knows by name", "By chapter and exercise, in the check's own words."]
    for ran in runs.values():
        parts.append(f"### {chapter_facts(ran.chapter).number} {chapter_facts(ran.chapter).title}")
        parts.append('<div class="all-mistakes">' + "".join(_bank(ran, e) for e in ran.chapter.exercises) + "</div>")
    return "\n\n".join(parts) + "\n"


def _symptom(symptom: Symptom, chapters: Mapping[str, Chapter]) -> str:
    items = []
    for path in symptom.mistakes:
        chapter, exercise, name = path.split("/")
        wrong = next(wrong for wrong in chapters[chapter].wrong[exercise] if wrong.name == name)
        items.append(f"<li>{_link(chapter, exercise, name, inline(wrong.says))} {_where(chapter, exercise)}</li>")
    body = f"<p>{inline(symptom.because)}</p><ul>{''.join(items)}</ul>"
    return fold(inline(symptom.see), body, "symptom")


def _link(chapter: str, exercise: str, name: str, text: str) -> str:
    return f'<a href="{chapter}.html#{mistake_id(exercise, name)}">{text}</a>'


def _where(chapter: str, exercise: str) -> str:
    return f'<span class="where">{chapter.split("_")[0]} <code>{html.escape(exercise)}</code></span>'


def _seen(ran: Ran) -> str:
    facts = chapter_facts(ran.chapter)
    rows = "\n".join(f"| {see} | {look} |" for see, look in seen_and_look(ran))
    return f"### In chapter {facts.number}: {facts.title}\n\n| you see | look at |\n|---|---|\n{rows}"


def _bank(ran: Ran, exercise: str) -> str:
    items = []
    for wrong in ran.chapter.wrong[exercise]:
        layer = ran.told[exercise][wrong.name].layer
        link = _link(ran.chapter.name, exercise, wrong.name, inline(wrong.says))
        items.append(f'<li>{link} <span class="where">{html.escape(layer)}</span></li>')
    count = f'<span class="where">{len(items)}</span>'
    return fold(f"<code>{html.escape(exercise)}</code> {count}", f"<ul>{''.join(items)}</ul>", "bank")
