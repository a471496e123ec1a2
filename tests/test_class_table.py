"""The class table and grades.csv: what they show, and that nothing in them is taken for markup or a formula."""

from __future__ import annotations

import csv
import json
import shutil
import warnings
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from rich.console import Console

from autograder.release.release import own_tools_on_path
from autograder.reports.class_table import Row, class_rows, class_table, write_grades

CHAPTERS = ["01_one", "02_two"]


def row(student: str, one: float | None = 1.0, two: float | None = 2.5, outcome: str = "graded", mistakes: str = "") -> Row:
    return Row(student, dict(zip(CHAPTERS, (one, two), strict=True)), dict.fromkeys(CHAPTERS, outcome), tuple(mistakes.split()))


def shown(rows: list[Row]) -> str:
    console = Console(width=120, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(class_table(rows, CHAPTERS))
    return console.export_text()


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


class TestTable:
    def test_it_shows_points_per_chapter_and_the_mistakes(self) -> None:
        text = shown([row("ada", mistakes="no_mask sums_columns"), row("bob", mistakes="no_mask")])
        assert "ada" in text
        assert "2.5" in text
        assert "no_mask, sums_columns" in text
        assert "most made: no_mask (2), sums_columns (1)" in text

    def test_what_was_not_handed_in_and_what_went_wrong_are_told_apart(self) -> None:
        text = shown([row("ada", two=None), row("bob", 0.0, 0.0, outcome="malformed")])
        assert "–" in text
        assert "malformed (0)" in text

    @pytest.mark.parametrize("name", ["[red]x[/red]", "[/]", "[link=http://x]y"])
    def test_a_name_is_not_markup(self, name: str) -> None:
        assert name in shown([row(name)])

    def test_a_name_does_not_drive_the_terminal(self) -> None:
        assert "a?[31mb" in shown([row("a\x1b[31mb")])

    def test_an_empty_class_is_an_empty_table(self) -> None:
        assert "student" in shown([])


class TestCsv:
    def test_one_line_a_student_with_the_total(self, tmp_path: Path) -> None:
        write_grades([row("ada", mistakes="a b"), row("bob", two=None)], CHAPTERS, tmp_path / "grades.csv")
        assert read(tmp_path / "grades.csv") == [
            ["student", *CHAPTERS, "total", "mistakes"],
            ["ada", "1.0", "2.5", "3.5", "a b"],
            ["bob", "1.0", "", "1.0", ""],
        ]

    @pytest.mark.parametrize("name", ["=1+1", "+1", "-rf", "@x", " =1", "\t=1", "\r=1", '=HYPERLINK("x")'])
    def test_a_name_is_not_a_formula(self, tmp_path: Path, name: str) -> None:
        write_grades([row(name)], CHAPTERS, tmp_path / "grades.csv")
        assert read(tmp_path / "grades.csv")[1][0] == f"'{name}"

    def test_a_name_with_commas_quotes_and_newlines_is_one_cell(self, tmp_path: Path) -> None:
        write_grades([row('a,"b"\nc')], CHAPTERS, tmp_path / "grades.csv")
        assert read(tmp_path / "grades.csv")[1][0] == 'a,"b"\nc'


@pytest.mark.slow
class TestRows:
    @pytest.fixture(scope="class")
    def gradebook(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A gradebook with two students; one has a graded chapter, with 3 of 5 points."""
        path = tmp_path_factory.mktemp("book") / "gradebook.db"
        own_tools_on_path()
        with Gradebook(f"sqlite:///{path}") as book, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbgrader's own way of adding a submission
            book.add_assignment("01_one")
            book.add_notebook("01_one", "01_one")
            book.add_grade_cell("check_a", "01_one", "01_one", max_score=5, cell_type="code")
            for student in ("bob", "ada"):
                book.add_student(student)
            book.add_submission("01_one", "ada")
            book.find_grade("check_a", "01_one", "01_one", "ada").auto_score = 3.0
            book.db.commit()
        return path

    @pytest.fixture
    def course(self, gradebook: Path, tmp_path: Path) -> Path:
        shutil.copy(gradebook, tmp_path)
        return tmp_path

    def describe(self, course: Path, content: object) -> None:
        path = course / "autograded" / "ada" / "01_one" / "01_one.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content))

    def test_points_come_from_the_gradebook_and_mistakes_from_the_notebook(self, course: Path) -> None:
        verdicts = {"a": {"mistake": "no_mask"}, "b": {"mistake": ""}}
        self.describe(course, {"metadata": {"autograder": {"outcome": "killed", "verdicts": verdicts}}})
        ada, bob = class_rows(course, CHAPTERS)
        assert (ada.student, ada.points, ada.mistakes) == ("ada", {"01_one": 3.0, "02_two": None}, ("no_mask",))
        assert ada.outcomes == {"01_one": "killed", "02_two": "nothing handed in"}
        assert (bob.student, bob.total) == ("bob", 0.0)

    @pytest.mark.parametrize("content", [[], {"metadata": 3}, {"cells": []}], ids=str)
    def test_a_notebook_of_another_grader_costs_nothing(self, course: Path, content: object) -> None:
        self.describe(course, content)
        assert class_rows(course, CHAPTERS)[0].total == 3.0
