"""Keep everything that an answer prints away from the cell's output, where nbgrader takes a line on stderr for a failure."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

__all__ = ["Printed", "silenced"]


class Printed(io.StringIO):
    """A text stream that keeps the first characters of what is written and drops the rest: a flood costs no memory."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._room = limit

    def write(self, text: str) -> int:
        kept = text[: self._room]
        super().write(kept)
        self._room -= len(kept)
        return len(text)

    def close(self) -> None:
        """What was printed is still to be read, even if the answer closes its stdout."""


@contextlib.contextmanager
def silenced(limit: int, *, descriptors: bool = True) -> Iterator[Printed]:
    """Catch Python's stdout and stderr, streams that were held on to earlier included, and keep the first `limit` characters.

    With `descriptors`, what is written below Python (file descriptors 1 and 2, child processes) is dropped, too.
    """
    printed = Printed(limit)
    with contextlib.ExitStack() as stack:
        # A logging handler set up in an earlier cell holds the stream itself: redirecting the name `sys.stderr` misses it.
        streams = {id(stream): stream for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__) if stream}
        if descriptors:
            stack.enter_context(_descriptors_to_null(list(streams.values())))
        for stream in streams.values():
            stack.enter_context(_writes_to(stream, printed))
        stack.enter_context(contextlib.redirect_stdout(printed))
        stack.enter_context(contextlib.redirect_stderr(printed))
        yield printed


@contextlib.contextmanager
def _writes_to(stream: Any, printed: Printed) -> Iterator[None]:
    own = getattr(stream, "__dict__", {}).get("write")
    try:
        stream.write = printed.write
    except (AttributeError, TypeError):  # a stream that cannot be changed writes to a descriptor
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(AttributeError):
            if own is None:
                del stream.write
            else:
                stream.write = own


@contextlib.contextmanager
def _descriptors_to_null(streams: list[Any]) -> Iterator[None]:
    _flush(streams)
    saved: list[tuple[int, int]] = []
    for number in (1, 2):
        with contextlib.suppress(OSError):  # a process without stdout has nothing to keep
            saved.append((number, os.dup(number)))
    null = os.open(os.devnull, os.O_WRONLY)
    for number, _ in saved:
        os.dup2(null, number)
    os.close(null)
    try:
        yield
    finally:
        _flush(streams)  # what is still buffered is the answer's
        for number, kept in saved:
            os.dup2(kept, number)
            os.close(kept)


def _flush(streams: list[Any]) -> None:
    for stream in streams:
        with contextlib.suppress(Exception):
            stream.flush()
