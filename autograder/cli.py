"""The command line, `autograder`: thin; each command calls the room that does the work."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from autograder.display import Shown
    from autograder.grading.grade import Graded
    from autograder.grading.judging import How

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The PyTorch course: check, release and grade its notebooks.",
)
console = Console(width=None if sys.stdout.isatty() else 150)

CORES = os.cpu_count() or 1

Course = Annotated[Path, typer.Option(help="The course's folder, the one with solutions/.")]
Chapters = Annotated[list[str] | None, typer.Argument(help="Chapters; all of them if none is named.")]
Isolation = Annotated[str, typer.Option(help="strict, basic or none: how far a submission is shut in.")]
Jobs = Annotated[int, typer.Option(min=1, help="Notebooks that run at a time.")]
AnswersOnly = Annotated[bool, typer.Option("--answers-only", help="Leave out demonstration cells: the same points.")]


@app.command()
def start(
    chapter: Annotated[str | None, typer.Argument(help="A chapter, or its number.")] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
    course: Course = Path(),
) -> None:
    """Open JupyterLab on your own working copy of the course, student/."""
    from autograder.start import start as run_start

    raise typer.Exit(run_start(course.resolve(), chapter, open_browser=browser))


@app.command()
def matrix(chapters: Chapters = None, course: Course = Path()) -> None:
    """Print the kill matrix and fail if a promise about the answers is broken."""
    from autograder.release.matrix import matrix as run_matrix
    from autograder.release.matrix import matrix_line, print_matrix
    from autograder.release.source import chapter_names, load_chapter

    every = []
    for name in chapters or chapter_names(course):
        entries = list(run_matrix(load_chapter(course.resolve(), name)))
        print_matrix(entries, console, name)
        every += entries
    print(matrix_line(every))
    raise typer.Exit(any(entry.broken for entry in every))


@app.command()
def text(
    chapter: str,
    back: Annotated[bool, typer.Option("--back", help="Rebuild the notebook from its text.")] = False,
    course: Course = Path(),
) -> None:
    """Write a source notebook as text to build/text/, to be edited there; with --back, rebuild the notebook from it."""
    import nbformat

    from autograder.release.text import read_text_into, to_text, write_atomically

    folder, path = course / "solutions" / chapter, course / "build" / "text" / f"{chapter}.py"
    if back:
        print(f"wrote {read_text_into(path, folder)}")
        return
    write_atomically(path, to_text(nbformat.read(folder / f"{chapter}.ipynb", as_version=4)).encode())
    print(f"wrote {path}")


@app.command()
def release(
    chapters: Chapters = None,
    course: Course = Path(),
    check: Annotated[bool, typer.Option("--check", help="Only tell what would change; exit code 1 if anything would.")] = False,
) -> None:
    """Generate notebooks/ from solutions/, with golden files, and say what changed."""
    from autograder.release.release import release as run_release

    changes = run_release(course, chapters, write=not check)
    for change in changes:
        print(f"  {change.what:<8} {change.path}")
    print(f"release: {len(changes)} files {'would change' if check else 'changed'}")
    raise typer.Exit(check and bool(changes))


@app.command()
def grade(
    chapters: Chapters = None,
    course: Course = Path(),
    jobs: Jobs = CORES,
    force: Annotated[bool, typer.Option("--force", help="Grade again what was graded before.")] = False,
    feedback: Annotated[bool, typer.Option(help="Write feedback pages, too.")] = True,
    isolation: Isolation = "",
    answers_only: AnswersOnly = False,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler, whose workers then run the notebooks.")] = "",
    shard: Annotated[str, typer.Option(help="I/N: run part I of N only, for `autograder merge` to record.")] = "",
) -> None:
    """Grade submitted/STUDENT/CHAPTER/ into nbgrader's gradebook; print the class table; write grades.csv and feedback.

    An assignment of another nbgrader course (--course FOLDER), one without checks.py, is graded by its own assert cells.
    """
    from autograder.grading.classic import grade_classic
    from autograder.grading.classic_shards import grade_classic_shard
    from autograder.grading.grade import grade_chapter
    from autograder.grading.shards import grade_shard

    names, part, how = _names(course, chapters), _part(shard), _how(isolation, answers_only)
    classic = {name for name in names if _is_foreign(course, name)}
    if part and force:
        raise typer.BadParameter("goes without --force", param_hint="--shard")
    if answers_only and classic:
        raise typer.BadParameter(f"{min(classic)} is none of this course's own chapters", param_hint="--answers-only")
    with _workers(scheduler, jobs) as (make, at_a_time):

        def run(name: str, shown: Shown) -> Iterator[Graded]:
            if name in classic:
                if part:
                    return grade_classic_shard(
                        course, name, *part, level=how.level, jobs=at_a_time, executor=make, tell=shown.tell, now=shown.now
                    )
                return grade_classic(
                    course, name, level=how.level, jobs=at_a_time, executor=make, force=force, tell=shown.tell, now=shown.now
                )
            if part:
                return grade_shard(course, name, *part, how=how, jobs=at_a_time, executor=make, tell=shown.tell, now=shown.now)
            return grade_chapter(
                course, name, how=how, jobs=at_a_time, executor=make, force=force, tell=shown.tell, now=shown.now
            )

        graded = _grade(course, names, run, how.level, feedback=feedback and not part, table=not part)
    _tell_and_exit(f"shard {shard}" if part else "grade", graded)


@app.command()
def merge(
    chapters: Chapters = None,
    course: Course = Path(),
    other: Annotated[list[Path] | None, typer.Option("--from", help="A copy of the course in which parts ran, too.")] = None,
    feedback: Annotated[bool, typer.Option(help="Write feedback pages, too.")] = True,
    isolation: Isolation = "",
    answers_only: AnswersOnly = False,
) -> None:
    """Judge and record what the parts of a run (`grade --shard I/N`) left; give the options that the parts were given."""
    from autograder.grading.classic_shards import merge_classic
    from autograder.grading.shards import merge as run_merge

    how = _how(isolation, answers_only)

    def run(name: str, shown: Shown) -> Iterator[Graded]:
        if _is_foreign(course, name):
            return merge_classic(course, name, tuple(other or ()), level=how.level, tell=shown.tell)
        return run_merge(course, name, tuple(other or ()), how=how, tell=shown.tell)

    _tell_and_exit("merge", _grade(course, _names(course, chapters), run, how.level, feedback=feedback, table=True))


@app.command()
def regrade(
    chapter: str,
    exercise: str,
    course: Course = Path(),
    jobs: Jobs = CORES,
    yes: Annotated[bool, typer.Option("--yes", help="Write the difference, too.")] = False,
) -> None:
    """Judge one exercise again for the whole class, from what was observed; show what would change, write it with --yes."""
    from autograder.display import showing
    from autograder.grading.regrade import regrade as run_regrade
    from autograder.grading.regrade import write
    from autograder.grading.submission import printable
    from autograder.reports.feedback import write_feedback

    with showing(f"{chapter}, {exercise}", console) as shown:
        ones = list(run_regrade(course, chapter, exercise, jobs=jobs, tell=shown.tell))
    troubles = [one for one in ones if one.trouble]
    changes = [one for one in ones if not one.trouble and one.before != one.after]
    for one in changes:
        print(f"  {printable(one.student)}: {one.before} -> {one.after}")
    for one in troubles:
        print(f"left as it is: {printable(one.student)}: {one.trouble}")
    down = sum(one.after < one.before for one in changes)
    print(f"regrade: {len(changes)} of {len(ones)} change, {down} go down, {len(troubles)} left as they are")
    if not yes:
        print("nothing was written: --yes writes new points and the verdicts' new words")
        return
    lost = [(student, error) for student, error in write(course, ones) if error is not None]
    for student, error in lost:
        print(f"could not be written: {printable(student)}: {error}", file=sys.stderr)
    write_feedback(course, chapter)
    print(f"written: {len(ones) - len(troubles) - len(lost)} verdicts, and the feedback pages")
    raise typer.Exit(bool(lost))


def _names(course: Path, chapters: list[str] | None) -> list[str]:
    from autograder.grading.classic_course import classic_names, hand_in_folders
    from autograder.release.source import chapter_names

    known = chapters or (chapter_names(course) if (course / "solutions").is_dir() else classic_names(course))
    names = chapters or [name for name in known if hand_in_folders(course, name)]
    if not names:
        print(f"nothing to grade: in {course.resolve()} nobody has handed in (submitted/STUDENT/CHAPTER)", file=sys.stderr)
        raise typer.Exit(2)
    return names


def _is_foreign(course: Path, name: str) -> bool:
    """Whether it is no chapter with probes, but an assignment of asserts, or one of a course that has no such chapters."""
    from autograder.grading.classic_course import is_classic

    return is_classic(course, name) or not (course / "solutions").is_dir()


def _how(isolation: str, answers_only: bool) -> How:
    from autograder.grading.judging import How

    return How(level=isolation, answers_only=answers_only) if isolation else How(answers_only=answers_only)


def _part(shard: str) -> tuple[int, int] | None:
    number, _, of = shard.partition("/")
    if not shard:
        return None
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise typer.BadParameter(f"{shard!r} is no part: write I/N with I from 1 to N, such as 2/8", param_hint="--shard")
    return int(number), int(of)


@contextlib.contextmanager
def _workers(scheduler: str, jobs: int) -> Iterator[tuple[Callable[[], Executor] | None, int]]:
    """Where the work is done, and how much at a time: Dask's workers, or processes of this machine."""
    from autograder.grading.executors import dask_executor

    if not scheduler:
        yield None, jobs
        return
    with dask_executor(scheduler) as both:
        yield both


