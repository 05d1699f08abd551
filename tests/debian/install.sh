#!/bin/sh
# The programs of PACKAGE,... from a Debian SUITE, unpacked below DIR: install.sh SUITE DIR PACKAGE,...
# Nothing is configured or started and no maintainer script runs, which makes it a matter of
# seconds. Needs root (owners of files). Nothing outside DIR and DIR.part is changed.
set -eu
suite=$1 root=$2 packages=$(echo "$3" | tr , ' ')
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
part=$root.part
rm -rf "$part"
mkdir -p "$part/lists/partial" "$part/archives/partial" "$part/system"
: >"$part/status"
echo "deb $mirror $suite main" >"$part/sources.list"
# An apt of its own: other lists and another (empty) status than those of this machine.
cat >"$part/apt.conf" <<END
Dir::State "$part";
Dir::State::Lists "$part/lists";
Dir::State::status "$part/status";
Dir::Cache "$part";
Dir::Cache::archives "$part/archives";
Dir::Etc::sourcelist "$part/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Acquire::Retries "2";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
END
export APT_CONFIG="$part/apt.conf" DEBIAN_FRONTEND=noninteractive
apt-get -qq -o APT::Update::Error-Mode=any update
# shellcheck disable=SC2086
apt-get -qq --yes --download-only install \
    base-files base-passwd bash coreutils dash findutils grep hostname libc-bin login mawk mount \
    ncurses-bin passwd perl-base procps sed tini util-linux $packages

cd "$part/system"
for name in bin sbin lib lib64; do
    mkdir -p "usr/$name"
    ln -s "usr/$name" "$name"
done
find "$part/archives" -name '*.deb' -print0 | xargs -0 -n 1 -P 2 sh -c '
    dpkg-deb --fsys-tarfile "$0" | tar -xpf - --keep-directory-symlink \
        --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale'
# What maintainer scripts would have done, as far as anything here asks for it.
cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
chmod 1777 tmp
ln -sf dash usr/bin/sh
ln -sf mawk usr/bin/awk
chroot . ldconfig
for program in usr/sbin/*-wlm; do
    [ ! -e "$program" ] || ln -sf "${program##*/}" "${program%-wlm}"
done
[ ! -e usr/bin/dot ] || chroot . dot -c
mv "$part/system" "$root"
rm -rf "$part"
