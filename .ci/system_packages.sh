#!/bin/sh
# Installs the Debian package that some tests need, where it may; else says what is left out.
set -u
command -v chromium >/dev/null 2>&1 && exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then as_root="sudo -n"; fi
if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
    echo "Installing chromium for the tests that need a browser."
    $as_root apt-get update -qq &&
        $as_root apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0
fi
echo "chromium is not installed: the tests marked 'browser' are left out."
echo "On Debian or Ubuntu: apt install chromium"
