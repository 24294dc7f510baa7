#!/bin/sh
# Installs Debian packages where it may, or says what is missing.
# Usage: sh .ci/system_packages.sh chromium bubblewrap
set -u
missing=
for package in "$@"; do
    program=$package
    if [ "$package" = bubblewrap ]; then program=bwrap; fi
    command -v "$program" >/dev/null 2>&1 || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then as_root="sudo -n"; fi
if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
    echo "Installing:$missing"
    # shellcheck disable=SC2086 - one word a package
    $as_root apt-get update -qq &&
        $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
fi
echo "Not installed:$missing. Tests that open a browser need chromium; the grader's sandbox, and its"
echo "tests, need bubblewrap. On Debian or Ubuntu: apt install$missing"
