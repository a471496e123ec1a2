"""README tells the truth: its worked example builds, and its picture is there."""

from __future__ import annotations

import re
from pathlib import Path

from autograder.release.matrix import matrix
from autograder.release.source import load_chapter
from autograder.release.text import read_text_into

COURSE = Path(__file__).parent.parent
README = (COURSE / "README.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    found = re.search(rf"<!-- example: {re.escape(name)} -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found, f"README has no example {name}"
    return found.group(1)


def test_the_worked_example_keeps_every_promise(tmp_path: Path) -> None:
    folder = tmp_path / "solutions" / "01_example"
    folder.mkdir(parents=True)
    for name in ("checks.py", "answers.py"):
        (folder / name).write_text(example(name), encoding="utf-8")
    (tmp_path / "notebook.py").write_text(example("notebook.py"), encoding="utf-8")
    read_text_into(tmp_path / "notebook.py", folder)
    entries = list(matrix(load_chapter(tmp_path, "01_example")))
    assert [entry.broken for entry in entries if entry.broken] == []
    assert [entry.kind for entry in entries] == ["reference", "stub", "wrong", "wrong", "wrong", "right"]


def test_its_pictures_are_there_small_and_described() -> None:
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", README)
    assert pictures
    for alt, path in pictures:
        assert len(alt) > 30
        assert (COURSE / path).stat().st_size < 100_000
