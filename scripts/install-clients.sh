#!/bin/sh
# Puts the control points that the tests start into target/clients: those from PyPI into a Python environment of its own,
# those from npm beside it, in the versions that tests/clients names. It does nothing when they are there.
set -eu
cd "$(dirname "$0")/.."

wanted="requirements.txt package.json package-lock.json"
clients=target/clients

up_to_date=yes
for file in $wanted; do
    cmp --silent "tests/clients/$file" "$clients/$file" || up_to_date=no
done
if [ $up_to_date = yes ]; then
    exit 0
fi

# By its command, not by its package: whoever has Node from elsewhere has npm with it, and Debian's would be in the way.
if ! command -v npm >/dev/null 2>&1; then
    scripts/install-packages.sh nodejs npm
fi

echo "Installing the control points that the tests start."
rm -rf "$clients"
mkdir -p "$clients"
python3 -m venv "$clients/python"
"$clients/python/bin/pip" install --quiet --disable-pip-version-check --requirement tests/clients/requirements.txt
cp tests/clients/package.json tests/clients/package-lock.json "$clients"
npm --prefix "$clients" ci --ignore-scripts --no-audit --no-fund --loglevel=error
# Last, so that a half-done installation is not taken for a whole one.
cp tests/clients/requirements.txt "$clients"
