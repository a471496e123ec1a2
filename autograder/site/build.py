"""`make site`: run the chapters, write Sphinx's source for both editions, and build them side by side."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat

from autograder.release.source import chapter_names
from autograder.release.text import write_atomically
from autograder.site.chapter_page import Edition, chapter_facts, chapter_notebook
from autograder.site.collected import cheat_sheets, kill_matrix, lecture_page, then_and_now
from autograder.site.front import front_page
from autograder.site.glossary import glossary_page, read_terms
from autograder.site.mistakes import mistake_page, read_symptoms
from autograder.site.run import Ran, SiteError, chapter_key, run_chapters
from autograder.site.scripts import MATHJAX, fetch
from autograder.site.writings import Writing, trace_writings

__all__ = ["EDITIONS", "Site", "build_site"]

EDITIONS = ("public", "instructor")
GATHERED = [
    ("mistakes", "Index of mistakes", "From what you see to its cause."),
    ("cheat-sheets", "Cheat sheets", "All of them on one page, to print."),
    ("then-and-now", "Then and now", "What the lecture of 2017 wrote, and what became of it."),
    ("glossary", "Glossary", "The words of the course."),
    ("kill-matrix", "The kill matrix", "Every known answer, judged."),
    ("lecture", "The lecture's coverage", "Where each of its statements is taught."),
    ("grading", "How it is graded", "What a check does, and what the grader does besides."),
    ("changelog", "What changed", "Release by release."),
]


@dataclass(frozen=True)
class Site:
    """What was built: the pages of each edition, how many chapters had to be run, and what a reader misses, if anything."""

    folder: Path
    pages: dict[str, int]
    ran: int
    missing: str

    @property
    def line(self) -> str:
        """The last line of `make site`."""
        return f"site: {self.pages['public']} pages, 0 warnings, {self.folder / 'public' / 'index.html'}"


def build_site(course: Path, build: Path, *, jobs: int = 2) -> Site:
    """Build both editions of the course in `build`/site. Raises `SiteError` for a warning, or a chapter that fails."""
    names = chapter_names(course)
    stamp = build / "site" / "built.json"
    made_of = _made_of(course, names)
    if (before := _built_before(stamp, made_of)) is not None:
        return before
    runs, ran = run_chapters(course, names, build / "executed", jobs)
    mathjax = fetch(MATHJAX, build / "scripts")
    settings = _toml(course, "course")
    writings = trace_writings(settings, {name: run.chapter for name, run in runs.items()})
    sources = {}
    for edition in EDITIONS:
        source = _Source(course, build / "site-src" / edition, edition)
        _write_pages(source, runs, settings, writings)
        _write_downloads(source, names)
        source.remove_what_is_left()
        sources[edition] = source
    pages = _run_sphinx(course, sources, build, mathjax if isinstance(mathjax, Path) else None)
    missing = "" if isinstance(mathjax, Path) else f"Formulas stay as TeX: {mathjax}."
    if not missing:  # else npm may be there the next time
        write_atomically(stamp, json.dumps({"made_of": made_of, "pages": pages}).encode())
    return Site(build / "site", pages, ran, missing)


def _made_of(course: Path, names: list[str]) -> str:
    """A digest of everything that the site is made of: where it has not changed, there is nothing to build."""
    digest = hashlib.sha256(" ".join([os.environ.get("COURSE_URL", ""), *(chapter_key(course, name) for name in names)]).encode())
    ours = [path for folder in (course / "site", Path(__file__).parent) for path in folder.rglob("*")]
    for path in sorted([*ours, course / "CHANGELOG.md", course / "solutions" / "LECTURE.md"]):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _built_before(stamp: Path, made_of: str) -> Site | None:
    """The site that stands there, if it was made of the same."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        built = json.loads(stamp.read_text(encoding="utf-8"))
        if built["made_of"] == made_of and all((stamp.parent / edition / "index.html").is_file() for edition in EDITIONS):
            return Site(stamp.parent, built["pages"], 0, "")
    return None


def _toml(course: Path, name: str) -> dict[str, Any]:
    return tomllib.loads((course / "site" / f"{name}.toml").read_text(encoding="utf-8"))


class _Source:
    """A folder of Sphinx's source. A file is only written if it changes, so that Sphinx reads anew only what did."""

    def __init__(self, course: Path, folder: Path, edition: str) -> None:
        self.course, self.folder, self.edition = course, folder, edition
        self.extra = folder / "_extra"
        self.written: set[Path] = set()
        # Figures are named by their content and written while pages are: what is not written again must go.
        shutil.rmtree(self.extra, ignore_errors=True)

    def write(self, name: str, content: str | bytes) -> None:
        path, data = self.folder / name, content.encode() if isinstance(content, str) else content
        self.written.add(path)
        if not path.is_file() or path.read_bytes() != data:
            write_atomically(path, data)

    def remove_what_is_left(self) -> None:
        for path in self.folder.rglob("*"):
            if path.is_file() and path not in self.written and self.extra not in path.parents:
                path.unlink()


