"""Pages gathered from all chapters: cheat sheets, then and now, the kill matrix, the lecture's coverage, the changelog."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.compare import Layer
from autograder.release.matrix import Entry, matrix_line
from autograder.release.source import stub_of
from autograder.site.chapter_page import chapter_facts, shown_outputs
from autograder.site.run import Ran

__all__ = ["cheat_sheets", "kill_matrix", "lecture_page", "seen_and_look", "then_and_now"]


def cheat_sheets(runs: Iterable[Ran]) -> str:
    """Every chapter's cheat sheet on one page, made to be printed."""
    parts = ["# Cheat sheets", '<p class="lede">Every chapter on a card. Print this page: it knows how.</p>']
    for ran in runs:
        facts = chapter_facts(ran.chapter)
        sheet = "\n\n".join(cell.source for cell in ran.notebook.cells if cell.id == "cheat-sheet")
        body = re.sub(r"^#+ .*\n", "", sheet, count=1).strip()
        heading = f"## {facts.number} {facts.title}"
        parts.append(f'{heading}\n\n<div class="sheet">\n\n{body}\n\n</div>\n\n[To the chapter]({facts.name})')
    return "\n\n".join(parts) + "\n"


def seen_and_look(ran: Ran) -> list[tuple[str, str]]:
    """The rows of a chapter's table 'you see | look at', as Markdown."""
    sheet = "\n".join(cell.source for cell in ran.notebook.cells if cell.id == "cheat-sheet")
    found = re.search(r"^\| *you see *\| *look at *\|\n\|[-| ]+\|\n((?:\|.*\n?)+)", sheet, re.MULTILINE)
    rows = found[1].strip().split("\n") if found else []
    return [
        (cells[0].strip(), cells[1].strip()) for cells in (re.split(r"(?<!\\)\|", row)[1:-1] for row in rows) if len(cells) == 2
    ]


def then_and_now(runs: Iterable[Ran], extra: Path) -> NotebookNode:
    """What the lecture wrote in 2017 and what has become of it: that section of each chapter, with its outputs."""
    intro = (
        "# Then and now\n\n"
        '<p class="lede">What the lecture wrote in 2017, why it does not run today, and how the same is written now. '
        "Each passage is cut out of its chapter, where the story goes on.</p>"
    )
    cells = [nbformat.v4.new_markdown_cell(intro)]
    for ran in runs:
        facts, passage = chapter_facts(ran.chapter), list(_passage(ran))
        if passage:
            cells.append(nbformat.v4.new_markdown_cell(f"## {facts.number} {facts.title}"))
            cells += [_copy(cell, extra) for cell in passage]
            cells.append(nbformat.v4.new_markdown_cell(f"[Go on in the chapter]({facts.name})"))
    page = nbformat.v4.new_notebook(cells=cells)
    page.metadata = nbformat.from_dict({"language_info": {"name": "python", "pygments_lexer": "ipython3"}})
    for number, cell in enumerate(page.cells):
        cell.id = f"cell-{number}"
    return page


def _passage(ran: Ran) -> Iterator[NotebookNode]:
    """The cells under the heading 'Then and now', up to the next heading."""
    inside = False
    for cell in ran.notebook.cells:
        heading = re.match(r"^#+ (.*)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if heading and inside:
            return
        inside = inside or bool(heading and "then and now" in heading[1].lower())
        if inside:
            yield cell


def _copy(cell: NotebookNode, extra: Path) -> NotebookNode:
    if cell.cell_type == "markdown":
        return nbformat.v4.new_markdown_cell(re.sub(r"^#+ .*\n", "", cell.source, count=1))
    copy = nbformat.v4.new_code_cell(stub_of(cell.source))
    copy.outputs = shown_outputs(cell, extra)
    return copy


def kill_matrix(runs: Iterable[Ran]) -> str:
    """Every known answer judged, as tables: the proof that mistakes are told apart and that other right ways pass."""
    runs = list(runs)
    every = [entry for ran in runs for entry in ran.entries]
    count = Counter(entry.kind for entry in every)
    parts = [
        "# The kill matrix",
        '<p class="lede">A check is worth what it catches. So each exercise comes with the wrong answers that students give, and '
        "with right ones that look different. All of them are judged, on three draws of inputs, whenever this page is built.</p>",
        f'<dl class="figures-row"><div><dt>exercises</dt><dd>{count["reference"]}</dd></div>'
        f"<div><dt>wrong answers</dt><dd>{count['wrong']}</dd></div>"
        f"<div><dt>caught and named</dt><dd>{sum(entry.named for entry in every)}</dd></div>"
        f"<div><dt>other right answers</dt><dd>{count['right']}</dd></div>"
        f"<div><dt>of them refused</dt><dd>{sum(bool(e.broken) for e in every if e.kind == 'right')}</dd></div></dl>",
        f"```text\n{matrix_line(every)}\n```",
        "**How to read it.** *Wrong* counts the answers that must be refused, *named* those that are told by their own name. "
        "*Caught by* says which layer of the comparison broke first: a shape is told before a value, since it explains more.",
    ]
    for ran in runs:
        facts = chapter_facts(ran.chapter)
        parts.append(f"## {facts.number} {facts.title}\n\n{_matrix_table(ran.entries, facts.name)}")
    return "\n\n".join(parts) + "\n"


def _matrix_table(entries: list[Entry], chapter: str) -> str:
    lines = ["| exercise | wrong | named | caught by | right |", "|---|---|---|---|---|"]
    for name in dict.fromkeys(entry.exercise for entry in entries):
        rows = [entry for entry in entries if entry.exercise == name]
        wrong, right = ([row for row in rows if row.kind == kind] for kind in ("wrong", "right"))
        layers = Counter(row.layer for row in wrong)
        order = [layer.title for layer in Layer if layer.title in layers]
        caught = ", ".join(f"{layer}&nbsp;{layers[layer]}" for layer in order)
        passed = sum(not row.broken for row in right)
        link = f'<a href="{chapter}.html#{name}"><code>{name}</code></a>'
        lines.append(
            f"| {link} | {len(wrong)} | {sum(row.named for row in wrong)} | {caught} | {passed}&nbsp;of&nbsp;{len(right)} |"
        )
    return "\n".join(lines)


def lecture_page(text: str, chapters: Iterable[str]) -> str:
    """solutions/LECTURE.md with its links into notebooks turned into links to pages, as far as the pages exist."""
    pages = set(chapters)

    def linked(match: re.Match[str]) -> str:
        chapter, anchor, label = match[2], match[4] or "", match[1]
        label = re.sub(r"`([^`]*)`", r"<code>\1</code>", label)
        return f'<a href="{chapter}.html{anchor}">{label}</a>' if chapter in pages else label

    return re.sub(r"\[([^\]]+)\]\((\w+)/(\w+)\.ipynb(#[\w-]+)?\)", linked, text)
