"""Release: solutions/ to notebooks/, the same bytes each time, nothing in them that students may not have."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from small_class import CHAPTER, cell_of, released, source_path, write_sources

from autograder.golden import GOLDEN_NAME, golden_bytes, read_golden
from autograder.release import release as release_module
from autograder.release.release import release
from autograder.release.source import SourceError, load_chapter

OUTPUT = '{"output_type": "stream", "name": "stdout", "text": "1"}'


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def changes(course: Path, *, write: bool = True) -> dict[str, str]:
    return {str(change.path.relative_to(course / "notebooks")): change.what for change in release(course, write=write)}


def edit(course: Path, name: str, old: str, new: str) -> None:
    """Replace text in one of the small chapter's source files."""
    path = source_path(course).with_name(name)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


class TestRules:
    """A chapter that breaks a rule is refused with the rule, before anything is generated."""

    @pytest.fixture
    def course(self, tmp_path: Path) -> Path:
        return write_sources(tmp_path)

    @pytest.mark.parametrize(
        ("name", "old", "new", "rule"),
        [
            (f"{CHAPTER}.ipynb", r"check(\"largest\")", r"print(\"largest\")", r'largest must end in check\("largest"\)'),
            (f"{CHAPTER}.ipynb", '"points": 3', '"points": 30', "largest: 30 points in the notebook, 3 in checks"),
            (f"{CHAPTER}.ipynb", "BEGIN SOLUTION", "MY SOLUTION", "no solution cell with that id and a solution region"),
            (f"{CHAPTER}.ipynb", "**3 points**", "**4 points**", "its header line is missing"),
            (f"{CHAPTER}.ipynb", '"id": "setup"', '"id": "imports"', "no cell with the id 'setup'"),
            (f"{CHAPTER}.ipynb", '"id": "title"', '"id": "setup"', "several cells have the id setup"),
            (f"{CHAPTER}.ipynb", '"outputs": []', f'"outputs": [{OUTPUT}]', "stored outputs: clear them"),
            (f"{CHAPTER}.ipynb", '"id": "check_shares"', '"id": "check_sharing"', "check cells .*'sharing'.* differ"),
            (f"{CHAPTER}.ipynb", '"solution": true', '"solution": false', "not marked as a solution"),
            (f"{CHAPTER}.ipynb", "{", "", "cannot be read as a notebook"),
            ("checks.py", "points=3", "points=4", "3 points in the notebook, 4 in checks"),
            ("checks.py", "def largest", "def largest(", "checks.py does not run: SyntaxError"),
            ("answers.py", '"largest": [W', '"biggest": [W', r"answers\.py knows 'biggest'"),
            ("answers.py", "takes_the_mean", "sums_columns", "two wrong answers are called 'sums_columns'"),
            ("answers.py", "WRONG = {", "WRONG = 1/0 + {", "answers.py does not run: ZeroDivisionError"),
        ],
        ids=lambda value: str(value)[:30],
    )  # fmt: skip
    def test_a_broken_rule_is_named(self, course: Path, name: str, old: str, new: str, rule: str) -> None:
        edit(course, name, old, new)
        with pytest.raises(SourceError, match=rule) as error:
            load_chapter(course, CHAPTER)
        assert CHAPTER in str(error.value)

    @pytest.mark.parametrize("name", ["checks.py", "answers.py"])
    def test_a_missing_file_is_named(self, course: Path, name: str) -> None:
        source_path(course).with_name(name).unlink()
        with pytest.raises(SourceError, match=f"{name} is missing"):
            load_chapter(course, CHAPTER)

    def test_an_unknown_chapter_is_told_with_those_there_are(self, course: Path) -> None:
        with pytest.raises(SourceError, match=f"no chapter '02_none'.*Chapters: {CHAPTER}"):
            load_chapter(course, "02_none")

    def test_a_swap_that_fits_nowhere_is_told_with_the_answer_it_is_in(self, course: Path) -> None:
        edit(course, "answers.py", 'Swap("max", "min")', 'Swap("maximum", "min")')
        with pytest.raises(SourceError, match=r"answers\.py, largest, smallest: 'maximum' stands 0 times"):
            load_chapter(course, CHAPTER).wrong_codes("largest")

    def test_a_chapter_that_was_edited_is_read_again(self, course: Path) -> None:
        assert "mean" in load_chapter(course, CHAPTER).wrong["row_sums"][1].name
        edit(course, "answers.py", "takes_the_mean", "takes_the_average")
        assert load_chapter(course, CHAPTER).wrong["row_sums"][1].name == "takes_the_average"


