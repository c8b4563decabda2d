#!/bin/sh
# Installs the Debian packages named as arguments, those that are missing and no others.
# It is not for other systems: there it names what is needed and stops.
set -eu

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    echo "This is not Debian or Ubuntu, so nothing is installed. The packages needed are called there:"
    echo "    $*"
    echo "They usually have these names elsewhere:"
    echo "    Fedora:  alsa-lib-devel dbus-devel pulseaudio-libs-devel pkgconf gcc gcc-c++ cmake"
    echo "    Arch:    alsa-lib dbus libpulse pkgconf gcc cmake"
    echo "    Alpine:  alsa-lib-dev dbus-dev pulseaudio-dev pkgconf gcc g++ cmake musl-dev"
    echo "Going on as if they were installed."
    exit 0
fi

missing=""
for package in "$@"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    if [ "$status" != installed ]; then
        missing="$missing $package"
    fi
done

if [ -z "$missing" ]; then
    exit 0
fi

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "These packages are missing, and there is no sudo to install them with:"
        echo "   $missing"
        echo "As root, run: apt-get install --no-install-recommends$missing"
        exit 1
    fi
    as_root="sudo"
fi

echo "Installing:$missing"
install() {
    # The list of packages is split into words on purpose.
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $missing
}
# The package lists of a fresh machine are empty or old; they are fetched only when they are needed.
install || {
    echo "Fetching the package lists first."
    $as_root apt-get update && install
}
