"""Turn a chapter that has run into a notebook for the site: stubs, outputs, anchors, and help under each exercise."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from docutils.nodes import make_id
from nbformat import NotebookNode

from autograder.release.source import Chapter, stub_of
from autograder.site.card_styles import styles_once
from autograder.site.exercise_help import exercise_help
from autograder.site.figures import figures_out
from autograder.site.run import Ran, SiteError

__all__ = ["ChapterFacts", "Edition", "chapter_facts", "chapter_notebook", "shown_outputs"]

NO_ANSWER = "*Here you write an answer of your own, which your instructor reads.*"


@dataclass(frozen=True)
class Edition:
    """Which of the two sites a page is made for, and where its files go."""

    name: str  # public or instructor
    extra: Path  # files that are copied beside the pages

    @property
    def shows_solutions(self) -> bool:
        return self.name == "instructor"


@dataclass(frozen=True)
class ChapterFacts:
    """What other pages say of a chapter."""

    name: str
    number: str
    title: str
    promise: str
    reading_minutes: int
    solving_minutes: int
    points: int


def chapter_facts(chapter: Chapter) -> ChapterFacts:
    """Read a chapter's number, title, promise, minutes and points from its name, its header box and its exercises."""
    source = chapter.notebook.cells[0].source
    title = re.search(r"^# (?:\d\d )?(.+)$", source, re.MULTILINE)
    if not title:
        raise SiteError(f"{chapter.name}: its first cell has no title")
    minutes = re.search(r"(\d+) minutes to read(?:,| and) (\d+)", source)
    solving = sum(exercise.minutes for exercise in chapter.exercises.values())
    written = sum(int(cell.metadata.nbgrader.points) for cell in chapter.notebook.cells if cell.id.startswith("written_"))
    return ChapterFacts(
        name=chapter.name, number=chapter.name.split("_")[0], title=title[1].strip(), promise=_promise(source),
        reading_minutes=int(minutes[1]) if minutes else 30, solving_minutes=int(minutes[2]) if minutes else solving,
        points=written + sum(exercise.points for exercise in chapter.exercises.values()),
    )  # fmt: skip


def _promise(source: str) -> str:
    """What the header box promises, as one sentence of plain text."""
    bold = re.search(r"\*\*[^*]*(?:do|can)[.:]?\*\*[.:]?\s*(.+?)\n\n", source, re.DOTALL)
    if not bold:
        return ""
    lines = [line.strip() for line in bold[1].split("\n")]
    if lines[0].startswith("- "):
        return _plain(lines[0][2:].rstrip(",;.") + ".").capitalize() if lines[0].islower() else _sentence(lines)
    return _plain(re.split(r"(?<=[.!?]) ", " ".join(lines))[0])


def _sentence(lines: list[str]) -> str:
    """A list's first item as a sentence; an item may run over several lines."""
    first = lines[0][2:]
    for line in lines[1:]:
        if line.startswith("- "):
            break
        first += f" {line}"
    return _plain(first[0].upper() + first[1:].rstrip(",;.") + ".")


def _plain(markdown: str) -> str:
    return re.sub(r"[`*$\\]", "", markdown)


def chapter_notebook(ran: Ran, edition: Edition) -> NotebookNode:
    """The page's notebook. In the public edition it holds stubs, outputs and what the check says, and no line of a solution."""
    chapter, facts = ran.chapter, chapter_facts(ran.chapter)
    anchors = _anchors(chapter)
    cells: list[NotebookNode] = []
    sheet: dict[str, str] = {}
    for cell in ran.notebook.cells:
        cells += [_anchor(target) for target in anchors.get(cell.id, [])]
        name = cell.id.removeprefix("check_")
        if cell is ran.notebook.cells[0]:
            cells += _head(cell, facts)
        elif cell.id.startswith("written_"):
            cells.append(_written(cell, edition))
        elif cell.cell_type == "markdown":
            cells.append(_markdown(_dollars_apart(cell.source)))
        elif cell.id.startswith("check_") and name in chapter.exercises:
            cells.append(_code(cell.source))
            shown = figures_out(exercise_help(ran, name, edition.shows_solutions), edition.extra)
            cells.append(_markdown(styles_once(shown, sheet)))
        else:
            cells.append(_code(stub_of(cell.source), cell, edition))
    rules = "".join(f".{name}{{{style}}}" for name, style in sorted(sheet.items()))
    cells.append(_markdown(f"<style>{rules}</style>"))
    page = nbformat.v4.new_notebook(cells=cells)
    page.metadata = nbformat.from_dict(
        {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python", "pygments_lexer": "ipython3"},
        }
    )
    for number, cell in enumerate(page.cells):
        cell.id = f"cell-{number}"  # nbformat draws them at random
    return page


