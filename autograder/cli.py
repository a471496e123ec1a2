"""The command line, `autograder`: thin; each command calls the room that does the work."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="The PyTorch course: check, release and grade its notebooks.")
console = Console(width=None if sys.stdout.isatty() else 150)

Course = Annotated[Path, typer.Option(help="The course's folder, the one with solutions/.")]
Chapters = Annotated[list[str] | None, typer.Argument(help="Chapters; all of them if none is named.")]


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


def main() -> None:
    """Run the command line; what an instructor can mend is told in a sentence, without a traceback."""
    from autograder.exercise import CheckFileError
    from autograder.golden import GoldenError
    from autograder.release.source import SourceError

    try:
        app()
    except (SourceError, CheckFileError, GoldenError) as error:
        print(f"autograder: {error}", file=sys.stderr)
        raise SystemExit(2) from None
