"""What people see, seen in a real Chromium: a verdict in JupyterLab, and the class in nbgrader's formgrader."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_class as small
from conftest import need
from lab import CHROMIUM, cell_with, chromium, lab, open_notebook, run, write
from playwright.sync_api import Browser, Page

from autograder.release.release import generate
from autograder.release.source import load_chapter
from autograder.student.card import card_html
from autograder.student.check import check

COURSE = Path(__file__).parent.parent
CHAPTER, EXERCISE, MISTAKE = "02_manual_gradients", "gradient_w2", "no_factor_two"
# Where screenshots are left to be looked at; a folder of the test's own if it is not set.
PICTURES = os.environ.get("SCREENSHOTS")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need(CHROMIUM is not None, "Chromium is not installed")
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def students_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab on a student's copy of the released chapter."""
    root = tmp_path_factory.mktemp("student")
    shutil.copytree(COURSE / "notebooks" / CHAPTER, root / CHAPTER)
    with lab(root, tmp_path_factory.mktemp("private")) as address:
        yield address


def brightness(colour: str) -> float:
    """Of a CSS colour like 'rgb(17, 17, 17)', from 0 to 255."""
    red, green, blue = (float(part) for part in re.findall(r"[\d.]+", colour)[:3])
    return 0.3 * red + 0.59 * green + 0.11 * blue


def picture(page: Page, name: str, tmp_path: Path) -> None:
    folder = Path(PICTURES) if PICTURES else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(folder / f"{name}.png"))


class TestInJupyterLab:
    def test_a_wrong_answer_is_named_and_a_right_one_passes(self, browser: Browser, students_lab: str, tmp_path: Path) -> None:
        chapter = load_chapter(COURSE, CHAPTER)
        wrong, codes = next((w, codes) for w, codes in chapter.wrong_codes(EXERCISE) if w.name == MISTAKE)
        page = browser.new_page(viewport={"width": 1100, "height": 950})
        open_notebook(page, students_lab, f"{CHAPTER}/{CHAPTER}.ipynb")
        run(page, cell_with(page, "from autograder import check"))

        check_cell = cell_with(page, f'check("{EXERCISE}")')
        run(page, check_cell)
        assert "not started" in check_cell.inner_text()

        answer = cell_with(page, f"def {EXERCISE}(")
        write(page, answer, codes[0])
        run(page, answer)
        check_cell = cell_with(page, f'check("{EXERCISE}")')
        run(page, check_cell)
        said = check_cell.inner_text()
        assert wrong.says.replace("`", "") in said
        assert f"0 of {chapter.exercises[EXERCISE].points} points" in said
        assert "target" in (check_cell.locator("img").first.get_attribute("alt") or "").lower()
        check_cell.locator("[role=group]").scroll_into_view_if_needed()
        picture(page, "verdict-wrong", tmp_path)

        answer = cell_with(page, f"def {EXERCISE}(")
        write(page, answer, chapter.reference(EXERCISE))
        run(page, answer)
        check_cell = cell_with(page, f'check("{EXERCISE}")')
        run(page, check_cell)
        assert "passed" in check_cell.inner_text()
        picture(page, "verdict-right", tmp_path)
        page.close()

    def test_the_card_follows_a_dark_theme(self, browser: Browser, tmp_path: Path) -> None:
        root = tmp_path / "student"
        shutil.copytree(COURSE / "notebooks" / CHAPTER, root / CHAPTER)
        with lab(root, tmp_path, theme="JupyterLab Dark") as address:
            page = browser.new_page(viewport={"width": 1100, "height": 950})
            open_notebook(page, address, f"{CHAPTER}/{CHAPTER}.ipynb")
            run(page, cell_with(page, "from autograder import check"))
            check_cell = cell_with(page, f'check("{EXERCISE}")')
            run(page, check_cell)
            card = check_cell.locator("[role=group]")
            ground, text = (card.evaluate(f"card => getComputedStyle(card).{name}") for name in ("backgroundColor", "color"))
            picture(page, "verdict-dark", tmp_path)
            page.close()
        assert brightness(ground) < 80 < 180 < brightness(text), (ground, text)


class TestOnAPage:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_the_card_fits_a_phone(self, browser: Browser, scheme: str, tmp_path: Path) -> None:
        chapter = load_chapter(COURSE, CHAPTER)
        cards = [
            card_html(
                check(EXERCISE, hint=2, namespace=chapter.namespace(codes[0]), folder=COURSE / "notebooks" / CHAPTER).verdict
            )
            for _, codes in chapter.wrong_codes(EXERCISE)
        ]
        ground = "#fff" if scheme == "light" else "#111"
        style = f"<style>:root {{ color-scheme: {scheme}; background: {ground}; font-family: sans-serif }}</style>"
        (tmp_path / "cards.html").write_text(f"<!doctype html><meta charset=utf-8><title>cards</title>{style}{''.join(cards)}")
        page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
        page.goto(f"file://{tmp_path}/cards.html")
        picture(page, f"cards-phone-{scheme}", tmp_path)
        assert "hint 2" in page.inner_text("body")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.close()


class TestInTheFormgrader:
    def test_the_button_grades_with_our_engine_and_the_card_shows(self, browser: Browser, tmp_path: Path) -> None:
        course = small.release_fast(small.write_sources(tmp_path / "course"))
        generate(course, small.CHAPTER, tmp_path / "release", course / "gradebook.db")
        wrong = {"row_sums": "def row_sums(x):\n    return x.mean(dim=1)", "largest": small.RIGHT["largest"]}
        small.hand_in(course, "ada", small.answered(small.released(course), **wrong))
        with lab(course, tmp_path) as address:
            page = browser.new_page(viewport={"width": 1100, "height": 800})
            page.goto(f"{address}/formgrader/manage_submissions/{small.CHAPTER}")
            row = page.locator("tr", has_text="ada")
            row.locator(".autograde a").click()
            page.locator(".modal.in", has_text="Success").wait_for(timeout=90_000)
            page.keyboard.press("Escape")
            assert small.points(course)["ada"] == small.NOTHING | {"check_largest": small.POINTS["check_largest"]}

            page.goto(f"{address}/formgrader/gradebook/{small.CHAPTER}/{small.CHAPTER}")
            page.locator("a", has_text="Submission #1").first.click()
            card = page.locator("[role=group][aria-label*=row_sums]")
            card.wait_for(timeout=30_000)
            assert "0 of 2 points" in card.inner_text()
            card.scroll_into_view_if_needed()
            picture(page, "formgrader", tmp_path)
            page.close()
