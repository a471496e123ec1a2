"""Run Visdom's server on this machine only, with every script of its page served from this machine.

Visdom's own start binds to every interface, fetches its page's scripts into the installed package, and since tornado 6.6 answers
its page with 403. Here the package stays as it is: a private copy of its page is made beside the scripts, which are fetched once.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

__all__ = ["VisdomError", "fetch_scripts", "private_page", "scripts_folder", "serve"]

HERE = "127.0.0.1"
LOCAL_NAMES = (HERE, "localhost", "::1")
PACK_LIMIT_S, DOWNLOAD_LIMIT_S = 300, 180

# Package and version: which of its files goes where in the page's static folder. A name that ends in / is a whole folder.
PACKAGES: dict[str, dict[str, str]] = {
    "jquery@3.1.1": {"dist/jquery.min.js": "js/jquery.min.js"},
    "bootstrap@3.3.7": {
        "dist/js/bootstrap.min.js": "js/bootstrap.min.js",
        "dist/css/bootstrap.min.css": "css/bootstrap.min.css",
        "dist/fonts/": "fonts/",
    },
    "react@16.2.0": {"umd/react.production.min.js": "js/react-react.min.js"},
    "react-dom@16.2.0": {"umd/react-dom.production.min.js": "js/react-dom.min.js"},
    "layout-bin-packer@1.4.0": {"dist/layout-bin-packer.js": "js/layout_bin_packer.js"},
    "plotly.js-dist-min@2.11.1": {"plotly.min.js": "js/plotly-plotly.min.js"},
    "d3@3.5.17": {"d3.min.js": "js/d3.v3.min.js"},
    "d3-selection-multi@1.0.1": {"build/d3-selection-multi.js": "js/d3-selection-multi.v1.js"},
    "save-svg-as-png@1.4.17": {"lib/saveSvgAsPng.js": "js/saveSvgAsPng.js"},
}
STYLES = {"react-resizable": "css/react-resizable-styles.css", "react-grid-layout": "css/react-grid-layout-styles.css"}
# MathJax 2 loads the rest of its parts when a formula is shown; the page's plots draw theirs as SVG.
MATHJAX_2 = (
    "MathJax.js",
    "config/TeX-AMS-MML_HTMLorMML.js",
    "extensions/",
    "jax/output/SVG/config.js",
    "jax/output/SVG/jax.js",
    "jax/output/SVG/autoload/",
    "jax/output/SVG/fonts/TeX/",
)
# What differs between Visdom's versions: told by the MathJax that its page asks for.
BY_MATHJAX: dict[str, dict[str, dict[str, str]]] = {
    "2.7.5": {
        "react-resizable@1.4.6": {"css/styles.css": STYLES["react-resizable"]},
        "react-grid-layout@0.16.3": {"css/styles.css": STYLES["react-grid-layout"]},
        "mathjax@2.7.5": {name: f"js/mathjax/2.7.5/{name}" for name in MATHJAX_2},
    },
    "3.2.2": {
        "react-resizable@3.1.3": {"css/styles.css": STYLES["react-resizable"]},
        "react-grid-layout@2.2.3": {"css/styles.css": STYLES["react-grid-layout"]},
        "mathjax@3.2.2": {"es5/tex-mml-svg.js": "js/mathjax/3.2.2/es5/tex-mml-svg.js"},
    },
}

# Visdom's own download, ended by the first file that cannot be had; by itself it would go on, and crash at a later one.
OWN_DOWNLOAD = """
import logging, socket, sys
def stop(message, *rest):
    raise SystemExit(message)
logging.error = stop
socket.setdefaulttimeout(20)
from visdom.server.build import download_scripts
download_scripts(install_dir=sys.argv[1])
"""


class VisdomError(Exception):
    """The server cannot be started; the message says why and what to do."""


# -- the scripts of the page -------------------------------------------------------------------------------------------------


def scripts_folder() -> Path:
    """Where the scripts are kept for this version of Visdom."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser() / "pytorch-course" / "visdom" / version("visdom")


