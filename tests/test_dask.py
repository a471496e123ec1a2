"""Grading on Dask's workers: a real scheduler, real workers with folders of their own, and what happens when they die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import classic_class
import psutil
import pytest
from classic_class import EARNED, HONEST, NAME, edition, points_of, write_course
from conftest import need
from small_class import CHAPTER, POINTS, RIGHT, answered, hand_in, points, release_fast, released, wait_until, write_sources

from autograder.grading.classic import grade_classic
from autograder.grading.executors import Lost, NoWorkersError, dask_executor
from autograder.grading.grade import grade_chapter
from autograder.kernels.warm import isolation_here

pytestmark = pytest.mark.slow


class Cluster:
    """A scheduler and its workers, each a process in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file, self.processes = folder, folder / "scheduler.json", list[subprocess.Popen[bytes]]()

    def start(self, kind: str, name: str, *options: str) -> subprocess.Popen[bytes]:
        own = self.folder / name
        own.mkdir()
        line = [sys.executable, "-m", "dask", kind, "--scheduler-file", str(self.file), "--no-dashboard", "--host", "127.0.0.1"]
        once_again = os.environ | {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
        with (own / "log").open("wb") as log:
            process = subprocess.Popen([*line, *options], cwd=own, stdout=log, stderr=log, env=once_again)
        self.processes.append(process)
        return process

    def start_worker(self, name: str, *options: str) -> subprocess.Popen[bytes]:
        return self.start("worker", name, "--nthreads", "1", "--local-directory", str(self.folder / name), *options)

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_text())["address"])


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    try:
        made.start("scheduler", "scheduler", "--port", "0")
        assert wait_until(made.file.is_file), (tmp_path / "scheduler" / "log").read_text()
        yield made
    finally:
        for process in reversed(made.processes):  # a worker whose scheduler is gone looks for it for half a minute
            process.terminate()
            process.wait(timeout=60)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Ten hand-ins, no two alike; student n has solved the first n % 4 exercises."""
    course = release_fast(write_sources(tmp_path / "course"))
    for number in range(10):
        right = {name: f"{text}  # {number}" for name, text in list(RIGHT.items())[: number % 4]}
        hand_in(course, f"student{number}", answered(released(course), written_why=f"I am {number}.", **right))
    return course


def test_a_killed_worker_costs_nobody_a_point(cluster: Cluster, course: Path) -> None:
    need(isolation_here()[0] == "strict", "no sandbox of namespaces here; bubblewrap installed?")
    workers = [cluster.start_worker(name, "--no-nanny") for name in ("one", "two")]
    outcomes = []
    with dask_executor(cluster.address, 120) as (make, width):
        for graded in grade_chapter(course, CHAPTER, jobs=max(width, 2), executor=make):
            outcomes.append(graded.outcome)
            if workers[0].poll() is None:
                started = psutil.Process(workers[0].pid).children(recursive=True)
                workers[0].kill()
    assert workers[0].wait() == -9
    assert outcomes == ["graded"] * 10
    for number in range(10):
        solved = [f"check_{name}" for name in list(RIGHT)[: number % 4]]
        assert points(course)[f"student{number}"] == {name: POINTS[name] * (name in solved) for name in POINTS}
    assert wait_until(lambda: not any(one.is_running() for one in started)), "the killed worker left its kernels behind"


def test_a_classic_assignments_notebooks_and_files_travel_with_the_work(cluster: Cluster, tmp_path: Path) -> None:
    need(isolation_here()[0] == "strict", "no sandbox of namespaces here; bubblewrap installed?")
    cluster.start_worker("one", "--no-nanny")
    course = write_course(tmp_path / "course")
    for student, (first, _) in HONEST.items():
        classic_class.hand_in(course, student, "first", classic_class.answered(edition(course, "first"), **first or {}))
    with dask_executor(cluster.address, 120) as (make, width):
        graded = {one.student: one.outcome for one in grade_classic(course, NAME, jobs=width, executor=make)}
    assert graded == dict.fromkeys(HONEST, "graded")
    for student, earned in EARNED.items():
        assert points_of(course, student) == earned | {"test_negate": 0.0}


def test_work_that_ends_its_worker_each_time_is_told_as_such(cluster: Cluster) -> None:
    for name in ("one", "two"):
        cluster.start_worker(name, "--no-nanny")
    with dask_executor(cluster.address, 120) as (make, _):
        assert isinstance(make().submit(os._exit, 3).exception(timeout=120), Lost)
        cluster.start_worker("three", "--no-nanny")
        assert make().submit(len, b"four").result(timeout=120) == 4


def test_what_is_not_there_is_told_with_what_to_start(cluster: Cluster) -> None:
    with pytest.raises(NoWorkersError, match="has no worker; start some with `dask worker"), dask_executor(cluster.address, 1):
        pass
    with pytest.raises(NoWorkersError, match="no Dask scheduler answers at"), dask_executor("127.0.0.1:9", 1):
        pass
