"""The script that comes from elsewhere, MathJax, and the one that only tests need, axe-core: fetched once by npm, hashed."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from autograder.release.text import write_atomically

__all__ = ["AXE", "MATHJAX", "Script", "fetch"]

LIMIT_S = 300


@dataclass(frozen=True)
class Script:
    """A file of a package, by the SHA-256 of its content."""

    package: str
    file: str
    sha256: str


MATHJAX = Script("mathjax@3.2.2", "es5/tex-svg.js", "d4295dc33744836935c1399feece5159577b34c5c8ffb9f1c6324cd82e03a882")
AXE = Script("axe-core@4.10.3", "axe.min.js", "880970c081707360e64f34cea25ff91892f5bc95675b0776925b9709dd8a68bb")


def fetch(script: Script, folder: Path) -> Path | str:
    """The script's path in `folder`, where it is kept; or, where it cannot be had, the reason in a sentence."""
    path = folder / script.package / Path(script.file).name
    if path.is_file() and _digest(path.read_bytes()) == script.sha256:
        return path
    npm = shutil.which("npm")
    if npm is None:
        return f"{script.package} needs npm once, and npm is not installed (Debian: sudo apt install npm)"
    with tempfile.TemporaryDirectory() as scratch:
        command = [npm, "pack", "--ignore-scripts", "--silent", "--pack-destination", scratch, script.package]
        try:
            done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            return f"npm did not fetch {script.package} within {LIMIT_S} s"
        archives = list(Path(scratch).glob("*.tgz"))
        if done.returncode or not archives:
            return f"npm could not fetch {script.package}: {(done.stderr or 'no network').strip().splitlines()[-1][:200]}"
        with tarfile.open(archives[0]) as package:
            content = package.extractfile(f"package/{script.file}")
            data = content.read() if content else b""
    if _digest(data) != script.sha256:
        return f"what npm fetched as {script.package} is not the file that is known here: {_digest(data)}"
    write_atomically(path, data)
    return path


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
