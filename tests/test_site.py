"""The rendered course: it builds clean, gives nothing away, asks no other host, and can be read by everybody everywhere."""

from __future__ import annotations

import contextlib
import gzip
import html
import http.server
import itertools
import json
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from conftest import need
from lab import CHROMIUM, chromium
from playwright.sync_api import Browser, Page, Request

from autograder.golden import GOLDEN_NAME
from autograder.release.source import BEGIN, END, Chapter, chapter_names, load_chapter
from autograder.site.figures import figures_out
from autograder.site.glossary import read_terms
from autograder.site.run import SiteError
from autograder.site.scripts import AXE, MATHJAX, Script, fetch

COURSE = Path(__file__).parent.parent
CHAPTERS = chapter_names(COURSE)
HEAVIEST_PAGE = 1_000_000  # bytes of a chapter with all that it loads, MathJax left out
TELLING = 14  # a shorter line of code, such as `return x`, stands in many places


@dataclass(frozen=True)
class Built:
    folder: Path
    line: str

    @cached_property
    def pages(self) -> dict[str, str]:
        return {path.name: path.read_text(encoding="utf-8") for path in sorted(self.folder.glob("*.html"))}


def words_of(page: str) -> str:
    """A page's text, code included, without tags; what stands in one block ends in a line of its own."""
    page = re.sub(r"</?(?:span|code|a|b|em|strong|i|mark)\b[^>]*>", "", page)
    return html.unescape(re.sub(r"<[^>]+>", "\n", page))


@pytest.fixture(scope="session")
def public() -> Built:
    return built("public")


@pytest.fixture(scope="session")
def instructor(public: Built) -> Built:
    return Built(public.folder.parent / "instructor", public.line)


def built(edition: str) -> Built:
    command = [sys.executable, "-c", "from autograder.cli import main; main()", "site", "--course", str(COURSE)]
    done = subprocess.run(command, cwd=COURSE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    need("Formulas stay as TeX" not in done.stdout, done.stdout)
    return Built(COURSE / "build" / "site" / edition, done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="session")
def chapters() -> dict[str, Chapter]:
    return {name: load_chapter(COURSE, name) for name in CHAPTERS}


pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]  # where nothing is cached, every chapter runs first


class TestBuild:
    def test_it_ends_with_one_line_that_says_where_the_pages_are(self, public: Built) -> None:
        found = re.fullmatch(r"site: (\d+) pages, 0 warnings, (\S+/public/index\.html)", public.line)
        assert found, public.line
        assert int(found[1]) == len(public.pages)
        assert Path(found[2]) == public.folder / "index.html"

    def test_every_chapter_has_a_page_and_so_has_what_is_gathered_from_all(self, public: Built) -> None:
        gathered = [
            "index",
            "mistakes",
            "cheat-sheets",
            "then-and-now",
            "glossary",
            "kill-matrix",
            "lecture",
            "grading",
            "changelog",
            "search",
        ]
        assert {f"{name}.html" for name in [*CHAPTERS, *gathered]} == set(public.pages)

    def test_nothing_is_built_again_where_nothing_has_changed(self, public: Built) -> None:
        before = (public.folder / "index.html").stat().st_mtime_ns
        built("public")
        assert (public.folder / "index.html").stat().st_mtime_ns == before

    def test_the_kill_matrix_has_no_broken_promise(self, public: Built) -> None:
        assert re.search(r"kill matrix: \d+ references, .* 0 broken", words_of(public.pages["kill-matrix.html"]))

    def test_the_front_page_shows_a_verdict_and_the_net_in_its_writings(self, public: Built) -> None:
        page = public.pages["index.html"]
        assert "not yet: the values differ" in page
        assert page.count('class="tab-panel"') == 7
        largest = re.search(r"differ by (\S+) of a loss", words_of(page))
        assert largest
        assert float(largest[1]) < 1e-4

    def test_a_chapter_says_what_it_costs_and_gives_its_notebook(self, public: Built) -> None:
        for name in CHAPTERS:
            assert re.search(r"\d+ minutes to read</span><span>\d+ to solve</span><span>\d+ points", public.pages[f"{name}.html"])
            with zipfile.ZipFile(public.folder / "downloads" / f"{name}.zip") as package:
                assert {Path(part).name for part in package.namelist()} == {f"{name}.ipynb", "checks.py", GOLDEN_NAME}
                assert package.read(f"{name}/{name}.ipynb") == (COURSE / "notebooks" / name / f"{name}.ipynb").read_bytes()

    def test_an_exercise_has_an_anchor_hints_and_every_mistake_with_its_card(
        self, public: Built, chapters: dict[str, Chapter]
    ) -> None:
        for name, chapter in chapters.items():
            page = public.pages[f"{name}.html"]
            for exercise in chapter.exercises.values():
                assert f'id="{exercise.name}"' in page
                assert all(html.escape(hint.split("`")[0]) in page for hint in exercise.hints)
                assert all(f'id="{exercise.name}-{wrong.name}"' in page for wrong in chapter.wrong[exercise.name])

    def test_first_uses_of_terms_lead_to_the_glossary(self, public: Built) -> None:
        for name in CHAPTERS:
            targets = re.findall(r'class="term-link[^"]*" href="glossary\.html#([\w-]+)"', public.pages[f"{name}.html"])
            assert targets, f"{name} uses no word of the glossary"
            assert len(targets) == len(set(targets))


