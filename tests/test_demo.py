"""The demo's class: made the same each time, graded for real, and counted without a loss."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from small_class import CHAPTER, SOURCE, cell_of, release_fast, student_edition, write_sources

from autograder.demo import BROKEN, MARK, STUDENTS, make_class, make_course
from autograder.grading.rebuild import Malformed, read_submission, rebuild
from autograder.release.release import release
from autograder.release.source import Chapter, SourceError, load_chapter


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return release_fast(write_sources(tmp_path_factory.mktemp("demo")))


@pytest.fixture(scope="module")
def chapter(course: Path) -> Chapter:
    return load_chapter(course, CHAPTER)


def made(course: Path, chapter: Chapter, folder: Path, **options: int) -> dict[str, bytes]:
    make_class([chapter], course / "notebooks", folder, **options)
    return {path.parts[-3]: path.read_bytes() for path in sorted(folder.glob(f"submitted/*/{CHAPTER}/{CHAPTER}.ipynb"))}


class TestClass:
    def test_it_has_24_students(self, course: Path, chapter: Chapter, tmp_path: Path) -> None:
        assert set(made(course, chapter, tmp_path)) == set(STUDENTS)
        assert len(STUDENTS) == 24

    def test_it_is_the_same_each_time_and_another_with_another_seed(self, course: Path, chapter: Chapter, tmp_path: Path) -> None:
        one, again, other = (made(course, chapter, tmp_path / str(n), seed=seed) for n, seed in enumerate((1, 1, 2)))
        assert one == again != other

    def test_each_accident_happened_to_its_student(self, course: Path, chapter: Chapter, tmp_path: Path) -> None:
        data, edition = made(course, chapter, tmp_path), student_edition()
        size = {name: len(read_submission(data[name])) for name, how in BROKEN.items() if how != "not a notebook"}
        assert size == {"karen": len(edition.cells) - 1, "kurt": len(edition.cells) + 1, "linus": len(edition.cells)}
        assert not any(cell.grade_id for cell in read_submission(data["linus"]))
        with pytest.raises(Malformed):
            read_submission(data["john"])

    def test_answers_are_right_wrong_and_unfinished(self, course: Path, chapter: Chapter, tmp_path: Path) -> None:
        edition = student_edition()
        data = [data for name, data in made(course, chapter, tmp_path).items() if BROKEN.get(name) != "not a notebook"]
        notebooks = [rebuild(edition, read_submission(one)).notebook for one in data]
        answers = {(name, cell_of(notebook, name).source.strip()) for notebook in notebooks for name in chapter.exercises}
        assert answers >= {(name, chapter.reference(name).strip()) for name in chapter.exercises}
        assert answers & {(name, chapter.stub(name).strip()) for name in chapter.exercises}
        assert answers & {(name, code.strip()) for name in chapter.exercises for _, code in chapter.right_codes(name)}
        wrong = {(n, code.strip()) for n in chapter.exercises for _, codes in chapter.wrong_codes(n) for code in codes}
        assert len(answers & wrong) > 1


class TestFolder:
    def test_it_links_to_the_course_and_holds_nothing_else(self, course: Path, tmp_path: Path) -> None:
        make_course(course, tmp_path / "demo")
        assert sorted(p.name for p in (tmp_path / "demo").iterdir()) == sorted(
            [MARK, "nbgrader_config.py", "notebooks", "solutions"]
        )

    def test_an_earlier_demo_is_replaced_and_the_course_stays(self, course: Path, tmp_path: Path) -> None:
        make_course(course, tmp_path / "demo")
        (tmp_path / "demo" / "submitted").mkdir()
        make_course(course, tmp_path / "demo")
        assert not (tmp_path / "demo" / "submitted").exists()
        assert (course / "solutions" / CHAPTER / "checks.py").exists()

    @pytest.mark.parametrize("kind", ["someone's files", "a file", "a link"])
    def test_anything_else_is_never_deleted(self, course: Path, tmp_path: Path, kind: str) -> None:
        folder, kept = tmp_path / "mine", tmp_path / "kept"
        kept.mkdir()
        (kept / "thesis.tex").touch()
        match kind:
            case "someone's files":
                shutil.copytree(kept, folder)
            case "a file":
                folder.touch()
            case "a link":
                folder.symlink_to(kept)
        with pytest.raises(SourceError, match="--folder"):
            make_course(course, folder)
        assert folder.exists()
        assert (kept / "thesis.tex").exists()


@pytest.mark.slow
def test_a_made_class_is_graded_end_to_end(tmp_path: Path) -> None:
    course = tmp_path / "course"
    shutil.copytree(SOURCE.parent / "sample_course", course)
    shutil.copy(SOURCE.parents[1] / "nbgrader_config.py", course)
    release(course)
    (name,) = [path.name for path in (course / "solutions").iterdir()]
    make_course(course, tmp_path / "demo")
    students = ["ada", "john", "linus"]
    make_class([load_chapter(course.resolve(), name)], course / "notebooks", tmp_path / "demo", students=students)
    command = [sys.executable, "-c", "from autograder.cli import main; main()", "grade", "--course", str(tmp_path / "demo")]
    environment = {**os.environ, "COLUMNS": "150", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1, done.stderr  # one of them needs a look
    assert "Traceback" not in done.stderr
    assert f"needs a look: john, {name}: malformed" in done.stdout
    assert done.stdout.rstrip().endswith("grade: 3 submissions, 2 graded, 1 need a look")
    with (tmp_path / "demo" / "grades.csv").open(newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert list(rows) == students
    assert float(rows["john"]["total"]) == 0.0
    assert all(re.search(rf"│ {student} ", done.stdout) for student in students)
    assert {path.parts[-3] for path in (tmp_path / "demo" / "feedback").rglob("*.html")} == set(students)
    for student in students:
        assert nbformat.read(tmp_path / "demo" / "autograded" / student / name / f"{name}.ipynb", as_version=4).cells
