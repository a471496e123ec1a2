"""`make bench`: what is measured is what it is said to be. The figures themselves are no test's matter."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from small_class import CHAPTER, POINTS, RIGHT, answered, hand_in, release_fast, released, write_sources

from autograder.bench.side_by_side import bare_way, differences
from autograder.bench.watch import Cost, watch

PIECES = """
import pathlib, time
time.sleep(1)
for number in range(4):
    time.sleep({pause})
    pathlib.Path(f"{{number}}.done").touch()
"""


def run_of(folder: Path, code: str, workers: int = 1) -> Cost:
    return watch([sys.executable, "-c", code], folder, lambda: list(folder.glob("*.done")), workers)


class TestWatch:
    def test_a_pace_is_told_apart_from_the_time_before_the_first_piece(self, tmp_path: Path) -> None:
        cost = run_of(tmp_path, PIECES.format(pause=0.4))
        assert cost.seconds > cost.first > 1.4
        assert 0.4 <= cost.each < cost.first

    def test_what_other_workers_had_nearly_done_at_the_first_piece_is_not_counted(self, tmp_path: Path) -> None:
        code = PIECES.format(pause=0.4).replace("time.sleep(0.4)", "time.sleep(0.4 * (1 - number % 2))")  # in pairs
        assert run_of(tmp_path, code, workers=2).each >= 0.19  # 0.13 if all three were counted

    def test_the_memory_of_processes_below_it_counts(self, tmp_path: Path) -> None:
        child = "held = bytearray(300 * 2**20); import time; time.sleep(3)"
        code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])" + PIECES.format(pause=0)
        assert 300 <= run_of(tmp_path, code).peak_mb < 600

    def test_a_command_that_fails_is_told_with_what_it_said(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError, match=r"(?s)ended with 3: .*no such class"):
            run_of(tmp_path, "import sys; print('no such class'); sys.exit(3)")

    def test_too_few_pieces_tell_no_pace(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError, match="did 0 pieces of work"):
            run_of(tmp_path, "pass")


def test_other_points_are_told_with_who_gave_them() -> None:
    stock = {"ada": {"check_a": 2.0, "check_b": 3.0}, "bob": {"check_a": 0.0, "check_b": 0.0}}
    ours = {"ada": {"check_a": 2.0, "check_b": 0.0}}
    assert differences({"stock": stock, "same": stock, "ours": ours}) == [
        "ada, check_b: 3 by stock, 0.0 by ours",
        "bob, check_a: 0 by stock, None by ours",
        "bob, check_b: 0 by stock, None by ours",
    ]


@pytest.mark.slow
def test_the_bare_way_runs_the_same_cells_to_the_same_points(tmp_path: Path) -> None:
    course = release_fast(write_sources(tmp_path / "course"))
    edition = released(course)
    for student in ("ada", "bea", "cy"):
        hand_in(course, student, answered(edition, **RIGHT))
    hand_in(course, "dan", answered(edition, **RIGHT | {"largest": "def largest(x):\n    return x.max() + 1"}))
    cost, points = bare_way(course, CHAPTER, 2)
    assert points == dict.fromkeys(("ada", "bea", "cy"), POINTS) | {"dan": POINTS | {"check_largest": 0.0}}
    assert 0 < cost.each < cost.first < cost.seconds