class TestNothingLeaks:
    def test_no_line_of_a_solution_or_of_a_wrong_answer_is_public(self, public: Built, chapters: dict[str, Chapter]) -> None:
        given = "\n".join(given_to_students(COURSE / "notebooks" / name) for name in CHAPTERS)
        public_lines = {line.strip() for text in public_texts(public) for line in text.splitlines()}
        leaked = {
            line for chapter in chapters.values() for line in secret_lines(chapter) if line in public_lines and line not in given
        }
        assert leaked == set()

    def test_no_model_answer_is_public(self, public: Built, chapters: dict[str, Chapter]) -> None:
        texts = public_texts(public)
        for chapter in chapters.values():
            for cell in chapter.notebook.cells:
                if cell.id.startswith("written_"):
                    sentence = max(re.split(r"[.:`$*]", cell.source), key=len).strip()
                    assert not any(sentence in text for text in texts), cell.id

    def test_no_bank_and_no_source_is_among_the_files(self, public: Built) -> None:
        names = {path.name for path in public.folder.rglob("*") if path.is_file()}
        assert not {name for name in names if name.endswith((".ipynb", ".md", ".py", ".pickle", ".doctree"))}
        assert not {name for name in names if "answers" in name}

    def test_no_page_names_a_folder_of_this_machine(self, public: Built, instructor: Built) -> None:
        for page in [*public.pages.values(), *instructor.pages.values()]:
            assert not re.search(rf"{re.escape(str(COURSE))}|/tmp/|/root/|/home/\w", words_of(page))

    def test_the_instructors_edition_has_it_all(self, instructor: Built, chapters: dict[str, Chapter]) -> None:
        """Which also proves that a leak would be seen."""
        for name, chapter in chapters.items():
            lines = {line.strip() for line in words_of(instructor.pages[f"{name}.html"]).splitlines()}
            assert set(secret_lines(chapter)) <= lines


def given_to_students(folder: Path) -> str:
    notebook = json.loads((folder / f"{folder.name}.ipynb").read_text(encoding="utf-8"))
    cells = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
    golden = gzip.decompress((folder / GOLDEN_NAME).read_bytes()).decode(errors="replace")
    return "\n".join([cells, (folder / "checks.py").read_text(encoding="utf-8"), golden])


def secret_lines(chapter: Chapter) -> Iterator[str]:
    """The telling lines of the chapter's solution regions and of its wrong answers."""
    for exercise in chapter.exercises:
        inside = False
        for line in chapter.cell(exercise).source.splitlines():
            inside = (inside or line.strip() == BEGIN) and line.strip() != END
            if inside and line.strip() != BEGIN and len(line.strip()) >= TELLING:
                yield line.strip()
        for _, codes in chapter.wrong_codes(exercise):
            stub = {line.strip() for line in chapter.stub(exercise).splitlines()}
            lines = {line.strip() for code in codes for line in code.splitlines()}
            yield from (line for line in lines - stub if len(line) >= TELLING)


def public_texts(public: Built) -> list[str]:
    """All that can be read in the public edition: pages, the search index, drawings, and what is in the downloads."""
    texts = [words_of(page) for page in public.pages.values()]
    texts += [path.read_text(encoding="utf-8") for path in [*public.folder.glob("*.js"), *public.folder.rglob("figures/*.svg")]]
    for path in public.folder.glob("downloads/*.zip"):
        with zipfile.ZipFile(path) as package:
            texts += [package.read(name).decode(errors="replace") for name in package.namelist()]
    return texts


