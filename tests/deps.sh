#!/bin/sh
# Debian packages: `deps.sh build` to build and run PackSeal, `deps.sh check` for its tests, `deps.sh machine` for
# `make machine-test` and `make image`, `deps.sh packages` for `make deb`.
# Installs what is missing and nothing else; with nothing missing it needs neither network nor root.
# The lists are split into words on purpose.
# shellcheck disable=SC2086
set -eu

build='build-essential pkg-config python3
    libsodium-dev libjansson-dev libseccomp-dev libsqlite3-dev libinih-dev libssl-dev libcurl4-openssl-dev
    libavcodec-dev libavdevice-dev libavformat-dev libavutil-dev libswscale-dev
    libturbojpeg0-dev libv4l-dev libfreetype-dev libevdev-dev libudev-dev libzbar-dev
    libcairo2-dev libpango1.0-dev libfontconfig-dev libzint-dev libmicrohttpd-dev libasound2-dev espeak-ng
    fonts-wqy-zenhei ffmpeg minisign unzip'

# perl brings prove; libclang-rt holds the sanitizers and libFuzzer of clang; systemd-container boots what mmdebstrap makes.
check='perl bats jq strace procps file zip openssl
    clang clang-format llvm libclang-rt-14-dev binutils universal-ctags shellcheck mandoc
    libfuse3-dev fuse3 udev chromium chromium-driver poppler-utils libfaketime zint
    systemd systemd-container mmdebstrap cage xwayland'

# grub-pc-bin and grub-common make a disk image start by itself; mtools and dosfstools fill what has no mount; ovmf is a
# UEFI firmware with Secure Boot.
machine='qemu-system-x86 qemu-utils nbdkit mmdebstrap busybox-static cpio kmod e2fsprogs mtools dosfstools fdisk
    grub-pc-bin grub-common ovmf systemd-container'

packages='debhelper dpkg-dev po-debconf lintian'

case ${1-} in
build) wanted=$build ;;
check) wanted=$check ;;
machine) wanted=$machine ;;
packages) wanted=$packages ;;
*)
    echo "usage: deps.sh build|check|machine|packages" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "packseal: packages: this is no Debian: install what corresponds to:" $wanted >&2
    exit 1
fi

missing=
count=0
for p in $wanted; do
    count=$((count + 1))
    test "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed || missing="$missing $p"
done
if test -z "$missing"; then
    echo "packages to $1: all $count are here"
    exit 0
fi
echo "packages to $1: installing$missing"

apt() {
    set -- env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 "$@"
    if test "$(id -u)" -ne 0; then
        set -- sudo "$@"
    fi
    "$@"
}

# A fresh system has no package lists; an old one may have lists that name versions long replaced.
apt-cache show $missing >/dev/null 2>&1 || apt update
apt install --no-install-recommends $missing || { apt update && apt install --no-install-recommends $missing; }