def fetch_scripts(folder: Path) -> None:
    """Put every script, style and font of Visdom's page into `folder`, unless they are there already.

    By npm where it is installed, else by Visdom's own download. The folder appears whole or not at all. Raises `VisdomError`.
    """
    if not _missing(folder):
        return
    print("Visdom's page needs its scripts once (about 6 MB). Fetching them ...", flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    reasons = []
    for way in (_by_npm, _by_visdom):
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new.") as scratch:
            static = Path(scratch) / "static"
            reason = way(static)
            missing = _missing(static)
            if reason is None and not missing:
                _put_in_place(static, folder)
                return
            reasons.append(f"  {way.__doc__}: {reason or f'{missing[0]} is missing from what came'}")
    raise VisdomError(
        "the scripts of Visdom's page could not be fetched.\n" + "\n".join(reasons) + "\n"
        f"Install Node.js (it brings npm) or connect to the network, and start again; they are then kept in {folder}. "
        "Chapter 10 works without a server: it writes its log to a file."
    )


def _put_in_place(new: Path, folder: Path) -> None:
    if folder.exists() and _missing(folder):
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # another start was faster
        new.rename(folder)
    if _missing(folder):
        raise VisdomError(f"{folder} could not be written. Delete it and start again.")


def _by_npm(static: Path) -> str | None:
    """npm"""
    npm = shutil.which("npm")
    if npm is None:
        return "not installed"
    packages = _packages()
    with tempfile.TemporaryDirectory(dir=static.parent) as scratch:
        command = [npm, "pack", "--ignore-scripts", "--silent", "--pack-destination", scratch, *packages]
        reason = _run(command, PACK_LIMIT_S, Path(scratch))
        if reason:
            return reason
        for package, files in packages.items():
            archive = Path(scratch) / f"{package.replace('@', '-')}.tgz"
            try:
                _unpack(archive, files, static)
            except (OSError, tarfile.TarError) as error:
                return f"{package}: {error}"
    return None


def _by_visdom(static: Path) -> str | None:
    """Visdom's own download"""
    return _run([sys.executable, "-c", OWN_DOWNLOAD, str(static.parent)], DOWNLOAD_LIMIT_S, static.parent)


def _run(command: list[str], limit_s: int, cwd: Path) -> str | None:
    """Run a command; None if it went well, else the reason in a line."""
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=limit_s)
    except subprocess.TimeoutExpired:
        return f"no answer within {limit_s} s"
    except OSError as error:
        return str(error)
    if done.returncode == 0:
        return None
    said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return said[-1][:200] if said else "no network, or none of its servers in reach"


def _unpack(archive: Path, files: dict[str, str], static: Path) -> None:
    """Copy the named files of a package; only regular files, and only to where the table says."""
    with tarfile.open(archive) as package:
        for member in package:
            name = member.name.partition("/")[2]
            target = files.get(name) or _in_folder(name, files)
            if target is None or not member.isfile() or ".." in Path(target).parts:
                continue
            path = static / target
            path.parent.mkdir(parents=True, exist_ok=True)
            content = package.extractfile(member)
            assert content is not None  # a regular file has content
            path.write_bytes(content.read())


def _in_folder(name: str, files: dict[str, str]) -> str | None:
    folder = next((folder for folder in files if folder.endswith("/") and name.startswith(folder)), None)
    return files[folder] + name[len(folder) :] if folder else None


def _installed() -> Path:
    """The static folder of the installed Visdom."""
    spec = find_spec("visdom")
    if spec is None or spec.origin is None:
        raise VisdomError("Visdom is not installed: start it with `make visdom`.")
    return Path(spec.origin).parent / "static"


def _page() -> str:
    return (_installed() / "index.html").read_text(encoding="utf-8")


def _packages() -> dict[str, dict[str, str]]:
    """The packages that the installed Visdom's page is made of."""
    page = _page()
    known = next((packages for mathjax, packages in BY_MATHJAX.items() if f"mathjax/{mathjax}/" in page), None)
    if known is None:
        raise VisdomError(f"Visdom {version('visdom')} is not known here: its page asks for other scripts.")
    return PACKAGES | known


def _missing(folder: Path) -> list[str]:
    """The files that the page asks for and that are neither in `folder` nor in the installed Visdom."""
    wanted = re.findall(r"""static_url\(["']((?:js|css)/[^"']+)["']\)""", _page())
    return [
        name
        for name in wanted
        if not any((static / name).is_file() and (static / name).stat().st_size for static in (folder, _installed()))
    ]


