"""`make start`: a student's working copy, and what happens to it when the course changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder import start as start_module
from autograder.start import StartError, WorkingCopy, released_chapters, start, update_working_copy

NOTEBOOK = "01_tensors/01_tensors.ipynb"


@pytest.fixture
def small_course(tmp_path: Path) -> Path:
    """Two released chapters, in a folder whose name has a space."""
    course = tmp_path / "the course"
    for name in ("01_tensors", "02_manual_gradients"):
        folder = course / "notebooks" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_text("first edition")
        (folder / "checks.py").write_text("probes")
        (folder / "golden.safetensors.gz").write_bytes(b"recorded")
    return course


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_first_start_copies_every_chapter(small_course: Path) -> None:
    done = update_working_copy(small_course)
    given = contents(small_course / "student")
    given.pop(".course.json")
    assert given == contents(small_course / "notebooks")
    assert sorted(done.new) == sorted(given)
    assert done.told() == "Your working copy is student/: 6 files copied."


def test_the_second_start_changes_nothing(small_course: Path) -> None:
    update_working_copy(small_course)
    before = {path: path.stat().st_mtime_ns for path in (small_course / "student").glob("*/*")}
    done = update_working_copy(small_course)
    assert {path: path.stat().st_mtime_ns for path in (small_course / "student").glob("*/*")} == before
    assert done.told() == "Your working copy is student/: nothing to update."


def test_committed_notebooks_are_never_written(small_course: Path) -> None:
    before = contents(small_course / "notebooks")
    update_working_copy(small_course)
    (small_course / "student" / NOTEBOOK).write_text("my work")
    update_working_copy(small_course)
    assert contents(small_course / "notebooks") == before


def test_an_unchanged_notebook_follows_the_course(small_course: Path) -> None:
    update_working_copy(small_course)
    (small_course / "notebooks" / NOTEBOOK).write_text("second edition")
    assert update_working_copy(small_course).updated == (NOTEBOOK,)
    assert (small_course / "student" / NOTEBOOK).read_text() == "second edition"


def test_a_students_work_is_kept(small_course: Path) -> None:
    update_working_copy(small_course)
    (small_course / "student" / NOTEBOOK).write_text("my work")
    done = update_working_copy(small_course)
    assert (done.kept, done.outdated) == ((NOTEBOOK,), ())
    assert (small_course / "student" / NOTEBOOK).read_text() == "my work"
    assert done.told() == "Your working copy is student/: 1 file of yours kept as you left it."


def test_a_students_work_is_kept_when_the_course_changes_and_every_start_says_so(small_course: Path) -> None:
    update_working_copy(small_course)
    (small_course / "student" / NOTEBOOK).write_text("my work")
    (small_course / "notebooks" / NOTEBOOK).write_text("second edition")
    for _ in range(2):
        done = update_working_copy(small_course)
        assert done.outdated == (NOTEBOOK,)
        assert (small_course / "student" / NOTEBOOK).read_text() == "my work"
    assert f"The course has a newer {NOTEBOOK}. Yours was kept; for the new one, rename yours and start again." in done.told()


def test_a_renamed_notebook_makes_room_for_the_new_edition(small_course: Path) -> None:
    update_working_copy(small_course)
    mine = small_course / "student" / NOTEBOOK
    mine.write_text("my work")
    mine.rename(mine.with_name("mine.ipynb"))
    (small_course / "notebooks" / NOTEBOOK).write_text("second edition")
    assert update_working_copy(small_course).new == (NOTEBOOK,)
    assert mine.read_text() == "second edition"
    assert mine.with_name("mine.ipynb").read_text() == "my work"


@pytest.mark.parametrize("name", ["checks.py", "golden.safetensors.gz"])
def test_checks_and_golden_files_are_always_refreshed(small_course: Path, name: str) -> None:
    update_working_copy(small_course)
    (small_course / "student" / "01_tensors" / name).write_text("edited")
    assert update_working_copy(small_course).updated == (f"01_tensors/{name}",)
    assert contents(small_course / "student" / "01_tensors")[name] == contents(small_course / "notebooks" / "01_tensors")[name]


@pytest.mark.parametrize("record", [None, "", "[]", "{cut"])
def test_a_lost_record_loses_no_work(small_course: Path, record: str | None) -> None:
    update_working_copy(small_course)
    (small_course / "student" / NOTEBOOK).write_text("my work")
    path = small_course / "student" / ".course.json"
    path.unlink() if record is None else path.write_text(record)
    assert update_working_copy(small_course).kept == (NOTEBOOK,)
    assert (small_course / "student" / NOTEBOOK).read_text() == "my work"
    (small_course / "notebooks" / "02_manual_gradients" / "02_manual_gradients.ipynb").write_text("second edition")
    assert update_working_copy(small_course).updated == ("02_manual_gradients/02_manual_gradients.ipynb",)


def test_a_deleted_notebook_comes_back(small_course: Path) -> None:
    update_working_copy(small_course)
    (small_course / "student" / NOTEBOOK).unlink()
    assert update_working_copy(small_course).new == (NOTEBOOK,)


def test_an_update_cut_short_leaves_whole_files(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    update_working_copy(small_course)
    (small_course / "notebooks" / NOTEBOOK).write_text("second edition")

    def disk_full(source: Path, target: str) -> None:
        Path(target).write_text("sec")
        raise OSError(28, "No space left on device", target)

    monkeypatch.setattr(start_module.shutil, "copyfile", disk_full)
    with pytest.raises(StartError, match=r"No space left on device.*Your notebooks are as they were"):
        start(small_course, None, open_browser=False)
    assert (small_course / "student" / NOTEBOOK).read_text() == "first edition"
    assert not list((small_course / "student" / "01_tensors").glob(".new*"))


def test_caches_and_links_are_not_copied(small_course: Path) -> None:
    folder = small_course / "notebooks" / "01_tensors"
    for name in ("__pycache__", ".ipynb_checkpoints"):
        (folder / name).mkdir()
        (folder / name / "old").write_text("old")
    (folder / "link.py").symlink_to(folder / "checks.py")
    update_working_copy(small_course)
    assert sorted(path.name for path in (small_course / "student" / "01_tensors").iterdir()) == [
        "01_tensors.ipynb",
        "checks.py",
        "golden.safetensors.gz",
    ]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, str, bool]]:
    """What JupyterLab would have been started with."""
    calls: list[tuple[Path, str, bool]] = []

    def record(folder: Path, notebook: str, *, open_browser: bool) -> int:
        calls.append((folder, notebook, open_browser))
        return 0

    monkeypatch.setattr(start_module, "_run_lab", record)
    return calls


@pytest.mark.parametrize(
    ("chapter", "notebook"),
    [
        (None, NOTEBOOK),
        ("02", "02_manual_gradients/02_manual_gradients.ipynb"),
        ("02_manual_gradients", "02_manual_gradients/02_manual_gradients.ipynb"),
    ],
)
def test_the_working_copy_opens_at_the_chapter(
    small_course: Path,
    opened: list[tuple[Path, str, bool]],
    chapter: str | None,
    notebook: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert start(small_course, chapter, open_browser=True) == 0
    assert opened == [(small_course / "student", notebook, True)]
    assert capsys.readouterr().out == "Your working copy is student/: 6 files copied.\n"


@pytest.mark.parametrize(("chapter", "means"), [("05", "no chapter"), ("0", "more than one chapter"), ("../x", "no chapter")])
def test_an_unknown_chapter_is_answered_with_those_there_are(small_course: Path, chapter: str, means: str) -> None:
    with pytest.raises(StartError, match=f"means {means}. There are: 01_tensors, 02_manual_gradients."):
        start(small_course, chapter, open_browser=False)


def test_a_course_without_notebooks_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"holds no chapter.*git checkout notebooks.*make release"):
        released_chapters(tmp_path)


def test_a_server_that_ends_at_once_gives_its_status(
    small_course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = small_course / "fake-python"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$(dirname "$0")/arguments"\nexit 3\n')
    fake.chmod(0o755)
    monkeypatch.setattr(start_module.sys, "executable", str(fake))
    assert start(small_course, None, open_browser=False) == 3
    arguments = (small_course / "arguments").read_text().splitlines()
    assert f"--ServerApp.root_dir={small_course / 'student'}" in arguments
    assert f"--LabApp.default_url=/lab/tree/{NOTEBOOK}" in arguments
    assert "--no-browser" in arguments
    assert "Ctrl+C here stops it." in capsys.readouterr().out


def test_the_record_of_an_update_reads_as_a_sentence(tmp_path: Path) -> None:
    done = WorkingCopy(tmp_path / "student", new=("a",), updated=("b", "c"), kept=("d",), outdated=("d",))
    assert done.told().splitlines() == [
        "Your working copy is student/: 1 file copied, 2 files updated, 1 file of yours kept as you left it.",
        "  The course has a newer d. Yours was kept; for the new one, rename yours and start again.",
    ]
