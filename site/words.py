"""The site's own part of Sphinx: links to the glossary and to other chapters, and each page's description."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

__all__ = ["setup"]

# Where a word is not prose, or is a link already.
NOT_PROSE = (
    nodes.reference,
    nodes.title,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.raw,
    nodes.term,
)
NO_TERMS_ON = ("glossary", "index", "changelog", "lecture")
_CHAPTER = re.compile(r"\bchapters? (\d\d)\b", re.IGNORECASE)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_html_math_renderer("tex", (_inline_tex, None), (_displayed_tex, None))
    app.connect("doctree-read", _link_words)
    app.connect("html-page-context", _describe)
    app.connect("build-finished", _trim_theme)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _link_words(app: Sphinx, doctree: nodes.document) -> None:
    """Link the first use of each term, and of each other chapter's number, on this page."""
    page = app.env.docname
    pattern, by_form = _terms(_pages(app)["terms"], page)
    pages: dict[str, str] = {name.split("_")[0]: name for name in _pages(app)["chapters"]}
    pages = {number: name for number, name in pages.items() if name != page}
    linked: set[str] = set()
    for text in list(doctree.findall(nodes.Text)):
        if any(isinstance(above, NOT_PROSE) for above in _above(text)):
            continue
        if page not in NO_TERMS_ON:
            _replace(text, lambda piece: _with_terms(piece, pattern, by_form, linked))
    for text in list(doctree.findall(nodes.Text)):
        if page != "glossary" and not any(isinstance(above, NOT_PROSE) for above in _above(text)):  # it has links of its own
            _replace(text, lambda piece: _with_chapters(piece, pages, linked))


def _terms(terms: list[dict[str, Any]], page: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern that finds any form of any term on a page, the longest first, and the anchor of each form in lower case."""
    forms = {form.lower(): term for term in terms if page not in term["but_not_in"] for form in term["forms"]}
    longest = sorted(forms, key=len, reverse=True)
    choices = "|".join(re.escape(form) + _unless(forms[form]["not_before"]) for form in longest)
    found = re.compile(rf"(?<![\w`/-])({choices})(?![\w`/-])", re.IGNORECASE)
    return found, {form: term["target"] for form, term in forms.items()}


def _unless(word: str) -> str:
    return rf"(?!\s+{word}\b)" if word else ""


def _above(node: nodes.Node) -> list[nodes.Node]:
    found = []
    while node.parent is not None:
        node = node.parent
        found.append(node)
    return found


def _replace(text: nodes.Text, linking: Any) -> None:
    pieces = linking(str(text))
    if len(pieces) > 1 or (pieces and not isinstance(pieces[0], nodes.Text)):
        text.parent.replace(text, pieces)


def _with_terms(text: str, pattern: re.Pattern[str], by_form: dict[str, str], linked: set[str]) -> list[nodes.Node]:
    pieces: list[nodes.Node] = []
    end = 0
    for match in pattern.finditer(text):
        target = by_form[match[1].lower()]
        if target in linked:
            continue
        linked.add(target)
        pieces += [nodes.Text(text[end : match.start()]), _reference(match[1], f"glossary.html#{target}", "term-link")]
        end = match.end()
    return [*pieces, nodes.Text(text[end:])]


def _with_chapters(text: str, pages: dict[str, str], linked: set[str]) -> list[nodes.Node]:
    pieces: list[nodes.Node] = []
    end = 0
    for match in _CHAPTER.finditer(text):
        if match[1] in linked or match[1] not in pages:
            continue
        linked.add(match[1])
        pieces += [nodes.Text(text[end : match.start()]), _reference(match[0], f"{pages[match[1]]}.html", "chapter-link")]
        end = match.end()
    return [*pieces, nodes.Text(text[end:])]


def _reference(text: str, address: str, look: str) -> nodes.reference:
    return nodes.reference("", text, refuri=address, internal=True, classes=[look])


def _pages(app: Sphinx) -> dict[str, Any]:
    pages: dict[str, Any] = json.loads((Path(app.srcdir) / "pages.json").read_text(encoding="utf-8"))
    return pages


def _describe(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Hand the page's description and the course's title to the templates."""
    pages = _pages(app)
    context["description"] = pages["descriptions"].get(page, pages["descriptions"]["index"])
    context["edition"] = pages["edition"]
    context["is_chapter"] = page in pages["chapters"]


def _trim_theme(app: Sphinx, error: Exception | None) -> None:
    """Leave out what no page uses of the theme: its icon fonts and the maps of its scripts, more than half of its bytes."""
    static = Path(app.outdir) / "_static"
    for path in [*static.rglob("*.map"), *static.glob("vendor/fontawesome/**/*"), static / "scripts" / "fontawesome.js"]:
        if path.is_file():
            path.unlink()
    style = static / "styles" / "pydata-sphinx-theme.css"
    if style.is_file():
        text = style.read_text(encoding="utf-8")
        text = re.sub(r"@font-face\s*\{[^}]*fa-[^}]*\}", "", text)
        text = re.sub(r"(?<=[};/])\.fa[-a-z0-9]*(?::[:a-z-]+)?(?:,\.fa[-a-z0-9]*(?::[:a-z-]+)?)*\{[^{}]*\}", "", text)
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        style.write_text(_used_rules(text, _classes(Path(app.outdir))), encoding="utf-8")
    for script in (static / "scripts").glob("*.js"):
        text = script.read_text(encoding="utf-8")
        script.write_text(re.sub(r"//# sourceMappingURL=.*", "", text), encoding="utf-8")


def _classes(pages: Path) -> set[str]:
    """Every class that a page has, or that a script may give it."""
    found: set[str] = set()
    for page in pages.glob("*.html"):
        for names in re.findall(r'\bclass="([^"]*)"', page.read_text(encoding="utf-8")):
            found.update(names.split())
    for script in pages.glob("_static/**/*.js"):
        if script.name != "tex-svg.js":
            found.update(re.findall(r"[A-Za-z][\w-]+", script.read_text(encoding="utf-8")))
    return found


def _used_rules(style: str, classes: set[str]) -> str:
    """The rules that some page can use: those with a selector all of whose classes there are."""

    def kept(match: re.Match[str]) -> str:
        selectors = re.split(r",(?![^(]*\))", match[1])
        used = [
            one for one in selectors if set(re.findall(r"\.(-?[A-Za-z_][\w-]*)", re.sub(r":not\([^)]*\)", "", one))) <= classes
        ]
        return f"{','.join(used)}{{{match[2]}}}" if used else ""

    return re.sub(r"((?<=[{}])[^{}@;]+|^[^{}@;]+)\{([^{}]*)\}", kept, style)


def _inline_tex(translator: Any, node: nodes.math) -> None:
    """A formula as its TeX, where there is no MathJax to draw it."""
    translator.body.append(f'<code class="tex">{translator.encode(node.astext())}</code>')
    raise nodes.SkipNode


def _displayed_tex(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<pre class="tex">{translator.encode(node.astext())}</pre>')
    raise nodes.SkipNode