def _tell_and_exit(what: str, graded: list[Graded]) -> None:
    from autograder.grading.submission import printable

    ungradable = [one for one in graded if one.outcome != "graded"]
    for one in ungradable:
        print(f"needs a look: {printable(one.student)}, {one.chapter}: {one.outcome}: {one.detail}")
    print(f"{what}: {len(graded)} submissions, {len(graded) - len(ungradable)} graded, {len(ungradable)} need a look")
    raise typer.Exit(bool(ungradable))


def _grade(
    course: Path,
    names: list[str],
    run: Callable[[str, Shown], Iterator[Graded]],
    level: str,
    *,
    feedback: bool,
    table: bool,
) -> list[Graded]:
    """Grade chapters and print the class table. Ctrl-C ends it with what was recorded, and says how to go on."""
    from autograder.reports.class_table import class_rows, class_table, write_grades
    from autograder.reports.feedback import write_feedback

    graded: list[Graded] = []
    try:
        for name in names:
            graded += _grade_one(name, run, level)
            if feedback:
                write_feedback(course, name)
    except KeyboardInterrupt:
        print(f"\nstopped: {len(graded)} submissions of finished chapters and all that ran are kept; the same command goes on")
        raise typer.Exit(130) from None
    if table:
        rows = class_rows(course, names)
        console.print(class_table(rows, names))
        write_grades(rows, names, course / "grades.csv")
    return graded


