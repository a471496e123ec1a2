#!/bin/sh
# Make .venv from requirements.lock. Silent and instant where .venv is there and nothing it was made from has changed.
#
# Every target of the Makefile calls this first. PYTHON=... names the Python to build on; the index, proxy and cache
# settings of pip and uv are left as they are.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

venv=.venv
python=$venv/bin/python
stamp=$venv/.ready
log=$venv/setup.log

# What .venv was made from: the folder too, since a copied or moved .venv calls the Python of the old place.
made_from() {
    pwd -P
    cksum requirements.lock build-constraints.txt pyproject.toml scripts/setup.sh
}

# Content, not file times: a fresh clone's times say nothing. The import notices a Python that was upgraded away.
is_ready() {
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(made_from)" ] && "$python" -I -c 'import uv' 2>/dev/null
}

say() { printf '%s\n' "$*" >&2; }

# stop WHAT WHAT-TO-DO...: what is wrong, then what to do, one line each.
stop() {
    say ""
    say "Set-up stopped: $1"
    shift
    for line; do say "  $line"; done
    exit 1
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

version_of() {
    "$1" --version 2>/dev/null | sed -n 's/^Python //p'
}

# Sets base_python.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        if is_new_enough "$PYTHON"; then base_python=$PYTHON; return; fi
        version=$(version_of "$PYTHON" || true)
        if [ -n "$version" ]; then fault="is Python $version, and the course needs 3.11 or newer"; else fault="does not run"; fi
        stop "PYTHON=$PYTHON $fault." \
            "Name another one, as in 'make PYTHON=python3.13 start', or leave PYTHON unset."
    fi
    found=
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if is_new_enough "$candidate"; then base_python=$candidate; return; fi
        version=$(version_of "$candidate" || true)
        found="$found${version:+; $candidate here is $version}"
    done
    stop "the course needs Python 3.11 or newer${found:-; no python3 was found on the PATH}." \
        "Install one: on Debian or Ubuntu 'sudo apt install python3 python3-venv', on Fedora 'sudo dnf install python3.13'," \
        "on macOS 'brew install python@3.13'. Then run the same command again." \
        "If it has another name or place: 'make PYTHON=/path/to/python3 start'."
}

make_venv() {
    find_python
    version=$(version_of "$base_python")
    short=${version%.*}
    "$base_python" -c 'import ensurepip, venv' 2>/dev/null || stop \
        "$base_python ($version) has no venv module." \
        "On Debian or Ubuntu: 'sudo apt install python$short-venv' (or python3-venv). Then run the same command again."
    if [ -e "$venv" ]; then say "The .venv here is broken, unfinished or was moved: making it anew."; fi
    say "Making .venv with Python $version."
    messages=$("$base_python" -m venv --clear "$venv" 2>&1) || {
        rm -f "$venv/bin/python"
        say "$messages"
        explain "$messages" "the virtual environment could not be made."
    }
}

# A .venv that can be built on: its Python runs, is new enough and lives here, and it has pip or already the right uv.
is_usable() {
    is_new_enough "$python" || return 1
    "$python" -I -c 'import os, sys; sys.exit(not os.path.samefile(sys.prefix, ".venv"))' 2>/dev/null || return 1
    has_uv || "$python" -I -c 'import pip' 2>/dev/null
}

has_uv() {
    [ "$("$venv/bin/uv" --version 2>/dev/null | cut -d ' ' -f 2)" = "$uv_version" ]
}

# run WHAT COMMAND...: show its lines as they come, without each package's name and labextension's advice on locking;
# stop with a reason where it fails.
run() {
    what=$1
    shift
    { "$@" 2>&1 && echo 0 >"$log.status" || echo $? >"$log.status"; } | while IFS= read -r line; do
        printf '%s\n' "$line" >>"$log"
        case $line in " + "* | " - "* | " ~ "* | *"jupyter labextension lock"*) ;; *) say "  $line" ;; esac
    done
    status=$(cat "$log.status" 2>/dev/null || true)
    rm -f "$log.status"
    [ -n "$status" ] || explain "no space left for $log.status" "$what"
    [ "$status" = 0 ] || explain "$(tail -n 40 "$log")" "$what"
}

