"""The bare cost of a class: run the cells that the engine runs in forks of one warm process, without kernel, walls or judge.

`python -m autograder.bench.bare COURSE CHAPTER OUT JOBS` runs the submissions of a course, JOBS at a time. OUT/STUDENT.json
then holds what was observed in each.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from autograder.grading.execute import Work
from autograder.grading.judging import Assignment, load_assignment, work_for
from autograder.grading.rebuild import read_submission, rebuild
from autograder.grading.submission import read_folder, submission_folders
from autograder.kernels.forkserver import warm_up
from autograder.student.answering import OBSERVATION_MIME, probe_source

__all__ = ["SEED", "main", "works"]

SEED = 8  # of the inputs: the observations are judged later, by another process


def works(course: Path, assignment: Assignment) -> dict[str, Work]:
    """What is to be run for each student. Raises Malformed where a submission cannot be read."""
    found = {one.student: one.data or b"" for one in map(read_folder, submission_folders(course, assignment.name))}
    rebuilt = {student: rebuild(assignment.released, read_submission(data)).notebook for student, data in found.items()}
    return {student: work_for(assignment, notebook) for student, notebook in rebuilt.items()}


def main() -> None:
    """Read the arguments, get warm, and run all. Raises RuntimeError where a fork fails."""
    course, chapter, out, jobs = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    assignment = load_assignment(course, chapter, seed=SEED)
    todo = list(works(course, assignment).items())
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as in a kernel
    with tempfile.TemporaryDirectory(prefix="bare-") as home:
        os.environ["HOME"] = os.environ["IPYTHONDIR"] = home
        warm_up(assignment.imports)
        running: set[int] = set()
        while todo or running:
            if todo and len(running) < jobs:
                student, work = todo.pop()
                running.add(_forked(work, out / f"{student}.json"))
                continue
            pid, status = os.wait()
            running.discard(pid)
            if status:
                raise RuntimeError("a bare run failed")


def _forked(work: Work, path: Path) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _run(work, path)
            code = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def _run(work: Work, path: Path) -> None:
    """Run the cells as a notebook's kernel would, pictures drawn, and write down the answers to the questions."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    with tempfile.TemporaryDirectory(prefix="bare-") as folder:
        os.chdir(folder)
        for name, data in work.files.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(data)
        shell: Any = InteractiveShell.instance()
        shell.enable_gui = lambda gui: None  # only a kernel has a loop to join
        shell.enable_matplotlib("inline")
        answers: dict[str, list[str]] = {}
        for cell in work.notebook.cells:
            question = work.questions.get(cell.id)
            asked = [probe_source(question.exercise, packed) for packed in question.packed] if question else [cell.source]
            if cell.cell_type != "code" or cell.id in work.skipped:
                continue
            for source in asked:
                with capture_output() as captured:
                    shell.run_cell(source, store_history=question is None)
                if question is not None:
                    shown = [output.data.get(OBSERVATION_MIME, "") for output in captured.outputs]
                    answers.setdefault(question.exercise, []).append("".join(shown))
        os.chdir("/")
    path.write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main()
