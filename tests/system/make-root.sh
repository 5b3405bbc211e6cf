#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# make-root.sh FOLDER: a Debian 12 with systemd and the libraries that PackSeal runs on, and nothing of PackSeal.
# With what a program needs that links the library: a machine without network takes all of our packages.
# Made once by mmdebstrap (packages come from where apt of this machine takes them) and kept: the folder's name
# ends with a digest of this file, so that a changed list makes a new one. Prints the folder that it made or found.
# With --name only the name is printed.
set -eu

# systemd-sysv: nspawn -b looks for /sbin/init. Everything below it is what the programs link, and what our packages want.
packages='systemd,systemd-sysv,libsodium23,libjansson4,libseccomp2,libsqlite3-0,libinih1,libssl3,libcurl4,
ca-certificates,libavcodec59,libavdevice59,libavformat59,libavutil57,libswscale6,libturbojpeg0,libv4l-0,
libfreetype6,libevdev2,libudev1,libcairo2,libpango-1.0-0,libpangocairo-1.0-0,libfontconfig1,libzint2.11,
libzbar0,libmicrohttpd12,libasound2,fonts-wqy-zenhei,libsodium-dev,libjansson-dev,libssl-dev'

into=${1:?usage: make-root.sh FOLDER [--name]}
root=$into/root-$(sha256sum "$0" | cut -c1-12)
if test "${2-}" = --name || test -e "$root/.whole"; then
    echo "$root"
    exit 0
fi
mkdir -p "$into"
part=$(mktemp -d "$into/part.XXXXXX")
trap 'rm -rf "$part"' EXIT
chmod 0755 "$part"
mmdebstrap --mode=root --variant=minbase --include="$(echo "$packages" | tr -d '\n')" \
    --aptopt='Apt::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    bookworm "$part/root" >"$into/mmdebstrap.log" 2>&1 || {
    tail -n 5 "$into/mmdebstrap.log" >&2
    exit 1
}
# Nothing of it asks the network for the time or waits for one, and nobody logs in.
for unit in systemd-timesyncd.service systemd-resolved.service systemd-networkd.service console-getty.service \
    getty@.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer; do
    ln -sf /dev/null "$part/root/etc/systemd/system/$unit"
done
: >"$part/root/.whole"
mv -T "$part/root" "$root" 2>/dev/null || test -e "$root/.whole" # another one was quicker
echo "$root"