class TestPages:
    @pytest.mark.parametrize("edition", ["public", "instructor"])
    def test_every_link_leads_somewhere_and_none_to_another_host(self, public: Built, edition: str) -> None:
        site = Built(public.folder.parent / edition, "")
        anchors = {name: set(re.findall(r'\bid="([^"]+)"', page)) for name, page in site.pages.items()}
        broken = []
        for name, page in site.pages.items():
            for address in re.findall(r'<[^>]*?\b(?:href|src|action)="([^"]*)"', page):
                parts = urlsplit(html.unescape(address))
                target = unquote(parts.path) or name
                if parts.scheme in ("http", "https") or parts.netloc:
                    broken.append(f"{name}: {address} is on another host")
                elif parts.scheme == "data":
                    continue
                elif not (site.folder / target).is_file():
                    broken.append(f"{name}: {address} is not there")
                elif parts.fragment and unquote(parts.fragment) not in anchors.get(target, set()):
                    broken.append(f"{name}: {address} has no such anchor")
        assert broken == []

    def test_a_page_is_light(self, public: Built) -> None:
        heavy = {}
        for name in CHAPTERS:
            page = public.pages[f"{name}.html"]
            linked = {
                unquote(urlsplit(part).path) for part in re.findall(r'\b(?:src|href)="([^"]+\.(?:js|css|svg|png)[^"]*)"', page)
            }
            files = [public.folder / part for part in linked if part and "tex-svg" not in part]
            weight = len(page.encode()) + sum(path.stat().st_size for path in files if path.is_file())
            if weight >= HEAVIEST_PAGE:
                heavy[name] = weight
        assert heavy == {}

    def test_headings_are_in_order_pictures_are_described_and_pages_introduce_themselves(self, public: Built) -> None:
        for name, page in public.pages.items():
            levels = [int(level) for level in re.findall(r"<h([1-6])[ >]", page)]
            assert levels.count(1) == 1, name
            assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), name
            assert all(re.search(r'alt="[^"]{4,}"', image) for image in re.findall(r"<img\b[^>]*>", page)), name
            assert '<html lang="en"' in page
            assert re.search(r'<meta name="description" content="[^"]{10,}">', page), name
            assert re.search(r"<title>[^<]{5,}</title>", page), name

    def test_two_ids_never_meet_on_a_page(self, public: Built) -> None:
        for name, page in public.pages.items():
            ids = re.findall(r'\bid="([^"]+)"', page)
            assert {one for one in ids if ids.count(one) > 1} == set(), name


# -- in a real browser -----------------------------------------------------------------------------------------------------------


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server(public: Built) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(public.folder))) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need(CHROMIUM is not None, "Chromium is not installed")
    with chromium() as running:
        yield running


@pytest.fixture(params=["http", "file"])
def address(request: pytest.FixtureRequest, server: str, public: Built) -> str:
    return server if request.param == "http" else f"file://{public.folder}"


def left_early(request: Request) -> bool:
    """Whether a request ended because the next page was opened; a missing file is an error of the console, too."""
    return request.failure == "net::ERR_ABORTED"