@pytest.fixture(scope="module")
def released_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    course = write_sources(tmp_path_factory.mktemp("release"))
    assert changes(course) == {f"{CHAPTER}/{name}": "new" for name in (f"{CHAPTER}.ipynb", "checks.py", GOLDEN_NAME)}
    return course


@pytest.fixture
def course(released_course: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(released_course, tmp_path / "course"))


@pytest.mark.slow
class TestStudentsEdition:
    def test_it_holds_no_solution_no_model_answer_and_no_bank(self, released_course: Path) -> None:
        text = b"".join(files(released_course / "notebooks").values()).decode("utf-8", "replace")
        for secret in ("x.sum(dim=1)", "x.max().item()", "model answer", "WrongAnswer", "BEGIN SOLUTION"):
            assert secret not in text

    def test_an_answer_cell_is_a_typed_stub_with_one_place_to_edit(self, released_course: Path) -> None:
        assert cell_of(released(released_course), "row_sums").source == (
            "def row_sums(x: torch.Tensor) -> torch.Tensor:\n"
            '    """Sum each row of x, shape (n, m).\n\n'
            "    Returns a tensor of shape (n,).\n"
            '    """\n'
            "    # Your code here: replace the dots.\n"
            "    return ..."
        )

    def test_check_cells_are_locked(self, released_course: Path) -> None:
        metadata = cell_of(released(released_course), "check_row_sums").metadata
        assert (metadata.editable, metadata.deletable, metadata.nbgrader.locked) == (False, False, True)

    def test_it_says_that_it_is_generated(self, released_course: Path) -> None:
        assert "by `make release`" in released(released_course).metadata.autograder.generated

    def test_nothing_in_it_depends_on_the_machine(self, released_course: Path) -> None:
        text = b"".join(files(released_course / "notebooks").values())
        assert str(released_course).encode() not in text
        assert b"/home/" not in text


@pytest.mark.slow
class TestAgain:
    def test_a_second_release_changes_nothing(self, course: Path) -> None:
        before = files(course / "notebooks")
        assert changes(course) == {}
        assert files(course / "notebooks") == before

    def test_another_place_gives_the_same_bytes(self, released_course: Path, tmp_path: Path) -> None:
        course = write_sources(tmp_path / "elsewhere")
        release(course)
        assert files(course / "notebooks") == files(released_course / "notebooks")

    def test_only_telling_what_would_change_changes_nothing(self, course: Path) -> None:
        edit(course, f"{CHAPTER}.ipynb", "A small chapter", "A tiny chapter")
        edit(course, "checks.py", '"""How', '"""The way')
        (course / "notebooks" / CHAPTER / "old.png").touch()
        before = files(course / "notebooks")
        expected = {f"{CHAPTER}/{CHAPTER}.ipynb": "changed", f"{CHAPTER}/checks.py": "changed", f"{CHAPTER}/old.png": "removed"}
        assert changes(course, write=False) == expected
        assert files(course / "notebooks") == before
        assert changes(course) == expected
        assert changes(course) == {}

    def test_a_chapter_without_source_leaves_notebooks_too(self, course: Path) -> None:
        old = course / "notebooks" / "00_old"
        shutil.copytree(course / "notebooks" / CHAPTER, old)
        (old / f"{CHAPTER}.ipynb").rename(old / "00_old.ipynb")
        assert changes(course) == {"00_old": "removed"}
        assert not old.exists()

    def test_a_folder_that_release_did_not_make_is_never_deleted(self, course: Path) -> None:
        mine = course / "notebooks" / "my_work"
        mine.mkdir()
        (mine / "my_work.ipynb").write_text("{}")
        with pytest.raises(SourceError, match="was not made by `make release`"):
            release(course)
        assert (mine / "my_work.ipynb").exists()

    def test_a_broken_chapter_leaves_the_others_as_they_were(self, course: Path) -> None:
        edit(course, f"{CHAPTER}.ipynb", "A small chapter", "A tiny chapter")
        broken = course / "solutions" / "02_broken"
        broken.mkdir()
        (broken / "02_broken.ipynb").write_text("{}")
        before = files(course / "notebooks")
        with pytest.raises(SourceError, match="02_broken"):
            release(course)
        assert files(course / "notebooks") == before

    def test_what_nbgrader_refuses_is_told_with_its_log(self, course: Path) -> None:
        notebook = nbformat.read(source_path(course), as_version=4)
        notebook.cells.append(nbformat.v4.new_code_cell("### BEGIN SOLUTION\n1\n### END SOLUTION", id="stray"))
        nbformat.write(notebook, source_path(course))
        with pytest.raises(SourceError, match=r"(?s)nbgrader could not generate.*non-solution cell"):
            release(course)