def private_page(scripts: Path, folder: Path) -> Path:
    """Make Visdom's static folder in `folder`: the installed one with the scripts, and one link of its page mended."""
    static = folder / "static"
    shutil.copytree(_installed(), static, ignore=shutil.ignore_patterns("*.map"))
    shutil.copytree(scripts, static, dirs_exist_ok=True)
    # tornado refuses a static file outside the static folder, and with it the whole page; the server has the style at /user/.
    page = re.sub(r"""\{\{\s*static_url\(["']\.\./user/style\.css["']\)\s*\}\}""", "/user/style.css", _page())
    (static / "index.html").write_text(page, encoding="utf-8")
    return static


# -- the server --------------------------------------------------------------------------------------------------------------


def serve(port: int = 8097, dashboards: Path | None = None) -> int:
    """Serve Visdom on the loopback address until Ctrl+C or SIGTERM; returns the exit status. Port 0 takes any free one.

    `dashboards` is where saved dashboards are kept; by default where Visdom keeps them. Raises `VisdomError`.
    """
    for socket in _bound(port):  # first of all, since the rest may take a while
        socket.close()
    try:
        folder = scripts_folder()
        fetch_scripts(folder)
        with tempfile.TemporaryDirectory(prefix="visdom-") as private:
            static = private_page(folder, Path(private))
            asyncio.run(_run_until_stopped(port, static, dashboards))
    except KeyboardInterrupt:  # before the server runs; then it is stopped by its own handler
        pass
    except OSError as error:
        raise VisdomError(f"{error.filename or 'a file'} could not be written: {error.strerror or error}") from error
    print("Visdom has stopped.", flush=True)
    return 0


async def _run_until_stopped(port: int, static: Path, dashboards: Path | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    from tornado.httpserver import HTTPServer

    sockets = _bound(port)
    port = sockets[0].getsockname()[1]
    server = HTTPServer(_application(port, static, dashboards), max_buffer_size=1024**3)
    server.add_sockets(sockets)
    print(f"Visdom is at http://{HERE}:{port} (this machine only). Ctrl+C here stops it.", flush=True)
    await stop.wait()
    server.stop()
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(server.close_all_connections(), 3)


def _bound(port: int) -> list[Any]:
    """Sockets bound to the loopback address, and to no other. Raises `VisdomError` where the port cannot be had."""
    from tornado.netutil import bind_sockets

    try:
        if not 0 <= port < 2**16:  # the system would take its last 16 bits
            raise OSError(errno.EINVAL, "a port is a number below 65536")
        return bind_sockets(port, address=HERE)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"port {port} is in use, perhaps by a Visdom that runs already: look at http://{HERE}:{port}"
        else:
            reason = f"port {port} cannot be used: {error.strerror or error}"
        raise VisdomError(f'{reason}. For another port: make visdom ARGS="--port 8098"') from error


def _application(port: int, static: Path, dashboards: Path | None) -> Any:
    """Visdom's own application on our copy of its page, closed to requests from elsewhere."""
    # What the page asks for in vain (its icon) is not worth a line; errors are.
    for name in ("tornado.access", "tornado.general", "visdom"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):
        from tornado.web import ErrorHandler
        from visdom.server import app as visdom_app

    # Its debug mode would restart the server when a file of the package changes.
    visdom_app.tornado_settings.update(
        static_path=str(static), template_path=str(static), autoreload=False, serve_traceback=False
    )

    class LocalApplication(visdom_app.Application):  # type: ignore[misc]
        def find_handler(self, request: Any, **kwargs: Any) -> Any:
            if _foreign(request.headers):
                return self.get_handler_delegate(request, ErrorHandler, {"status_code": 403})
            return super().find_handler(request, **kwargs)

    options = {} if dashboards is None else {"env_path": f"{dashboards}{os.sep}"}
    return LocalApplication(port=port, base_url="", **options)


def _foreign(headers: Any) -> bool:
    """Whether a request was meant for, or sent by, a page of another machine. Visdom has no login and would serve any.

    A site can make the browser of somebody who visits it ask this server; then it names itself as the origin or the host.
    """
    asked = [f"//{headers.get('Host', '')}"] + ([headers["Origin"]] if "Origin" in headers else [])
    try:
        return any(urlsplit(address).hostname not in LOCAL_NAMES for address in asked)
    except ValueError:
        return True