def _write_pages(
    source: _Source,
    runs: Mapping[str, Ran],
    settings: Mapping[str, Any],
    writings: list[Writing],
) -> None:
    edition = Edition(source.edition, source.extra)
    for name, run in runs.items():
        page = chapter_notebook(run, edition)
        source.write(f"{name}.ipynb", nbformat.writes(page))
    chapters = {name: run.chapter for name, run in runs.items()}
    source.write("cheat-sheets.md", cheat_sheets(runs.values()))
    source.write("then-and-now.ipynb", nbformat.writes(then_and_now(runs.values(), source.extra)))
    source.write("kill-matrix.md", kill_matrix(runs.values()))
    source.write("mistakes.md", mistake_page(runs, read_symptoms(_toml(source.course, "symptoms"), chapters)))
    terms = read_terms(_toml(source.course, "glossary"))
    source.write("glossary.md", glossary_page(terms, runs))
    source.write("grading.md", (source.course / "site" / "grading.md").read_text(encoding="utf-8"))
    source.write("changelog.md", _changelog(source.course))
    gathered = list(GATHERED)
    if (lecture := source.course / "solutions" / "LECTURE.md").is_file():
        source.write("lecture.md", lecture_page(lecture.read_text(encoding="utf-8"), runs))
    else:
        gathered = [page for page in gathered if page[0] != "lecture"]
    source.write("index.md", front_page(settings, runs, writings, gathered))
    descriptions = {name: chapter_facts(run.chapter).promise or settings["description"] for name, run in runs.items()}
    descriptions |= {name: f"{title}. {what}" for name, title, what in gathered} | {"index": settings["description"]}
    words = [asdict(term) | {"target": term.target} for term in terms]
    about = {"descriptions": descriptions, "chapters": list(runs), "edition": source.edition, "terms": words}
    source.write("pages.json", json.dumps(about, indent=1, sort_keys=True))


def _changelog(course: Path) -> str:
    """The course's changelog without the link to the convention it follows: pages lead to no other host."""
    text = (course / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.sub(r"\[([^\]]+)\]\(https?://[^)]+\)", r"\1", text)


def _write_downloads(source: _Source, names: list[str]) -> None:
    """The students' chapters to download: notebook, probes and golden file, packed the same in every build."""
    downloads = source.extra / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    for name in names:
        folder = source.course / "notebooks" / name
        with zipfile.ZipFile(downloads / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as package:
            for path in sorted(path for path in folder.iterdir() if path.is_file()):
                entry = zipfile.ZipInfo(f"{name}/{path.name}", (1980, 1, 1, 0, 0, 0))
                entry.external_attr = 0o644 << 16
                package.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def _run_sphinx(course: Path, sources: Mapping[str, _Source], build: Path, mathjax: Path | None) -> dict[str, int]:
    """Build the editions side by side. Raises `SiteError` with what Sphinx says, where it warns."""
    runs = {}
    for edition, source in sources.items():
        target = build / "site" / edition
        command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-c", str(course / "site")]
        command += ["-d", str(build / "doctrees" / edition), str(source.folder), str(target)]
        environment = os.environ | {
            "COURSE_EXTRA": str(source.extra.resolve()), "COURSE_EDITION": edition,
            "COURSE_MATHJAX": str(mathjax.resolve()) if mathjax else "",
        }  # fmt: skip
        for old in ("figures", "downloads"):  # Sphinx adds files and never takes one away
            shutil.rmtree(target / old, ignore_errors=True)
        runs[edition] = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = {edition: run.communicate()[0] for edition, run in runs.items()}
    for edition, run in runs.items():
        if run.returncode:
            shutil.rmtree(build / "doctrees" / edition, ignore_errors=True)  # so that the next build warns again
            raise SiteError(f"the {edition} edition has warnings:\n{said[edition]}")
    return {edition: _tidy(build / "site" / edition, sources[edition].folder) for edition in sources}


def _tidy(target: Path, source: Path) -> int:
    """Take away pages that have no source any more; returns how many pages there are."""
    made = {path.stem for path in source.iterdir() if path.suffix in (".md", ".ipynb")} | {"search", "404"}
    pages = [path for path in target.glob("*.html") if path.name != "genindex.html"]
    for path in pages:
        if path.stem not in made:
            path.unlink()
    return sum(path.exists() for path in pages)
