"""Spreading work over executors: what becomes of those that get ready early, that die, and that nobody needed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest

from autograder.grading.executors import Lost, getting_ready, spread


class Noted(ThreadPoolExecutor):
    """Threads; notes what was submitted, and whether it was shut down."""

    def __init__(self) -> None:
        super().__init__(2)
        self.calls: list[tuple[Any, ...]] = []
        self.over = False

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        self.calls.append((function, *arguments))
        return super().submit(function, *arguments, **options)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.over = True
        super().shutdown(wait, cancel_futures=cancel_futures)


class DiedIdle(Executor):
    """A pool whose worker died before there was work."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        raise BrokenExecutor("a worker died")


class DiesAtWork(Executor):
    """A pool whose worker dies of any work."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(BrokenExecutor("a worker died"))
        return future


def shout(text: str) -> bytes:
    return text.upper().encode()


WORK: list[tuple[str, tuple[Any, ...] | None]] = [("one", ("a",)), ("nothing to do", None), ("two", ("b",))]
DONE = {"one": b"A", "nothing to do": None, "two": b"B"}


@pytest.mark.parametrize("at_a_time", [1, 2, 10])
def test_every_key_comes_with_its_result(at_a_time: int) -> None:
    assert dict(spread(shout, iter(WORK), Noted, at_a_time)) == DONE


def test_a_pool_that_died_before_there_was_work_is_replaced() -> None:
    pools: list[Executor] = [DiedIdle(), Noted()]
    assert dict(spread(shout, iter(WORK), lambda: pools.pop(0), 2)) == DONE
    assert pools == []


def test_what_ends_its_worker_twice_is_lost() -> None:
    came = dict(spread(shout, iter(WORK), DiesAtWork, 2))
    assert {key: str(one) for key, one in came.items() if isinstance(one, Lost)} == dict.fromkeys(
        ("one", "two"), "the process that ran it died, twice"
    )


def test_workers_get_ready_in_the_first_pool_and_later_ones_are_new() -> None:
    made: list[Noted] = []

    def make() -> Noted:
        made.append(Noted())
        return made[-1]

    with getting_ready(make, 2, shout, "ready") as get:
        assert (get(), get()) == (made[0], made[1])
        assert [one.calls for one in made] == [[(shout, "ready")] * 2, []]
    assert not any(one.over for one in made), "they belong to whoever took them"


def test_a_pool_that_nobody_took_is_shut_down_whatever_happens() -> None:
    pool = Noted()
    with pytest.raises(ValueError, match="the gradebook"), getting_ready(lambda: pool, 1, shout, "ready"):
        raise ValueError("the gradebook cannot be opened")
    assert pool.over
