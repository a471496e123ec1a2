"""Fetch pretrained weights: bounded in time, checked by their hash, and explained in plain words where they cannot be had.

torchvision leaves a download to torch.hub, which waits for ever when the network stalls, and never looks again at a file that it
kept. Here the same file is fetched to the same place first; `alexnet(weights=...)` then finds it there and needs no network.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import re
import threading
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import torch

__all__ = ["WeightsMissing", "fetch_weights"]

CHUNK = 2**18  # bytes
SLOWEST = 10_000  # bytes a second, on average over the patience; slower is taken for a stall
MORE_THAN_TOLD = 1.1  # a file may be a tenth larger than torchvision says, since it says megabytes


class WeightsMissing(Exception):
    """The weights are not here. The message says why, how large they are, where they go, and what works without them."""


class Weights(Protocol):
    """What a member of torchvision's weights says of itself, as far as it is needed here."""

    @property
    def url(self) -> str: ...

    @property
    def meta(self) -> dict[str, Any]: ...


class _NotFetched(Exception):
    """A download that ended without the file; the message is the reason, in a line."""


@dataclass(frozen=True)
class _Wanted:
    """One file of weights: what it is, where it comes from, where it is kept, and the start of its SHA-256."""

    name: str
    url: str
    path: Path
    digits: str
    megabytes: float