def _grade_one(name: str, run: Callable[[str, Shown], Iterator[Graded]], level: str) -> list[Graded]:
    from collections import Counter

    from autograder.display import showing, summary

    graded: list[Graded] = []
    slowest: Counter[str] = Counter()
    with showing(name, console) as shown:
        for one in run(name, shown):
            graded.append(one)
            shown.outcome(one.outcome if one.fresh else "as before")
            slowest[one.slowest[0]] = max(slowest[one.slowest[0]], round(one.slowest[1]))
    if graded:
        console.print(summary(shown, level, slowest), highlight=False)
    return graded


@app.command()
def demo(
    chapters: Annotated[list[str] | None, typer.Argument(help="Chapters; 01 and 02 if none is named.")] = None,
    course: Course = Path(),
    folder: Annotated[Path, typer.Option(help="Where to make the class; what stands there is replaced.")] = Path("demo"),
    jobs: Jobs = CORES,
) -> None:
    """Make a class of 24 from the banks of answers and grade it end to end in a folder of its own."""
    from autograder.demo import SHOWN, STUDENTS, make_class, make_course
    from autograder.grading.grade import grade_chapter
    from autograder.kernels.warm import isolation_here
    from autograder.release.release import release as run_release
    from autograder.release.source import chapter_names, load_chapter

    there = chapter_names(course)
    names = chapters or [name for name in SHOWN if name in there] or there
    run_release(course, names)
    make_course(course, folder)
    make_class([load_chapter(course.resolve(), name) for name in names], course / "notebooks", folder)
    level, why = isolation_here()
    if why:
        print(f"isolation {level}, enough for a class made here: {why[0]}")
    how = _how(level, answers_only=False)

    def run(name: str, shown: Shown) -> Iterator[Graded]:
        return grade_chapter(folder, name, how=how, jobs=jobs, tell=shown.tell, now=shown.now)

    graded = _grade(folder, names, run, level, feedback=True, table=True)
    good = sum(one.outcome == "graded" for one in graded)
    lost = len(STUDENTS) * len(names) - len(graded)
    print(f"written: {folder}/grades.csv, {folder}/gradebook.db, {folder}/autograded/, {folder}/feedback/")
    print(f"demo: {len(STUDENTS)} students, {len(names)} chapters, {good} graded, {len(graded) - good} ungradable, {lost} lost")
    raise typer.Exit(bool(lost))


