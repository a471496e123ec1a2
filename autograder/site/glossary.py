"""The glossary: its page, and the forms of its terms that are linked from other pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from autograder.site.run import SiteError

__all__ = ["Term", "glossary_page", "read_terms"]


@dataclass(frozen=True)
class Term:
    """A word of the course: what it means in a sentence or two, the forms it is met in, and where it is explained."""

    name: str
    says: str
    forms: tuple[str, ...]
    where: str = ""
    not_before: str = ""
    but_not_in: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """Its anchor on the glossary's page."""
        return "term-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def read_terms(table: Mapping[str, Any]) -> list[Term]:
    """The terms of site/glossary.toml, in alphabetical order. Raises `SiteError` where two share a form."""
    terms = [
        Term(
            row["name"], row["says"], (row["name"], *row.get("also", [])), row.get("where", ""), row.get("not_before", ""),
            tuple(row.get("but_not_in", [])),
        )
        for row in table["term"]
    ]  # fmt: skip
    forms = [form.lower() for term in terms for form in term.forms]
    twice = sorted({form for form in forms if forms.count(form) > 1})
    if twice:
        raise SiteError(f"site/glossary.toml: two terms share the form {', '.join(twice)}")
    return sorted(terms, key=lambda term: term.name.lower())


def glossary_page(terms: Iterable[Term], chapters: Iterable[str]) -> str:
    """The page as MyST Markdown."""
    pages = set(chapters)
    parts = [
        "# Glossary",
        '<p class="lede">The words of the course, each in a sentence or two. Where a chapter first uses one, it leads here.</p>',
    ]
    letter = ""
    for term in terms:
        if term.name[0].upper() != letter:
            letter = term.name[0].upper()
            parts.append(f"## {letter}")
        chapter, _, anchor = term.where.partition("#")
        more = f' <a class="where" href="{chapter}.html#{anchor}">chapter {chapter.split("_")[0]}</a>' if chapter in pages else ""
        parts.append(f'<div class="term" id="{term.target}">\n\n**{term.name}.** {term.says}{more}\n\n</div>')
    return "\n\n".join(parts) + "\n"
