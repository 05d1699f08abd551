#!/bin/sh
# A Debian below DIR, from the ordinary archive: install-debian.sh SUITE DIR PACKAGE,...
# Needs root (chroot). Nothing outside DIR is changed; nothing is started.
set -eu
suite=$1 root=$2 packages=$3
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$root.part"
cd "$root.part"
if ! command -v debootstrap >/dev/null; then
    apt-get download debootstrap
    dpkg -x debootstrap_*.deb tool
    export DEBOOTSTRAP_DIR="$PWD/tool/usr/share/debootstrap"
    PATH="$PWD/tool/usr/sbin:$PATH"
fi
debootstrap --variant=minbase --include="$packages" "$suite" system "$mirror"
mv system "$root"
cd / && rm -rf "$root.part"