def fetch_weights(weights: Weights, *, download: bool = True, patience_s: float = 20.0) -> dict[str, Any]:
    """The state dict of torchvision's `weights`, from the folder where torch.hub keeps its files, or from the network.

    A kept file is hashed each time; a damaged one is moved aside. `download=False` never touches the network. A download is
    given up when it stalls for `patience_s`, and prints how far it is. Only tensors are read from a file, never code.
    Raises `WeightsMissing` with an explanation where the weights cannot be had.
    """
    wanted = _wanted(weights)
    try:
        damage = _move_aside_if_damaged(wanted)
        if not wanted.path.exists():
            if not download:
                raise _NotFetched(damage or "it has not been fetched yet")
            if damage:
                print(f"{damage[0].upper()}{damage[1:]}.")
            _fetch(wanted, patience_s)
    except (_NotFetched, OSError, http.client.HTTPException) as error:
        raise WeightsMissing(_explanation(wanted, _reason(error))) from None
    try:
        state: dict[str, Any] = torch.load(wanted.path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a file that is no such thing makes torch raise
        reason = f"the file cannot be read as plain tensors ({type(error).__name__}), so it was not opened any further"
        raise WeightsMissing(_explanation(wanted, reason)) from None
    return state


def _wanted(weights: Weights) -> _Wanted:
    file_name = Path(urlsplit(weights.url).path).name
    found = re.search(r"-([0-9a-f]{8,64})\.", file_name)
    if not found:
        raise ValueError(f"{file_name} does not carry its hash, as torch.hub's files do: nobody could tell whether it is whole")
    path = Path(torch.hub.get_dir()).expanduser() / "checkpoints" / file_name
    return _Wanted(str(weights), weights.url, path, found[1], float(weights.meta["_file_size"]))


def _move_aside_if_damaged(wanted: _Wanted) -> str:
    """What was wrong with the kept file, or nothing. Left in place, torchvision would load it without a look."""
    if not wanted.path.is_file():
        return ""
    with wanted.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest.startswith(wanted.digits):
        return ""
    aside = wanted.path.with_name(f"{wanted.path.name}.damaged")
    size = wanted.path.stat().st_size
    wanted.path.replace(aside)
    return (
        f"the file that was there is damaged ({_size(size)}, its hash starts with {digest[:8]}, not {wanted.digits[:8]}), "
        f"and is now called {aside.name}"
    )


# -- the download ------------------------------------------------------------------------------------------------------------


@dataclass
class _Download:
    """What the fetching thread and the waiting one tell each other."""

    received: int = 0
    error: BaseException | None = None
    given_up: bool = False
    done: threading.Event = field(default_factory=threading.Event)


def _fetch(wanted: _Wanted, patience_s: float) -> None:
    """Download into a file beside the place, check its hash, and only then put it in place.

    A thread of its own waits for the network: name lookup, connection and reply can each hang, and Python bounds only some.
    """
    wanted.path.parent.mkdir(parents=True, exist_ok=True)
    part = wanted.path.with_name(f"{wanted.path.name}.{uuid.uuid4().hex}.partial")
    state = _Download()
    print(f"Fetching {wanted.path.name} ({wanted.megabytes:.0f} MB):", end="", flush=True)
    threading.Thread(target=_receive, args=(wanted, part, state, patience_s), daemon=True).start()
    try:
        _watch(wanted, state, patience_s)
    finally:
        state.given_up = True  # the student's stop button, too
        print(flush=True)
    if state.error:
        raise state.error


def _receive(wanted: _Wanted, part: Path, state: _Download, patience_s: float) -> None:
    try:
        try:
            _receive_into(part, wanted, state, patience_s)
            if not state.given_up:
                part.replace(wanted.path)
        finally:
            part.unlink(missing_ok=True)
    except Exception as error:
        state.error = error
    finally:
        state.done.set()


def _receive_into(part: Path, wanted: _Wanted, state: _Download, patience_s: float) -> None:
    request = urllib.request.Request(wanted.url, headers={"User-Agent": "torch.hub"})
    digest = hashlib.sha256()
    # The thread that waits gives up first; the timeout only ends this one.
    with urllib.request.urlopen(request, timeout=patience_s + 1) as reply, part.open("xb") as file:
        announced = reply.headers.get("Content-Length", "")
        while not state.given_up and (chunk := reply.read1(CHUNK)):
            state.received += len(chunk)
            if state.received > wanted.megabytes * MORE_THAN_TOLD * 1e6:
                raise _NotFetched(f"the server sends more than the {wanted.megabytes:.0f} MB that the file has")
            digest.update(chunk)
            file.write(chunk)
    if announced.isdigit() and state.received < int(announced):
        raise _NotFetched(f"the connection ended after {_size(state.received)} of {_size(int(announced))}")
    if not state.given_up and not digest.hexdigest().startswith(wanted.digits):
        got = f"its hash starts with {digest.hexdigest()[:8]}, not {wanted.digits[:8]}"
        raise _NotFetched(f"what the server sent is not the file ({_size(state.received)}; {got}), and was thrown away")


def _watch(wanted: _Wanted, state: _Download, patience_s: float) -> None:
    """Wait for the download, telling how far it is; raise `_NotFetched` when it has all but stopped."""
    since, before, told = time.monotonic(), 0, 0
    while not state.done.wait(0.05):
        tenths = int(10 * state.received / (wanted.megabytes * 1e6))
        if tenths > told:
            told = tenths
            print(f" {10 * told} %", end="", flush=True)
        if time.monotonic() - since >= patience_s:
            if state.received - before < SLOWEST * patience_s:
                came = f"only {_size(state.received - before)}" if state.received > before else "nothing"
                raise _NotFetched(f"{came} came in {patience_s:g} seconds, so the download was given up")
            since, before = time.monotonic(), state.received


# -- in plain words ----------------------------------------------------------------------------------------------------------


def _reason(error: BaseException) -> str:
    match error:
        case _NotFetched():
            return str(error)
        case urllib.error.HTTPError():
            with contextlib.closing(error):
                return f"the server answered {error.code} ({error.reason})"
        case urllib.error.URLError():
            return f"there is no connection to the server ({error.reason})"
        case http.client.HTTPException():
            return f"the server's answer makes no sense ({type(error).__name__})"
    return str(error)


def _explanation(wanted: _Wanted, reason: str) -> str:
    home = str(Path.home())
    folder = str(wanted.path.parent)
    folder = f"~{folder[len(home) :]}" if folder.startswith(home + os.sep) else folder
    return (
        f"{wanted.name} is not here: {reason}.\n"
        f"  file   {wanted.path.name}, {wanted.megabytes:.0f} MB\n"
        f"  from   {wanted.url}\n"
        f"  into   {folder}\n"
        "Bring the file there in any way you like and run the cell again; its hash is checked first.\n"
        "Without it the net itself works, with `weights=None`: the same layers, shapes and counts, but random numbers in them."
    )


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count} bytes"
