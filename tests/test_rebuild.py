"""Rebuilding: of a submission only the texts of its answer cells come in, however the file was treated on its way."""

from __future__ import annotations

import copy
import json
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import NotebookNode
from small_class import RIGHT, answered, as_bytes, cell_of, position_of, student_edition

from autograder.grading.rebuild import MAX_CELL_CHARACTERS, MAX_SUBMISSION_BYTES, Malformed, Rebuilt, read_submission, rebuild


@pytest.fixture(scope="module")
def edition() -> NotebookNode:
    """The small chapter with its solutions cleared, as students get it."""
    return student_edition()


@pytest.fixture
def submitted(edition: NotebookNode) -> NotebookNode:
    """A hand-in with three answers and a written one."""
    return answered(edition, **RIGHT, written_why="It sums them up.")


def rebuilt(edition: NotebookNode, submitted: NotebookNode | bytes) -> Rebuilt:
    data = submitted if isinstance(submitted, bytes) else as_bytes(submitted)
    return rebuild(edition, read_submission(data))


def sources(notebook: NotebookNode) -> dict[str, str]:
    return {cell.id: cell.source for cell in notebook.cells}


def answers(result: Rebuilt) -> dict[str, str]:
    return {name: text for name, text in sources(result.notebook).items() if name in RIGHT}


