"""The last line of `make hostile`: how many attacks were tried, and how many points they gained."""

from __future__ import annotations

import pytest

gained: list[int] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Each attack records the points that it gained."""
    if report.when == "call":
        gained.extend(int(str(value)) for name, value in report.user_properties if name == "gained")


def pytest_unconfigure() -> None:
    """After everything else."""
    print(f"hostile: {len(gained)} attacks tried, points gained {sum(gained)}")
