"""CI skips nothing: a test that lacks something it needs is skipped on a desk, and fails in the gate."""

from __future__ import annotations

import os

import pytest


def in_ci() -> bool:
    """Whether this is the gate, which installs everything that a test can need."""
    return os.environ.get("CI", "").lower() == "true"


def need(condition: object, reason: str) -> None:
    """Skip the test, with the reason, where something it needs is missing; in CI that is a failure."""
    if condition:
        return
    if in_ci():
        pytest.fail(f"CI must have what this test needs: {reason}", pytrace=False)
    pytest.skip(reason)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the gate for a test or a file that was skipped in any other way."""
    if in_ci() and _skipped(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why the gate fails, where a skipped test is the reason."""
    if in_ci() and (skipped := _skipped(terminalreporter.config)):
        terminalreporter.write_line(f"CI skips nothing, but these were skipped: {', '.join(skipped)}", red=True)


def _skipped(config: pytest.Config) -> list[str]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return sorted({report.nodeid for report in reporter.stats.get("skipped", [])}) if reporter else []
