"""Set-up: nothing is done twice, a changed lock is noticed, and what is missing is said with what to do."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import need

COURSE = Path(__file__).parent.parent
TOOLS = (
    "sh",
    "awk",
    "cat",
    "cksum",
    "cp",
    "cut",
    "date",
    "df",
    "dirname",
    "grep",
    "mkdir",
    "mv",
    "rm",
    "sed",
    "sleep",
    "tail",
    "uname",
)
CLOSED = "http://127.0.0.1:9/simple"
LOCK = """\
# made by hand
iniconfig==2.3.1 \\
    --hash=sha256:{iniconfig}
uv==9.9.9 \\
    --hash=sha256:{uv}
    # via here
""".format(iniconfig="0" * 64, uv="1" * 64)

# Stands for Python: `-m venv` makes a .venv with another one of these, `-m pip` puts a stand-in for uv there.
PYTHON = """\
#!/bin/sh
case "$*" in
    --version) echo "Python {version}" ;;
    *version_info*) exit {too_old} ;;
    *ensurepip*) exit {no_venv} ;;
    *samefile*) [ "$(cat .venv/home)" = "$(pwd -P)" ] ;;
    *'import uv'*) [ -x .venv/bin/uv ] ;;
    *'-m venv'*) echo venv >>"$CALLS"; rm -rf .venv; mkdir -p .venv/bin; pwd -P >.venv/home; cp "$0" .venv/bin/python ;;
    *'-m pip'*) echo pip >>"$CALLS"; cp "$UV" .venv/bin/uv; cp "$UV" .venv/bin/jupyter-labextension ;;
