"""Score a test cell of asserts: run it with an assertion at its end that must fail, and take points only where it did.

The last line of a test cell, as it runs, is `assert 4817 == 9321, TOKEN`. An honest kernel that comes to it raises it, and so
proves two things at once: the test ran to its end, and an assert still asserts. No such error and no other one means that
asserts were dropped, the cell was skipped, or its output was taken away: no points, and a person looks. The token is another
for each cell and run. The value of a cell's last expression, its partial credit, travels in the same message.
"""

from __future__ import annotations

import ast
import copy
import re
import secrets
import textwrap
from dataclasses import dataclass
from typing import Any

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

__all__ = ["Armed", "Settled", "arm", "is_test", "settle", "without_credit"]

MAX_SHOWN_CHARACTERS = 200  # of the last value, in the message; a number has fewer
SILENT = (
    "This test could not be trusted: a false assertion at its end raised nothing. Asserts were switched off, the cell was "
    "skipped, or its output was taken away."
)
TOO_MANY = "This test gave more points than it has: {number:g} of {points:g}."
NOT_RUN = "This test was not run: {why}."
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Armed:
    """A test cell as it is sent to the kernel; `shows` says whether its last line is an expression, whose value counts."""

    source: str
    token: str
    shows: bool


@dataclass(frozen=True)
class Settled:
    """A test cell's outputs as nbgrader's scoring shall read them; `trouble` is 'tampered', 'unclear' or '', `note` says more."""

    outputs: list[NotebookNode]
    trouble: str = ""
    note: str = ""


def is_test(cell: NotebookNode) -> bool:
    """Whether nbgrader takes points from what this cell prints, shows or raises."""
    about = cell.metadata.get("nbgrader", {})
    return bool(cell.cell_type == "code" and about.get("grade") and not about.get("solution"))


def arm(source: str, token: str = "") -> Armed:
    """The test with the assertion that must fail at its end. One that is no Python, and fails by itself, is left as it is.

    `token` is 32 hexadecimal digits that nobody can guess; without one, they are drawn.
    """
    token = token or secrets.token_hex(16)
    try:
        # Magics become plain calls, so that a line of Python may follow whatever the cell begins with.
        text = TransformerManager().transform_cell(source).replace("\r\n", "\n")
        last = ast.parse(text).body[-1:]
    except (SyntaxError, ValueError, RecursionError):
        return Armed(source, token, False)
    one, other = 1000 + int(token[:8], 16) % 4000, 5000 + int(token[8:16], 16) % 4000
    if not last or not isinstance(last[0], ast.Expr) or _silenced(text, last[0]):
        return Armed(f'{text.rstrip()}\nassert {one} == {other}, "{token}"', token, False)
    name = f"_{token}"
    show = f'__import__("sys").displayhook({name})'
    message = f'f"{token}{{{name}!r:.{MAX_SHOWN_CHARACTERS}}}"'
    return Armed(f"{_named(text, last[0], name)}\n{show}; assert {one} == {other}, {message}", token, True)


def _silenced(text: str, last: ast.Expr) -> bool:
    """Whether a semicolon after the last expression keeps IPython from showing it."""
    return _after(text, last).lstrip().startswith(";")


def _after(text: str, node: ast.stmt) -> str:
    lines = text.split("\n")
    line = lines[(node.end_lineno or 1) - 1].encode()[node.end_col_offset :].decode()
    return "\n".join([line, *lines[node.end_lineno :]])


def _named(text: str, last: ast.Expr, name: str) -> str:
    """The same text with its last expression given a name, on the line where it stands."""
    lines = text.rstrip().split("\n")
    line = lines[last.lineno - 1].encode()
    before, rest = line[: last.col_offset].decode(), line[last.col_offset :].decode()
    lines[last.lineno - 1] = f"{before}{name} = {rest}"
    return "\n".join(lines)


def settle(armed: Armed, outputs: list[NotebookNode], points: float, unrun: str = "") -> Settled:
    """What a test cell earned, from what came back: outputs whose first decisive one says so by nbgrader's rule.

    An error gives nothing, whatever was shown before it. `unrun` says why an unfinished run may never have come to this cell.
    Output to stderr costs nothing, unlike in stock nbgrader: it stands among the other printed lines.
    """
    shown = [_printed(output) for output in outputs if output.output_type in ("stream", "display_data")]
    results = [output for output in outputs if output.output_type == "execute_result"]
    errors = [output for output in outputs if output.output_type == "error"]
    raised = [error for error in errors if error.ename == "AssertionError" and armed.token in error.evalue]
    note = "It wrote to stderr. That costs nothing here; stock nbgrader would give 0 points." if _wrote_to_stderr(outputs) else ""
    if len(raised) < len(errors):
        others = [_cleaned(error, armed.token) for error in errors if error not in raised]
        return Settled([*shown, *map(_as_display, results), *others])
    if not raised and unrun and not outputs:
        return Settled(without_credit("NotRun", NOT_RUN.format(why=unrun)))
    if not raised:
        return Settled([*without_credit("Tampered", SILENT), *shown, *map(_as_display, results)], "tampered", SILENT)
    text = raised[0].evalue.split(armed.token, 1)[1].split("\n")[0] if armed.shows else "None"
    last = results[-1:] if text != "None" else []  # what the test itself shows comes last; others show what they like, before it
    return _credited([*shown, *map(_as_display, results[: len(results) - len(last)])], last, text, points, note)


def _credited(shown: list[NotebookNode], results: list[NotebookNode], text: str, points: float, note: str) -> Settled:
    """A test that came to its end: all points, or the number that its last value is."""
    data: dict[str, Any] = dict(results[0].data) if results else {}
    if _number(text) is None:
        text = data.get("text/plain") or text
    number = _number(text)
    if number is not None and number > points:
        words = TOO_MANY.format(number=number, points=points)
        return Settled([*without_credit("Unclear", words), *shown], "unclear", words)
    if results or number is not None:
        data["text/plain"] = text
        shown = [*shown, nbformat.v4.new_output("execute_result", data=data)]
    return Settled(shown, "", note)


def without_credit(name: str, words: str) -> list[NotebookNode]:
    """The one output by which nbgrader gives a test cell no points, and which tells why."""
    return [nbformat.v4.new_output("error", ename=name, evalue=words, traceback=[textwrap.fill(f"{name}: {words}", 90)])]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _wrote_to_stderr(outputs: list[NotebookNode]) -> bool:
    return any(output.output_type == "stream" and output.name == "stderr" for output in outputs)


def _printed(output: NotebookNode) -> NotebookNode:
    """Printed lines as lines of stdout: nbgrader's rule takes a line on stderr for a failure."""
    if output.output_type != "stream":
        return output
    return nbformat.v4.new_output("stream", name="stdout", text=output.text)


def _as_display(result: NotebookNode) -> NotebookNode:
    """A result that is to be seen, but not to be read as points."""
    return nbformat.v4.new_output("display_data", data=result.data)


def _cleaned(error: NotebookNode, token: str) -> NotebookNode:
    """The error of a failed test as it would be without what was added to the cell."""
    error = copy.deepcopy(error)
    if any(token in part for part in error.traceback):
        text = _COLOUR.sub("", "\n".join(error.traceback)).replace(f"_{token} = ", "")
        error.traceback = ["\n".join(line for line in text.split("\n") if token not in line)]
    return error