def _anchors(chapter: Chapter) -> dict[str, list[str]]:
    """What can be linked to: every cell by its id, and each exercise by its name, above its heading."""
    headings = {make_id(line.lstrip("# ")) for cell in chapter.notebook.cells for line in _headings(cell)}
    found = {cell.id: [cell.id] for cell in chapter.notebook.cells if cell.id not in headings}
    for name, exercise in chapter.exercises.items():
        about = next(
            cell.id for cell in chapter.notebook.cells if cell.cell_type == "markdown" and exercise.header() in cell.source
        )
        above = _heading_above(chapter, about, name)
        found[above] = [name, *found.get(above, [])]
        found[name] = []
    return found


def _headings(cell: NotebookNode) -> list[str]:
    return re.findall(r"^#+ .*$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else []


def _heading_above(chapter: Chapter, about: str, name: str) -> str:
    """The last cell with a heading before an exercise's solution cell, which is as a rule the one that holds its header line."""
    ids = [cell.id for cell in chapter.notebook.cells]
    for cell in reversed(chapter.notebook.cells[: ids.index(name)]):
        if _headings(cell):
            return str(cell.id)
    return about


def _anchor(target: str) -> NotebookNode:
    return _markdown(f'<div class="anchor" id="{html.escape(target)}"></div>')


def _head(cell: NotebookNode, facts: ChapterFacts) -> list[NotebookNode]:
    """Title, then in a line what the chapter costs and how to open it, then the rest of the first cell."""
    _, _, rest = cell.source.partition("\n")
    package = f"downloads/{facts.name}.zip"
    meta = (
        f'<div class="chapter-head"><p class="chapter-facts"><span>Chapter {facts.number}</span>'
        f"<span>{facts.reading_minutes} minutes to read</span><span>{facts.solving_minutes} to solve</span>"
        f"<span>{facts.points} points</span></p>"
        f'<p class="chapter-open"><a href="{package}" download>Download the notebook</a> '
        f"<span>and open it in JupyterLab: <code>make start CHAPTER={facts.name}</code></span></p></div>"
    )
    return [_markdown(f"# {facts.title}\n\n{meta}\n{rest}")]


def _written(cell: NotebookNode, edition: Edition) -> NotebookNode:
    if not edition.shows_solutions:
        return _markdown(f'<div class="your-words">\n\n{NO_ANSWER}\n\n</div>')
    return _markdown(f'<details class="fold"><summary>A model answer</summary>\n\n{cell.source}\n\n</details>')


def _markdown(source: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(source)


def _code(source: str, ran: NotebookNode | None = None, edition: Edition | None = None) -> NotebookNode:
    cell = nbformat.v4.new_code_cell(source)
    if ran and edition:
        cell.outputs = shown_outputs(ran, edition.extra)
    return cell


def shown_outputs(cell: NotebookNode, extra: Path) -> list[NotebookNode]:
    """A cell's outputs for a page: without numbers of execution, and with images in files of their own."""
    outputs = []
    for output in cell.get("outputs", []):
        shown = nbformat.from_dict({key: value for key, value in output.items() if key != "execution_count"})
        if shown.output_type == "execute_result":
            shown.output_type = "display_data"
        if "text/html" in shown.get("data", {}):
            shown.data = nbformat.from_dict({"text/html": figures_out(shown.data["text/html"], extra)})
        outputs.append(shown)
    return outputs


def _dollars_apart(source: str) -> str:
    """A formula of its own, `$$…$$` amid a paragraph's lines, in a paragraph of its own: JupyterLab does not mind, MyST does."""
    return re.sub(r"(?<=\S)\n(\$\$)", r"\n\n\1", source)