class TestGoldenFile:
    """It is rewritten when what it says changes, and kept when only another processor's rounding differs."""

    @pytest.fixture
    def golden(self, tmp_path: Path) -> Path:
        course = write_sources(tmp_path)
        path = course / "golden"
        release_module._write_golden(path, path, CHAPTER, self.records(course))
        return path

    def records(self, course: Path) -> dict[str, release_module.Recorded]:
        return release_module.record_chapter(load_chapter(course, CHAPTER), release_module.PUBLIC_SEED)

    def kept(self, golden: Path, records: dict[str, release_module.Recorded]) -> bool:
        """Whether the file on disk stays when these records are the new ones."""
        target = golden.with_name("fresh")
        release_module._write_golden(target, golden, CHAPTER, records)
        assert target.read_bytes() in (golden.read_bytes(), golden_bytes(CHAPTER, records))
        return target.read_bytes() == golden.read_bytes()

    @pytest.mark.parametrize(("factor", "kept"), [(1.0, True), (1 + 1e-7, True), (1 + 1e-4, False), (-1.0, False)])
    def test_rounding_keeps_it_and_a_changed_input_does_not(self, golden: Path, factor: float, kept: bool) -> None:
        records = self.records(golden.parent)
        for case in records["shares"].cases:
            case.inputs["x"] *= factor
        assert self.kept(golden, records) is kept

    @pytest.mark.parametrize(("factor", "kept"), [(1 + 1e-7, True), (1 + 1e-4, False)])
    def test_rounding_keeps_it_and_a_changed_value_does_not(self, golden: Path, factor: float, kept: bool) -> None:
        records = self.records(golden.parent)
        records["shares"].expected[1].value.values.mul_(factor)  # type: ignore[union-attr]
        assert self.kept(golden, records) is kept

    @pytest.mark.parametrize(
        ("name", "old", "new"),
        [
            ("answers.py", "Take max.", "Use max."),
            ("answers.py", "You took the smallest.", "That is the smallest."),
            ("answers.py", '"smallest"', '"least"'),
            ("answers.py", 'Swap("max", "min")', 'Swap("max", "mean")'),
            ("checks.py", "a {n}x{m} matrix", "a matrix {n}x{m}"),
            ("checks.py", ", (4, 2)", ""),
            ("checks.py", "+ 0.1", "+ 0.2"),
        ],
    )
    def test_a_change_in_the_sources_rewrites_it(self, golden: Path, name: str, old: str, new: str) -> None:
        edit(golden.parent, name, old, new)
        assert not self.kept(golden, self.records(golden.parent))

    def test_whole_numbers_are_compared_exactly(self, golden: Path) -> None:
        records = self.records(golden.parent)
        for case in records["shares"].cases:
            case.inputs["n"] = 10_000_000
        golden.write_bytes(golden_bytes(CHAPTER, records))
        records["shares"].cases[0].inputs["n"] += 1
        assert not self.kept(golden, records)

    def test_a_damaged_file_is_replaced(self, golden: Path) -> None:
        golden.write_bytes(b"damaged")
        assert not self.kept(golden, self.records(golden.parent))

    def test_what_was_written_is_read_back(self, golden: Path) -> None:
        records, again = self.records(golden.parent), read_golden(golden)
        assert list(again) == ["row_sums", "largest", "shares"]
        assert golden_bytes(CHAPTER, again) == golden_bytes(CHAPTER, records)


def test_the_source_notebook_is_valid_and_its_ids_tell_what_cells_are(tmp_path: Path) -> None:
    notebook = json.loads(source_path(write_sources(tmp_path)).read_text())
    assert [cell["id"] for cell in notebook["cells"]][:4] == ["title", "setup", "about_row_sums", "row_sums"]
