#!/bin/sh
# Makes, repairs or updates .venv for "lab" or "test". Does nothing when nothing changed since the last time.
# Usage: sh .ci/environment.sh lab|test        PYTHON=/path/to/python3.11 chooses the interpreter
set -eu
cd "$(dirname "$0")/.."

level=$1
needed_mb=3000
python=.venv/bin/python
stamp=.venv/installed-$level
incomplete=.venv/incomplete

fail() {
    printf '\n%s\n' "make $level: $1" >&2
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
    exit 1
}

if [ "$level" = test ]; then requirements=requirements-dev.txt; else requirements=requirements.txt; fi

# The installation is good as long as these stay the same; the folder is among them since .venv holds absolute paths.
fingerprint() {
    pwd
    cksum constraints.txt pyproject.toml requirements*.txt "$1"
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    seen=
    for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3.14 python3 python}; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
        if version=$("$candidate" --version 2>&1); then seen="$seen $candidate is $version;"; fi
    done
    fail "Python 3.11 or newer is needed. Found:${seen:- no Python at all.}" \
        "Debian, Ubuntu:  apt install python3 python3-venv" \
        "macOS:           brew install python@3.11" \
        "elsewhere:       https://www.python.org/downloads/" \
        "Then again 'make $level', or name it: make $level PYTHON=/path/to/python3.11"
}

check_disk() {
    free_mb=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
    if [ "$free_mb" -lt "$needed_mb" ]; then
        fail "about $needed_mb MB of free disk space are needed, $free_mb MB are left in $(pwd)."
    fi
}

make_venv() {
    chosen=$(find_python)
    check_disk
    rm -rf .venv
    mkdir .venv
    echo $$ >"$incomplete"
    echo "Making .venv with $("$chosen" --version)."
    "$chosen" -m venv .venv >.venv/venv.log 2>&1 && return
    cat .venv/venv.log >&2
    fail "$chosen could not make a virtual environment." \
        "Debian, Ubuntu:  apt install python3-venv  (or python3.11-venv, to match $chosen)"
}

# Whether .venv can be kept: finished once, made in this folder, and its Python still runs.
is_sound() {
    [ ! -e "$incomplete" ] && is_new_enough "$python" &&
        { [ ! -e .venv/folder ] || [ "$(cat .venv/folder)" = "$(pwd)" ]; }
}

explain_pip_failure() {
    if grep -q 'No space left' .venv/pip.log; then
        fail "the disk is full. About $needed_mb MB are needed in $(pwd), and some in the temporary folder."
    elif grep -qE 'from versions: none|NewConnectionError|NameResolutionError|ConnectTimeout|ProxyError' .venv/pip.log; then
        fail "pip reached no package index: no network, or a proxy or an index that pip was not told about." \
            "Once there is one, 'make $level' goes on. Behind a proxy, set HTTPS_PROXY; for an own index, PIP_INDEX_URL."
    elif grep -q 'No matching distribution found' .venv/pip.log; then
        fail "a pinned package has no release for $("$python" --version) on this machine (see above)." \
            "The pins are tested with Python 3.11: make $level PYTHON=/path/to/python3.11"
    fi
    fail "pip failed (see above). The whole log is in .venv/pip.log."
}

install() {
    echo $$ >"$incomplete"
    rm -f .venv/pip.log
    echo "Installing $requirements: a minute or two, longer on a slow network."
    "$python" -m pip install --quiet --disable-pip-version-check --log .venv/pip.log -r "$requirements" ||
        explain_pip_failure
    pwd >.venv/folder
    fingerprint requirements.txt >.venv/installed-lab
    fingerprint "$requirements" >"$stamp"
    rm "$incomplete" .venv/pip.log
}

if [ -s "$incomplete" ] && kill -0 "$(cat "$incomplete")" 2>/dev/null; then
    fail "another make is installing (process $(cat "$incomplete")); wait until it is done."
fi
if [ -e "$incomplete" ]; then echo "The last installation was interrupted: starting afresh."; fi
if ! is_sound; then make_venv; fi
if [ "$(fingerprint "$requirements")" != "$(cat "$stamp" 2>/dev/null)" ]; then
    check_disk
    install
fi