class TestWhatComesIn:
    def test_each_answer_comes_into_its_own_cell(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        result = rebuilt(edition, submitted)
        assert sources(result.notebook) == sources(submitted)
        assert result.notes == []

    def test_the_released_notebook_is_left_as_it_is(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        before = as_bytes(edition)
        rebuilt(edition, submitted)
        assert as_bytes(edition) == before

    def test_nothing_but_texts_comes_in(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        clean = rebuilt(edition, submitted).notebook
        for cell in submitted.cells:
            cell.metadata["tags"] = ["skip-execution", "raises-exception"]
            if cell.cell_type == "code":
                cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "10"}, execution_count=1)]
                cell.execution_count = 7
            if "nbgrader" in cell.metadata:
                cell.metadata.nbgrader |= {"points": 1000, "grade": True, "locked": False, "schema_version": 99}
        submitted.metadata = {"kernelspec": {"name": "mine", "display_name": "mine", "language": "R"}, "widgets": {}}
        assert rebuilt(edition, submitted).notebook == clean

    def test_cells_of_ours_that_were_edited_come_back_as_they_were(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        cell_of(submitted, "check_largest").source = "3"
        cell_of(submitted, "setup").source = "import torch; torch.allclose = lambda *a: True"
        assert rebuilt(edition, submitted).notebook.cells[1].source == cell_of(edition, "setup").source
        assert sources(rebuilt(edition, submitted).notebook)["check_largest"] == 'check("largest")'

    def test_code_in_inserted_cells_stays_out_and_is_noted(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        submitted.cells.insert(4, nbformat.v4.new_code_cell("helper = 3"))
        submitted.cells.insert(0, nbformat.v4.new_code_cell("%matplotlib inline"))
        result = rebuilt(edition, submitted)
        assert len(result.notebook.cells) == len(edition.cells)
        assert [note for note in result.notes if note.startswith("2 code cells of the student's own")]

    def test_asking_for_a_hint_in_a_cell_of_ones_own_is_not_noted(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        submitted.cells.insert(4, nbformat.v4.new_code_cell('check("row_sums", hint=2)\n\n# and\nprogress()'))
        submitted.cells.insert(5, nbformat.v4.new_markdown_cell("my notes"))
        assert rebuilt(edition, submitted).notes == []

    def test_an_unanswered_question_keeps_the_students_edition_never_the_model_answer(self, edition: NotebookNode) -> None:
        result = rebuilt(edition, edition)
        assert result.notebook == edition
        assert "model answer" not in json.dumps(result.notebook)


class TestIds:
    @pytest.mark.parametrize("lost", ["cell ids", "grade ids", "both"])
    def test_a_lost_id_costs_nothing(self, edition: NotebookNode, submitted: NotebookNode, lost: str) -> None:
        for number, cell in enumerate(submitted.cells):
            if lost in ("cell ids", "both"):
                cell.id = f"cell-{number}"
            if lost in ("grade ids", "both"):
                cell.metadata = {}
        result = rebuilt(edition, submitted)
        assert answers(result) == RIGHT
        assert sources(result.notebook)["written_why"] == "It sums them up."
        assert bool(result.notes) == (lost == "both")

    def test_without_ids_the_last_definition_above_the_check_counts(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        for cell in submitted.cells:
            cell.id, cell.metadata = "x", {}
        where = next(n for n, cell in enumerate(submitted.cells) if cell.source == RIGHT["largest"])
        submitted.cells.insert(where, nbformat.v4.new_code_cell("def largest(x):\n    return 0"))
        submitted.cells.append(nbformat.v4.new_code_cell("def largest(x):\n    return 1"))
        assert answers(rebuilt(edition, submitted)) == RIGHT

    def test_an_answer_whose_cell_is_gone_counts_as_not_started(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        del submitted.cells[position_of(submitted, "largest")]
        result = rebuilt(edition, submitted)
        assert answers(result)["largest"] == cell_of(edition, "largest").source
        assert result.notes == ["The cell `largest` was not found in the submission; it counts as not started."]

    def test_deleted_and_copied_check_cells_are_there_once(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        del submitted.cells[position_of(submitted, "check_row_sums")]
        submitted.cells.append(copy.deepcopy(cell_of(submitted, "check_largest")))
        assert [cell.id for cell in rebuilt(edition, submitted).notebook.cells] == [cell.id for cell in edition.cells]


class TestCopies:
    def insert_copy(self, notebook: NotebookNode, name: str, source: str, after: str) -> None:
        twin = copy.deepcopy(cell_of(notebook, name))
        twin.source = source
        notebook.cells.insert(position_of(notebook, after) + 1, twin)

    def test_of_copies_the_last_above_the_check_counts(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        self.insert_copy(submitted, "largest", "def largest(x):\n    return 2", after="largest")
        result = rebuilt(edition, submitted)
        assert answers(result)["largest"] == "def largest(x):\n    return 2"
        assert "was there 2 times" in result.notes[0]

    def test_a_copy_below_the_check_does_not_count(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        self.insert_copy(submitted, "largest", "def largest(x):\n    return 2", after="check_largest")
        assert answers(rebuilt(edition, submitted)) == RIGHT

    def test_a_copy_nobody_worked_on_does_not_count(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        self.insert_copy(submitted, "largest", cell_of(edition, "largest").source, after="largest")
        assert answers(rebuilt(edition, submitted)) == RIGHT

    @pytest.mark.parametrize("cut", [1, 2], ids=["helper and function", "in the middle of the function"])
    def test_the_parts_of_a_split_cell_count_together(self, edition: NotebookNode, submitted: NotebookNode, cut: int) -> None:
        lines = ["helper = torch.sum", "def row_sums(x):", "    return helper(x, 1)"]
        cell_of(submitted, "row_sums").source = "\n".join(lines[:cut])
        self.insert_copy(submitted, "row_sums", "\n".join(lines[cut:]), after="row_sums")
        result = rebuilt(edition, submitted)
        assert answers(result)["row_sums"] == "\n".join(lines)
        assert "in 2 parts" in result.notes[0]

    def test_a_written_answer_in_two_cells_counts_together(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        self.insert_copy(submitted, "written_why", "And more.", after="written_why")
        assert sources(rebuilt(edition, submitted).notebook)["written_why"] == "It sums them up.\nAnd more."

    @pytest.mark.parametrize("kind", ["markdown", "raw"])
    def test_a_cell_turned_into_another_type_is_taken_back(
        self, edition: NotebookNode, submitted: NotebookNode, kind: str
    ) -> None:
        cell_of(submitted, "largest").cell_type = kind
        result = rebuilt(edition, submitted)
        assert answers(result) == RIGHT
        assert cell_of(result.notebook, "largest").cell_type == "code"
        assert "another type" in result.notes[0]


class TestOddFiles:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
    def test_any_unicode_encoding_is_read(self, edition: NotebookNode, submitted: NotebookNode, encoding: str) -> None:
        cell_of(submitted, "written_why").source = "Weil Σ über Spalten läuft."
        data = json.dumps(submitted, ensure_ascii=False).encode(encoding)
        assert sources(rebuilt(edition, data).notebook) == sources(submitted)

    def test_format_3_is_read(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        cells: list[dict[str, Any]] = [dict(cell) for cell in submitted.cells]
        for cell in cells:
            del cell["id"]
            if cell["cell_type"] == "code":
                cell["input"] = cell.pop("source").splitlines(keepends=True)
        data = json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}, 5, {"cells": None}]}).encode()
        assert answers(rebuilt(edition, data)) == RIGHT

    @pytest.mark.parametrize("source", [None, 5, True, {"a": 1}, [1, None, ["x"]]], ids=str)
    def test_a_source_that_is_no_text_is_an_empty_answer(
        self, edition: NotebookNode, submitted: NotebookNode, source: object
    ) -> None:
        cell_of(submitted, "largest").source = source
        assert answers(rebuilt(edition, submitted)) == RIGHT | {"largest": ""}

    @pytest.mark.parametrize("metadata", [None, 3, [], {"nbgrader": 1}, {"nbgrader": {"grade_id": ["largest"]}}], ids=str)
    def test_metadata_of_any_type_is_read_past(self, edition: NotebookNode, submitted: NotebookNode, metadata: object) -> None:
        cell = cell_of(submitted, "largest")
        cell.id, cell.metadata = None, metadata
        assert answers(rebuilt(edition, submitted)) == RIGHT

    def test_lone_surrogates_and_nul_can_be_written_to_a_file(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        cell_of(submitted, "largest").source = "a = '\ud800'\x00\r\nb = 1"
        source = answers(rebuilt(edition, submitted))["largest"]
        assert source == "a = '?'\x00\nb = 1"
        source.encode()

    def test_a_cell_too_long_is_left_out_and_the_rest_counts(self, edition: NotebookNode, submitted: NotebookNode) -> None:
        cell_of(submitted, "largest").source += "\n# " + "x" * MAX_CELL_CHARACTERS
        result = rebuilt(edition, submitted)
        assert answers(result) == RIGHT | {"largest": cell_of(edition, "largest").source}
        assert "longer than 200,000 characters" in result.notes[0]

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "is empty"),
            (b" \n", "is empty"),
            (b"%PDF-1.7 binary", "not valid JSON"),
            ("{'ü'}".encode("latin-1"), "not UTF-8"),
            (b"[" * 100_000, "nested too deeply"),
            (b"[1, 2]", "no list of cells"),
            (b'"text"', "no list of cells"),
            (b'{"cells": 3}', "no list of cells"),
            (b'{"worksheets": [{"cells": 3}]}', "none of this chapter's answer cells"),
            (b'{"cells": [1, null, []]}', "none of this chapter's answer cells"),
            (b'{"cells": [{"cell_type": "code", "source": "import torch"}]}', "another chapter's notebook"),
            (b" " * (MAX_SUBMISSION_BYTES + 1), "more than 20 MiB"),
            (b'{"cells": ' + b"9" * 10_000 + b"}", "not valid JSON"),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_what_is_no_notebook_is_told_as_such(self, edition: NotebookNode, data: bytes, reason: str) -> None:
        with pytest.raises(Malformed, match=reason):
            rebuilt(edition, data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("largest") | st.just("code"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["cells", "worksheets", "source", "input", "metadata", "nbgrader", "grade_id", "id", "cell_type"]), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(st.binary(max_size=50) | json_values.map(lambda value: json.dumps({"cells": [value, value]}).encode()))
def test_nothing_in_a_file_does_more_than_make_it_malformed(edition: NotebookNode, data: bytes) -> None:
    try:
        result = rebuilt(edition, data)
    except Malformed:
        return
    nbformat.validate(result.notebook)
