"""A class in parts: whoever runs them, in whatever order, merging gives the gradebook of one undivided run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_class import (
    CHAPTER,
    RIGHT,
    InProcess,
    answered,
    grades,
    hand_in,
    release_fast,
    released,
    run_in_process,
    write_sources,
)
from typer.testing import CliRunner

from autograder.cli import app
from autograder.grading import unit
from autograder.grading.grade import grade_chapter
from autograder.grading.journal import Journal
from autograder.grading.shards import MISSING, grade_shard, in_shard, merge
from autograder.release.source import SourceError

STUDENTS = 9


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nine hand-ins: no two alike, some solved, one that is no notebook; what a kernel does is done in this process."""
    monkeypatch.setattr(unit, "execute", run_in_process)
    course = release_fast(write_sources(tmp_path / "course"))
    for number in range(STUDENTS):
        right = {name: f"{text}  # {number}" for name, text in list(RIGHT.items())[: 1 + number % 3]}
        hand_in(course, f"student{number}", b"%PDF" if number == 4 else answered(released(course), **right))
    return course


def run_part(course: Path, part: int, of: int) -> list[str]:
    return [one.student for one in grade_shard(course, CHAPTER, part, of, executor=InProcess)]


@given(st.text(min_size=1), st.integers(1, 40))
def test_everyone_is_in_exactly_one_part(student: str, of: int) -> None:
    assert sum(in_shard(student, part, of) for part in range(1, of + 1)) == 1


def test_merged_parts_are_the_undivided_run(course: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(course, tmp_path / "whole"))
    list(grade_chapter(whole, CHAPTER, executor=InProcess))
    ran = [student for part in (3, 1, 2) for student in run_part(course, part, 3)]
    assert sorted(ran) == [f"student{n}" for n in range(STUDENTS)]
    assert not (course / "gradebook.db").exists()
    merged = list(merge(course, CHAPTER))
    assert sorted(one.outcome for one in merged) == ["graded"] * 8 + ["malformed"]
    assert grades(course) == grades(whole)


def test_parts_in_copies_of_the_course_merge_too(course: Path, tmp_path: Path) -> None:
    copies = [Path(shutil.copytree(course, tmp_path / f"machine{part}")) for part in (1, 2)]
    for part, copy in enumerate(copies, 1):
        run_part(copy, part, 2)
    assert sorted(one.student for one in merge(course, CHAPTER, tuple(copies))) == [f"student{n}" for n in range(STUDENTS)]
    assert len(grades(course)) == STUDENTS
    assert len(list((course / ".autograder" / CHAPTER).rglob("*.run"))) == 8


def test_a_part_that_did_not_run_is_told_and_leaves_the_run_open(course: Path) -> None:
    ran = run_part(course, 1, 2)
    assert 0 < len(ran) < STUDENTS
    merged = {one.student: one.outcome for one in merge(course, CHAPTER)}
    assert {student for student, outcome in merged.items() if outcome == MISSING} == set(merged) - set(ran) - {"student4"}
    assert Journal.of(course, CHAPTER).under_way is not None
    run_part(course, 2, 2)
    assert MISSING not in {one.outcome for one in merge(course, CHAPTER)}
    assert Journal.of(course, CHAPTER).under_way is None
    assert len(grades(course)) == STUDENTS


def test_a_part_that_was_interrupted_continues(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = grade_shard(course, CHAPTER, 1, 1, executor=InProcess)
    for _ in range(3):
        next(part)
    part.close()
    calls = []
    monkeypatch.setattr(unit, "execute", lambda work, level: calls.append(work) or run_in_process(work, level))
    assert len(run_part(course, 1, 1)) == STUDENTS
    assert len(calls) < STUDENTS - 1


def test_merging_before_anything_ran_says_what_to_do(course: Path) -> None:
    with pytest.raises(SourceError, match="--shard 1/8"):
        list(merge(course, CHAPTER))


@pytest.mark.parametrize("part", ["0/2", "3/2", "two", "1/", "/", "-1/2", "1/2/3"])
def test_no_part_of_a_class_is_told(course: Path, part: str) -> None:
    result = CliRunner().invoke(app, ["grade", CHAPTER, "--course", str(course), "--shard", part], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "is no part: write I/N" in result.output


def test_on_the_command_line(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.grading.shards.local_executor", lambda jobs: InProcess())
    for part in ("1/2", "2/2"):
        result = CliRunner().invoke(app, ["grade", CHAPTER, "--course", str(course), "--shard", part])
        assert f"shard {part}:" in result.output, result.output
    result = CliRunner().invoke(app, ["merge", CHAPTER, "--course", str(course), "--no-feedback"])
    assert "merge: 9 submissions, 8 graded, 1 need a look" in result.output, result.output
    assert (course / "grades.csv").is_file()
