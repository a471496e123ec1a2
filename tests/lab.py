"""A real JupyterLab on a folder, and a real Chromium that drives it, for the browser tests."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir
from playwright.sync_api import Browser, Locator, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]


@contextlib.contextmanager
def lab(root: Path, private: Path, theme: str = "JupyterLab Light") -> Iterator[str]:
    """JupyterLab serving `root` on a free local port; yields its address, without a token. Stopped at the end.

    Its settings and log stand in the folder `private`.
    """
    log = private / "lab.log"
    settings = private / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.port=0", "--IdentityProvider.token="]
    command += [f"--ServerApp.root_dir={root}", "--ServerApp.ip=127.0.0.1", "--ServerApp.disable_check_xsrf=True"]
    command += ["--allow-root"] if os.geteuid() == 0 else []
    with log.open("wb") as output:
        environment = os.environ | {"JUPYTERLAB_SETTINGS_DIR": str(private / "settings")}
        server = subprocess.Popen(command, cwd=root, env=environment, stdout=output, stderr=output)
    try:
        yield _address(server, log)
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(timeout=20)
        server.kill()


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    file = Path(jupyter_runtime_dir()) / f"jpserver-{server.pid}.json"
    for _ in range(600):
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError, ValueError):
            return str(json.loads(file.read_text())["url"]).rstrip("/")
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium of the system, with an empty profile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def open_notebook(page: Page, address: str, path: str) -> None:
    """Open a notebook in JupyterLab and wait until its kernel is idle."""
    page.goto(f"{address}/lab/tree/{path}?reset")
    page.locator(".jp-Notebook-cell").first.wait_for(timeout=60_000)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(state="attached", timeout=60_000)


def cell_with(page: Page, text: str) -> Locator:
    """The code cell whose source contains `text`. The notebook draws cells as they scroll into view, so this scrolls to it."""
    cell = page.locator(".jp-CodeCell", has=page.locator(".cm-content", has_text=text)).first
    notebook = page.locator(".jp-WindowedPanel-outer").first
    for _ in range(80):
        if cell.count():
            break
        notebook.evaluate("panel => panel.scrollBy(0, panel.clientHeight / 2)")
        page.wait_for_timeout(150)
    cell.scroll_into_view_if_needed()
    return cell


def run(page: Page, cell: Locator) -> None:
    """Run one cell with Ctrl+Enter and wait until its number says that it ran."""
    prompt = cell.locator(".jp-InputPrompt")
    before = prompt.inner_text()
    for _ in range(5):  # the first key press may come before the notebook listens
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        if _changed(page, prompt, before):
            return
    raise AssertionError(f"the cell did not run: its prompt is still {before!r}")


def _changed(page: Page, prompt: Locator, before: str) -> bool:
    """Whether the prompt gets a new number, within 3 s for a cell that does not start and 60 s for one that runs."""
    for tenth in range(600):
        page.wait_for_timeout(100)
        now = prompt.inner_text()
        if now != before and "*" not in now:
            return True
        if now == before and tenth > 30:
            return False
    return False


def write(page: Page, cell: Locator, source: str) -> None:
    """Replace a cell's source, as by pasting."""
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)
