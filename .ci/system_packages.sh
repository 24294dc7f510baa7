#!/bin/sh
# Installs the Debian packages that some tests need, where it may; else says what is left out.
set -u
missing=
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v bwrap >/dev/null 2>&1 || missing="$missing bubblewrap"
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then as_root="sudo -n"; fi
if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
    echo "Installing for the tests:$missing"
    # shellcheck disable=SC2086 - one word a package
    $as_root apt-get update -qq &&
        $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
fi
echo "Not installed:$missing. Without chromium the tests that open a browser are left out,"
echo "without bubblewrap those of the grader's walls. On Debian or Ubuntu: apt install$missing"