@app.command()
def bench(
    chapters: Chapters = None,
    course: Course = Path(),
    submissions: Annotated[int, typer.Option(help="How large the class is that is graded in every way; 0: none.")] = 48,
) -> None:
    """Measure checks and chapters, then grade a class of chapter 02 side by side with stock nbgrader; takes half an hour."""
    from autograder.bench.lessons import bench_lessons
    from autograder.bench.side_by_side import bench_class
    from autograder.release.source import chapter_names

    line, differences = f"check {bench_lessons(course, chapters or chapter_names(course), console):.1f} ms", list[str]()
    if submissions:
        compared = bench_class(course, "02_manual_gradients", submissions, console)
        differences = compared.differences
        line = (
            f"{compared.stock:.1f} times stock, {compared.answers_only:.1f} times stock without demonstrations, "
            f"{compared.bare:.2f} of bare, {compared.workers:.2f} from 1 to 2 workers, {line}"
        )
    for difference in differences:
        print(f"not the same points: {difference}")
    print(f"bench: {line}")
    raise typer.Exit(bool(differences))


@app.command()
def site(
    course: Course = Path(),
    jobs: Annotated[int, typer.Option(help="Chapters that run at a time.")] = min(CORES, 2),
) -> None:
    """Build the rendered course in build/site: the public edition, and the instructor's with solutions."""
    from autograder.site.build import build_site

    built = build_site(course.resolve(), course.resolve() / "build", jobs=jobs)
    print(f"  {built.ran} chapters were run now, the others had not changed")
    if built.missing:
        print(f"  {built.missing}")
    print(f"  {built.pages['instructor']} pages of the instructor's edition: {built.folder / 'instructor' / 'index.html'}")
    print(built.line)


@app.command()
def visdom(port: Annotated[int, typer.Option(help="The port; 0 takes any free one.")] = 8097) -> None:
    """Start a Visdom server on this machine only, until Ctrl+C."""
    from autograder.visdom_server import serve

    raise typer.Exit(serve(port))


def main() -> None:
    """Run the command line; what an instructor can mend is told in a sentence, without a traceback."""
    from autograder.exercise import CheckFileError
    from autograder.golden import GoldenError
    from autograder.grading.executors import NoWorkersError
    from autograder.kernels.sandbox import SandboxError
    from autograder.release.source import SourceError
    from autograder.site.run import SiteError
    from autograder.start import StartError
    from autograder.visdom_server import VisdomError

    try:
        app()
    except SandboxError as error:
        print(
            f"autograder: {error}\n  to grade with less isolation all the same, say --isolation basic, or none", file=sys.stderr
        )
        raise SystemExit(2) from None
    except (NoWorkersError, SourceError, CheckFileError, GoldenError, SiteError, StartError, VisdomError) as error:
        print(f"autograder: {error}", file=sys.stderr)
        raise SystemExit(2) from None