# explain MESSAGES WHAT: stop, with the cause that the messages tell.
explain() {
    matches() { printf '%s\n' "$messages" | grep -Eiq "$1"; }
    messages=$1
    what=$2
    again="Then run the same command again: it goes on where it stopped."
    if matches 'no space left|disk quota|errno 28'; then
        stop "$what The disk is full." \
            "The course needs about $size in .venv, here: $(pwd -P)" \
            "Free some space ('uv cache clean' empties uv's cache). $again"
    elif matches 'permission denied|read-only file system'; then
        stop "$what This folder, or the cache of pip or uv, cannot be written to." \
            "Take ownership of the folder, or clone the course to one of your own. $again"
    elif matches 'hash mismatch|do not match the hashes|hashes are required'; then
        stop "$what A package is not the one that requirements.lock recorded." \
            "'git checkout requirements.lock' undoes a local change. With a package mirror, ask who runs it." "$again"
    elif matches 'no matching platform|no wheels|not (a )?supported|only has wheels|cargo|compiler'; then
        stop "$what A package has no build for this system or for $("$python" --version 2>&1)." \
            "Try another Python, as in 'make PYTHON=python3.13 start'; 64-bit Linux, macOS on Apple silicon and WSL are meant to work."
    elif matches 'connect|name resolution|dns|timed? ?out|network|unreachable|certificate|proxy|could not find a version|failed to fetch|not found in the package registry'; then
        stop "$what The package registry does not answer." \
            "The first set-up needs the network. Check the connection; behind a proxy, set HTTPS_PROXY;" \
            "with a mirror of your own, set PIP_INDEX_URL and UV_INDEX_URL. $again"
    fi
    stop "$what The lines above say why; all of them are in $log." \
        "Run the same command again; if it fails in the same place, 'rm -rf .venv' makes it start from nothing."
}

if is_ready; then exit 0; fi

for file in requirements.lock build-constraints.txt pyproject.toml; do
    [ -r "$file" ] || stop "$file is missing." "'git checkout $file' brings it back."
done
if command -v flock >/dev/null 2>&1; then
    exec 9<requirements.lock
    if ! flock -n 9; then
        say "Another set-up is at work in this folder; waiting for it."
        flock 9
        if is_ready; then exit 0; fi
    fi
fi
trap 'say ""; say "Set-up interrupted. Nothing is lost: the same command goes on where it stopped."; exit 130' INT TERM HUP

# Another environment's settings must not lead pip or uv out of .venv.
unset PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX UV_SYSTEM_PYTHON UV_PYTHON 2>/dev/null || true
began=$(date +%s)
uv_version=$(sed -n 's/^uv==\([^ ;\\]*\).*/\1/p' requirements.lock)
case $(uname -s) in Linux) size="5.7 GB" ;; *) size="1.5 GB" ;; esac

rm -f "$stamp"
if ! is_usable; then
    make_venv
    free_kb=$(df -Pk . 2>/dev/null | awk 'NR == 2 {print $4}')
    if [ "$size" = "5.7 GB" ] && [ "${free_kb:-9999999}" -lt 7000000 ]; then
        say "Only $((free_kb / 1000000)) GB are free here, and about $size are needed: this may not fit."
    fi
fi
: >"$log"

if ! has_uv; then
    say "Installing uv $uv_version, which installs the rest."
    awk '/^uv==/ {on = 1} on {print} on && !/\\$/ {exit}' requirements.lock >"$venv/uv.txt"
    run "uv could not be installed." "$python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --only-binary :all: --require-hashes -r "$venv/uv.txt"
fi
say "Installing what requirements.lock names (the first time about $size with PyTorch, a minute or more)."
run "The packages could not be installed." "$venv/bin/uv" pip sync --python "$python" --require-hashes \
    -b build-constraints.txt requirements.lock
run "The package 'autograder' could not be installed." "$venv/bin/uv" pip install --python "$python" --quiet \
    --no-deps --no-build-isolation -e .

# JupyterLab would ask on its first start whether to fetch news from the network.
news="@jupyterlab/apputils-extension:announcements"
if ! grep -qs "$news" "$venv/etc/jupyter/labconfig/page_config.json"; then
    run "JupyterLab's news question could not be switched off." \
        "$venv/bin/jupyter-labextension" disable --level=sys_prefix "$news"
fi

made_from >"$stamp.new"
mv "$stamp.new" "$stamp"
say "Set-up done in $(($(date +%s) - began)) s; from now on it takes no time."