@contextlib.contextmanager
def opened(browser: Browser, *, width: int = 1280, scheme: str = "light") -> Iterator[tuple[Page, list[str]]]:
    """A page in a fresh profile, and what goes wrong on it: errors of scripts, and requests to other hosts."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page, wrong = context.new_page(), []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}") if not left_early(request) else None)
    page.on(
        "request",
        lambda request: wrong.append(request.url) if urlsplit(request.url).hostname not in ("127.0.0.1", None) else None,
    )
    try:
        yield page, wrong
    finally:
        context.close()


class TestBrowser:
    def test_no_page_has_errors_asks_another_host_or_scrolls_sideways_on_a_phone(
        self, browser: Browser, public: Built, address: str
    ) -> None:
        with opened(browser, width=390) as (page, wrong):
            for name in public.pages:
                page.goto(f"{address}/{name}")
                page.evaluate("document.querySelectorAll('details').forEach(fold => (fold.open = true))")
                page.evaluate("window.MathJax?.startup?.promise?.then(() => true)")  # formulas, too, have a width
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= 390, f"{name} is {wide} wide"
                assert wrong == [], name

    def test_the_search_finds_zero_grad(self, browser: Browser, address: str) -> None:
        with opened(browser) as (page, wrong):
            page.goto(f"{address}/index.html")
            page.locator(".search-box input:visible").first.fill("zero_grad")
            page.keyboard.press("Enter")
            page.locator("#search-results li a[href*='05_nn.html']").first.wait_for(timeout=20_000)
            assert wrong == []

    def test_formulas_are_drawn(self, browser: Browser, address: str) -> None:
        with opened(browser) as (page, wrong):
            page.goto(f"{address}/02_manual_gradients.html")
            page.locator("mjx-container svg").first.wait_for(timeout=20_000)
            assert wrong == []

    def test_dark_follows_the_system_and_the_button_overrules_it(self, browser: Browser, address: str) -> None:
        with opened(browser, scheme="dark") as (page, _):
            page.goto(f"{address}/index.html")
            assert brightness(page) < 60
            page.locator(".light-or-dark:visible").first.click()
            assert brightness(page) > 200
            page.goto(f"{address}/glossary.html")
            assert brightness(page) > 200

    def test_a_mistake_is_found_by_its_symptom(self, browser: Browser, address: str) -> None:
        with opened(browser) as (page, wrong):
            page.goto(f"{address}/mistakes.html")
            page.locator("#mistake-filter").fill("nan step 8")
            page.locator(".symptom:visible > summary").first.click()
            page.locator(".symptom:visible a", has_text="You updated w2 before").first.click()
            page.wait_for_url("**/02_manual_gradients.html#training_steps-w2_updated_too_early")
            card = page.locator("#training_steps-w2_updated_too_early .fold-body")
            card.wait_for(state="visible")
            assert "not yet" in card.inner_text()
            assert wrong == []

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing_serious(self, browser: Browser, public: Built, server: str, scheme: str) -> None:
        axe = fetch(AXE, COURSE / "build" / "scripts")
        need(isinstance(axe, Path), str(axe))
        found = []
        with opened(browser, scheme=scheme) as (page, _):
            for name in public.pages:
                page.goto(f"{server}/{name}")
                page.evaluate(
                    "document.querySelectorAll('details.fold, details:not([class])').forEach(fold => (fold.open = true))"
                )
                page.add_script_tag(path=str(axe))
                result = page.evaluate("axe.run({resultTypes: ['violations']})")
                for violation in result["violations"]:
                    if violation["impact"] in ("serious", "critical"):
                        found.append(f"{name}: {violation['id']}: {violation['nodes'][0]['html'][:200]}")
        assert found == []


def brightness(page: Page) -> float:
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3


# -- the parts -------------------------------------------------------------------------------------------------------------------


class TestParts:
    def test_without_npm_the_reason_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        assert fetch(MATHJAX, tmp_path) == "mathjax@3.2.2 needs npm once, and npm is not installed (Debian: sudo apt install npm)"

    def test_a_kept_script_is_hashed_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        kept = tmp_path / "thing@1" / "thing.js"
        kept.parent.mkdir()
        kept.write_bytes(b"")
        of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        assert fetch(Script("thing@1", "es5/thing.js", of_nothing), tmp_path) == kept
        kept.write_bytes(b"something else")
        assert "npm" in str(fetch(Script("thing@1", "es5/thing.js", of_nothing), tmp_path))

    def test_an_image_becomes_a_file_and_keeps_its_description(self, tmp_path: Path) -> None:
        page = figures_out(
            '<p><img alt="it falls" src="data:image/svg+xml;base64,PHN2ZyB2aWV3Qm94PSIwIDAgOSA1Ij48L3N2Zz4="></p>', tmp_path
        )
        found = re.search(r'<img alt="it falls" width="9" height="5" .*src="(figures/\w+\.svg)">', page)
        assert found
        assert (tmp_path / found[1]).read_text() == '<svg viewBox="0 0 9 5"></svg>'

    def test_two_terms_of_one_form_are_refused(self) -> None:
        with pytest.raises(SiteError, match="leaf"):
            read_terms({"term": [{"name": "leaf", "says": "x"}, {"name": "edge", "also": ["Leaf"], "says": "y"}]})