esac
"""
UV = """\
#!/bin/sh
[ "$1" = --version ] && { echo "uv 9.9.9"; exit; }
echo "${0##*/} $1 $2" >>"$CALLS"
[ "$2" = sync ] && [ -n "$FAULT" ] && { sleep "${SLOW:-0}"; echo "$FAULT" >&2; exit 2; }
exit 0
"""
EVERY_STEP = ["venv", "pip", "uv pip sync", "uv pip install", "jupyter-labextension disable --level=sys_prefix"]


class Desk:
    """A small course in a folder with a space, and a PATH that holds only the system's tools and what is put there."""

    def __init__(self, root: Path) -> None:
        self.folder, self.bin, self.calls_file = root / "a course", root / "bin", root / "calls"
        (self.folder / "scripts").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(COURSE / "scripts" / "setup.sh", self.folder / "scripts")
        (self.folder / "requirements.lock").write_text(LOCK)
        (self.folder / "build-constraints.txt").write_text("setuptools<81\n")
        (self.folder / "pyproject.toml").write_text("[project]\nname = 'autograder'\n")
        for tool in TOOLS:
            found = shutil.which(tool)
            need(found, f"no {tool} on the PATH")
            (self.bin / tool).symlink_to(str(found))
        self.put("uv-stand-in", UV)
        self.env = {"PATH": str(self.bin), "CALLS": str(self.calls_file), "UV": str(self.bin / "uv-stand-in"), "FAULT": ""}
        self.env["HOME"] = str(root)

    def put(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def put_python(self, name: str = "python3", version: str = "3.12.1", *, too_old: bool = False, no_venv: bool = False) -> Path:
        return self.put(name, PYTHON.format(version=version, too_old=int(too_old), no_venv=int(no_venv)))

    def set_up(self, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the set-up from another folder."""
        command = [str(self.bin / "sh"), str(self.folder / "scripts" / "setup.sh")]
        return subprocess.run(command, cwd="/", env=self.env | env, capture_output=True, text=True, check=False, timeout=120)

    def stopped(self, **env: str) -> str:
        """What a set-up that cannot go on says; line breaks as spaces."""
        done = self.set_up(**env)
        assert done.returncode == 1, done.stderr
        assert done.stdout == ""
        assert not (self.folder / ".venv" / ".ready").exists()
        return " ".join(done.stderr.partition("Set-up stopped: ")[2].split())

    def calls(self) -> list[str]:
        """Which steps were taken since the last look."""
        calls = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return calls


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def ready(desk: Desk) -> Desk:
    """A desk where set-up has been done."""
    desk.put_python()
    done = desk.set_up()
    assert done.returncode == 0, done.stderr
    assert desk.calls() == EVERY_STEP
    return desk


# -- what is done, and what is not done twice ----------------------------------------------------


def test_the_first_call_says_what_it_does_and_what_it_costs(desk: Desk) -> None:
    desk.put_python()
    said = desk.set_up().stderr
    assert "Making .venv with Python 3.12.1.\nInstalling uv 9.9.9, which installs the rest.\n" in said
    assert "GB with PyTorch, a minute or more" in said
    assert "Set-up done in " in said


def test_the_second_call_runs_neither_pip_nor_uv_and_says_nothing(ready: Desk) -> None:
    done = ready.set_up()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert ready.calls() == []


def test_new_file_times_are_no_change(ready: Desk) -> None:
    for name in ("requirements.lock", "pyproject.toml", "build-constraints.txt"):
        os.utime(ready.folder / name, (2e9, 2e9))
    ready.set_up()
    assert ready.calls() == []


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml", "build-constraints.txt"])
def test_new_content_is_noticed_whatever_the_file_times_say(ready: Desk, name: str) -> None:
    path = ready.folder / name
    path.write_text(path.read_text() + "# changed\n")
    os.utime(path, (1e9, 1e9))
    assert ready.set_up().returncode == 0
    assert ready.calls() == [step for step in EVERY_STEP if step not in ("venv", "pip")]
    ready.set_up()
    assert ready.calls() == []


def test_another_uv_in_the_lock_is_installed(ready: Desk) -> None:
    ready.put("uv-stand-in", UV.replace("9.9.9", "9.9.10"))
    (ready.folder / "requirements.lock").write_text(LOCK.replace("9.9.9", "9.9.10"))
    assert ready.set_up().returncode == 0
    assert ready.calls() == EVERY_STEP[1:]


@pytest.mark.parametrize("harm", ["no python", "dead python", "moved folder", "no uv"])
def test_a_broken_environment_is_made_anew(ready: Desk, harm: str) -> None:
    if harm == "no python":
        (ready.folder / ".venv" / "bin" / "python").unlink()
    elif harm == "dead python":
        (ready.folder / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 127\n")
    elif harm == "moved folder":
        ready.folder = ready.folder.rename(ready.folder.parent / "elsewhere")
    else:
        (ready.folder / ".venv" / "bin" / "uv").unlink()
    done = ready.set_up()
    assert done.returncode == 0, done.stderr
    assert ("The .venv here is broken, unfinished or was moved: making it anew." in done.stderr) == (harm != "no uv")
    assert ready.calls() == (EVERY_STEP[1:] if harm == "no uv" else EVERY_STEP)


def test_an_interrupted_set_up_goes_on_with_the_next_call(desk: Desk) -> None:
    desk.put_python()
    command = [str(desk.bin / "sh"), str(desk.folder / "scripts" / "setup.sh")]
    with subprocess.Popen(
        command, env=desk.env | {"FAULT": "late", "SLOW": "30"}, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as setup:
        deadline = time.monotonic() + 30
        while "uv pip sync" not in (desk.calls_file.read_text() if desk.calls_file.exists() else ""):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(setup.pid, signal.SIGINT)
        said = setup.communicate(timeout=20)[1]
    assert setup.returncode == 130
    assert "Set-up interrupted. Nothing is lost: the same command goes on where it stopped." in said
    desk.calls()
    assert desk.set_up().returncode == 0
    assert desk.calls() == EVERY_STEP[2:]


# -- what can be missing -------------------------------------------------------------------------


def test_too_old_a_python(desk: Desk) -> None:
    desk.put_python(version="3.9.18", too_old=True)
    desk.put_python("python3.11", "3.10.0", too_old=True)
    said = desk.stopped()
    assert said.startswith(
        "the course needs Python 3.11 or newer; python3 here is 3.9.18; python3.11 here is 3.10.0. Install one:"
    )
    assert "sudo apt install python3 python3-venv" in said
    assert "make PYTHON=/path/to/python3 start" in said


def test_a_newer_python_of_another_name_is_found(desk: Desk) -> None:
    desk.put_python(version="3.9.18", too_old=True)
    desk.put_python("python3.12")
    assert desk.set_up().returncode == 0


def test_no_python(desk: Desk) -> None:
    assert desk.stopped().startswith("the course needs Python 3.11 or newer; no python3 was found on the PATH. Install one:")


def test_a_python_asked_for_by_name(desk: Desk) -> None:
    desk.put_python()
    old = desk.put_python("old", "3.9.18", too_old=True)
    assert f"PYTHON={old} is Python 3.9.18, and the course needs 3.11 or newer." in desk.stopped(PYTHON=str(old))
    assert "PYTHON=nowhere does not run. Name another one" in desk.stopped(PYTHON="nowhere")
    assert desk.set_up(PYTHON=str(desk.put_python("another"))).returncode == 0


def test_no_venv_module(desk: Desk) -> None:
    desk.put_python(no_venv=True)
    said = desk.stopped()
    assert said.startswith("python3 (3.12.1) has no venv module. On Debian or Ubuntu: 'sudo apt install python3.12-venv'")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("error: failed to write: No space left on device (os error 28)", "The disk is full. The course needs about"),
        ("error: failed to open file: Permission denied (os error 13)", "cannot be written to. Take ownership of the folder"),
        ("error: Hash mismatch for `iniconfig==2.3.1`", "A package is not the one that requirements.lock recorded."),
        (
            "  hint: torch has no wheels with a matching Python ABI tag",
            "A package has no build for this system or for Python 3.12.1.",
        ),
        (
            "  dns error: failed to lookup address information",
            "The package registry does not answer. The first set-up needs the network.",
        ),
        ("  invalid peer certificate: UnknownIssuer", "The package registry does not answer."),
        ("error: something else", "The lines above say why; all of them are in .venv/setup.log."),
    ],
)
def test_a_failed_installation_says_its_cause_and_the_next_call_goes_on(desk: Desk, fault: str, said: str) -> None:
    desk.put_python()
    stopped = desk.stopped(FAULT=fault)
    assert stopped.startswith("The packages could not be installed. ")
    assert said in stopped
    assert fault in (desk.folder / ".venv" / "setup.log").read_text()
    desk.calls()
    assert desk.set_up().returncode == 0
    assert desk.calls() == EVERY_STEP[2:]


def test_a_missing_lock(desk: Desk) -> None:
    desk.put_python()
    (desk.folder / "requirements.lock").unlink()
    assert desk.stopped() == "requirements.lock is missing. 'git checkout requirements.lock' brings it back."


# -- no network, with the real pip and the real uv -----------------------------------------------

OFFLINE = {
    "PIP_INDEX_URL": CLOSED,
    "UV_INDEX_URL": CLOSED,
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_RETRIES": "0",
    "UV_HTTP_RETRIES": "0",
}


def test_no_network_for_pip(desk: Desk) -> None:
    said = desk.stopped(PYTHON=sys.executable, **OFFLINE)
    assert said.startswith("uv could not be installed. The package registry does not answer. The first set-up needs the network.")
    assert "set HTTPS_PROXY" in said


def test_no_network_for_uv(desk: Desk) -> None:
    uv = Path(sys.executable).with_name("uv")
    need(uv.exists(), "uv is not installed beside Python")
    version = subprocess.run([uv, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    (desk.folder / "requirements.lock").write_text(LOCK.replace("9.9.9", version))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", desk.folder / ".venv"], check=True)
    (desk.folder / ".venv" / "bin" / "uv").symlink_to(uv)
    said = desk.stopped(UV_CACHE_DIR=str(desk.folder / "cache"), **OFFLINE)
    assert said.startswith("The packages could not be installed. The package registry does not answer.")
