"""Every chapter keeps the course's promises: it runs, it names its mistakes, it reads in small steps."""

from __future__ import annotations

import functools
import gzip
import re
import statistics
import tempfile
from pathlib import Path

import nbformat
import pytest
from conftest import need
from run_notebook import Run, run

from autograder.golden import GOLDEN_NAME
from autograder.release.matrix import matrix
from autograder.release.release import release
from autograder.release.source import Chapter, chapter_names, load_chapter, stub_of

COURSE = Path(__file__).parent.parent
CHAPTERS = chapter_names(COURSE)
LONGEST_CELL = 25  # lines of code in one cell
CHAPTER_LIMIT_S = 30.0
GOLDEN_LIMIT_BYTES = 50_000

pytestmark = pytest.mark.parametrize("name", CHAPTERS)


@pytest.fixture
def chapter(name: str) -> Chapter:
    return load_chapter(COURSE, name)


@functools.cache
def instructors_run(name: str) -> Run:
    """The instructor's edition, run once for all tests that ask about it, without a network where that can be had."""
    with tempfile.TemporaryDirectory() as scratch:
        return run(COURSE / "notebooks" / name, load_chapter(COURSE, name).notebook, Path(scratch))


def outputs(run: Run) -> list[tuple[str, nbformat.NotebookNode]]:
    return [(cell.id, output) for cell in run.notebook.cells for output in cell.get("outputs", [])]


def troubles(run: Run) -> list[str]:
    """What a reader must never see: an error that nobody expected, a line on stderr."""
    return [
        f"{where}: {output.get('evalue') or output.get('text')}"
        for where, output in outputs(run)
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


def images(run: Run) -> list[str]:
    return re.findall(r"<img[^>]*>", "".join(str(o.get("data", {}).get("text/html", "")) for _, o in outputs(run)))


class TestAnswers:
    @pytest.mark.slow
    def test_every_wrong_answer_is_named_and_every_right_one_passes(self, chapter: Chapter) -> None:
        broken = [f"{entry.exercise}, {entry.kind} {entry.name}: {entry.broken}" for entry in matrix(chapter) if entry.broken]
        assert not broken, "\n".join(broken)

    def test_there_are_enough_exercises_and_answers(self, chapter: Chapter) -> None:
        assert len(chapter.exercises) >= 5
        for exercise in chapter.exercises:
            assert len(chapter.wrong[exercise]) >= 5, f"{exercise}: fewer than 5 mistakes"
            assert len(chapter.right[exercise]) >= 2, f"{exercise}: fewer than 2 other right answers"

    def test_no_mistake_shares_its_hint_with_another(self, chapter: Chapter) -> None:
        for exercise, bank in chapter.wrong.items():
            said = [wrong.says for wrong in bank]
            assert len(set(said)) == len(said), f"{exercise}: two mistakes are told in the same words"


class TestForm:
    def test_code_cells_are_small(self, chapter: Chapter) -> None:
        """As the student meets them: three to six lines at the median, none over 25."""
        cells = [cell for cell in chapter.notebook.cells if cell.cell_type == "code"]
        lengths = {cell.id: len([line for line in stub_of(cell.source).split("\n") if line.strip()]) for cell in cells}
        assert {cell: lines for cell, lines in lengths.items() if lines > LONGEST_CELL} == {}
        assert statistics.median(lengths.values()) <= 6

    def test_cell_ids_are_telling(self, chapter: Chapter) -> None:
        ids = [cell.id for cell in chapter.notebook.cells]
        assert [i for i in ids if not re.fullmatch(r"[a-z][a-z0-9_-]+", i) or re.fullmatch(r"[0-9a-f]{8}", i)] == []

    def test_the_check_stands_right_under_its_exercise(self, chapter: Chapter) -> None:
        ids = [cell.id for cell in chapter.notebook.cells]
        for exercise in chapter.exercises:
            assert ids[ids.index(exercise) + 1] == f"check_{exercise}"

    def test_there_is_a_written_answer_a_header_box_and_a_cheat_sheet(self, chapter: Chapter) -> None:
        text = "\n".join(cell.source for cell in chapter.notebook.cells if cell.cell_type == "markdown")
        assert any(cell.id.startswith("written_") for cell in chapter.notebook.cells)
        assert 'class="alert alert-info"' in text
        assert "cheat sheet" in text.lower()
        assert "then and now" in text.lower()
        assert "you can now" in text.lower()

    def test_the_golden_file_is_small_and_holds_no_solution(self, chapter: Chapter) -> None:
        golden = (COURSE / "notebooks" / chapter.name / GOLDEN_NAME).read_bytes()
        assert len(golden) < GOLDEN_LIMIT_BYTES
        golden = gzip.decompress(golden)
        hints = "\n".join(f"{wrong.says}\n{wrong.hint}" for bank in chapter.wrong.values() for wrong in bank)
        for exercise in chapter.exercises:
            written = [line.strip() for line in chapter.reference(exercise).splitlines() if line not in chapter.stub(exercise)]
            assert not [line for line in written if len(line) > 20 and line not in hints and line.encode() in golden]


@pytest.mark.slow
class TestRun:
    def test_the_instructors_edition_runs_clean_and_in_time(self, chapter: Chapter) -> None:
        solved = instructors_run(chapter.name)
        assert troubles(solved) == []
        assert solved.seconds < CHAPTER_LIMIT_S * 2, "twice the budget, on a noisy machine; `make bench` tells the real figure"
        for exercise in chapter.exercises:
            points = [o.data["text/plain"] for where, o in outputs(solved) if where == f"check_{exercise}" and "data" in o]
            assert points == [str(chapter.exercises[exercise].points)]
        figures = [image for image in images(solved) if "svg" in image]
        assert len(figures) >= 3
        assert all(re.search(r'alt="[^"]{20,}"', image) for image in figures)

    def test_it_needs_no_network(self, name: str) -> None:
        """The run above had none: no interface but the loopback, and no route."""
        need(instructors_run(name).sealed, "bubblewrap, and the right to make a network namespace")
        assert troubles(instructors_run(name)) == []

    def test_the_students_edition_runs_unsolved_and_only_the_checks_speak(self, chapter: Chapter, tmp_path: Path) -> None:
        folder = COURSE / "notebooks" / chapter.name
        unsolved = run(folder, nbformat.read(folder / f"{chapter.name}.ipynb", as_version=4), tmp_path)
        assert troubles(unsolved) == []
        for exercise in chapter.exercises:
            html = [o.data["text/html"] for where, o in outputs(unsolved) if where == f"check_{exercise}" and "data" in o]
            assert len(html) == 1
            assert "not started" in html[0]

    def test_the_committed_release_is_what_release_makes(self, name: str) -> None:
        assert release(COURSE, [name], write=False) == [], "run `make release` and commit notebooks/"
