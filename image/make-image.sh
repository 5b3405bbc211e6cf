#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A disk image that starts by itself and records: Debian 12, our programs, GRUB for a BIOS. Nothing is mounted.
# usage: make-image.sh OUT.img     (PACKSEAL_SRC, PACKSEAL_BUILD; needs root and Debian's archive)
#
# MBR, one ext4 partition from the first MiB on; GRUB's core lies in the gap before it. A set-up file on a USB stick makes
# it a station: see INSTALL.md, "A disk image".
set -euo pipefail

image=$(realpath -m "$1")
src=${PACKSEAL_SRC:?} build=${PACKSEAL_BUILD:?}
size_mb=${IMAGE_MB:-4096}
work=$(dirname "$image")/image.d
mkdir -p "$work"
cd "$work"

say() { printf '# %4s s  %s\n' "$SECONDS" "$*"; }

libraries() {
    for p in packseal packseal-verify packseal-recorder packseal-signer packseal-report; do
        objdump -p "$build/$p"
    done | awk '$1 == "NEEDED" { print $2 }' | sort -u |
        while read -r l; do dpkg-query -S "*/$l" | sed 's/:.*//' | head -1; done
}
# shellcheck disable=SC2046
packages=$(printf '%s\n' linux-image-amd64 initramfs-tools systemd systemd-sysv systemd-timesyncd udev dbus kmod \
    util-linux e2fsprogs fdisk iproute2 ifupdown isc-dhcp-client fonts-wqy-zenhei ca-certificates minisign openssl less nano \
    $(libraries) | sort -u | paste -sd,)

# Kept under a key of what it was made from: it is the long part.
base=base-$(printf '%s' "$packages" | sha256sum | cut -c1-16).tar
if ! test -e "$base"; then
    rm -rf base-*.tar new-*.tar
    mmdebstrap --quiet --variant=minbase --include="$packages" --aptopt='Apt::Install-Recommends "false"' \
        --dpkgopt='path-exclude=/usr/lib/x86_64-linux-gnu/dri/*' --dpkgopt='path-exclude=/usr/lib/x86_64-linux-gnu/libLLVM*' \
        bookworm "new-$base"
    mv "new-$base" "$base"
    say "Debian root"
fi

rm -rf root
mkdir root
tar -C root -xf "$base" --exclude='./dev/*'
# What was built is what is given away: -o all, so that nothing is built anew.
env -u MAKEFLAGS -u MAKELEVEL make -s -o all -C "$src" VARIANT="$(basename "$build")" install DESTDIR="$PWD/root" >/dev/null
${CC:-gcc} -std=c17 -D_GNU_SOURCE -O2 -Wall -Wextra -fPIE -pie -Wl,-z,relro,-z,now -D_FORTIFY_SOURCE=3 \
    -o root/usr/libexec/packseal/packseal-setup "$src/image/setup.c"
systemd-sysusers --root="$PWD/root" 2>/dev/null
install -m 0644 "$src"/image/*.service "$src"/image/*.path "$src"/image/*.mount root/usr/lib/systemd/system/
mkdir -p root/etc/packseal root/run/packseal-stick root/etc/systemd/system/multi-user.target.wants
for u in packseal-setup.path packseal-grow.service; do
    ln -sf "/usr/lib/systemd/system/$u" "root/etc/systemd/system/multi-user.target.wants/$u"
done

uuid=$(cat /proc/sys/kernel/random/uuid)
echo "UUID=$uuid / ext4 defaults,noatime,errors=remount-ro 0 1" >root/etc/fstab
echo packseal >root/etc/hostname
printf 'auto lo\niface lo inet loopback\n' >root/etc/network/interfaces
# Each machine gets an identity of its own at its first start. Nobody can log in until somebody sets a password.
: >root/etc/machine-id
sed -i 's/^root:[^:]*:/root:!:/' root/etc/shadow

kernel=$(basename root/boot/vmlinuz-*)
initrd=initrd.img-${kernel#vmlinuz-}
mkdir -p root/boot/grub
cat >root/boot/grub/grub.cfg <<EOF
set timeout=1
menuentry "PackSeal" {
    linux /boot/$kernel root=UUID=$uuid ro console=tty0 console=ttyS0
    initrd /boot/$initrd
}
EOF

# ---- partition, then what starts it -------------------------------------------------------------------
rm -f part.ext4 "$image"
truncate -s $((size_mb - 2))M part.ext4
mke2fs -q -t ext4 -U "$uuid" -L packseal -d root part.ext4
truncate -s "${size_mb}M" "$image"
printf 'label: dos\nstart=2048, size=%d, type=83, bootable\n' $(((size_mb - 2) * 2048)) | sfdisk -q "$image"
dd if=part.ext4 of="$image" bs=1M seek=1 conv=notrunc,sparse status=none
rm -rf root part.ext4

# boot.img reads the sector after it; the first sector of core.img reads the rest from there: so no list of blocks is
# written, which is what grub-install would need a mounted disk for. Bytes 440 to 511 are the partition table's.
grub=/usr/lib/grub/i386-pc
echo 'configfile (hd0,msdos1)/boot/grub/grub.cfg' >early.cfg
grub-mkimage -O i386-pc -d "$grub" -c early.cfg -p '(hd0,msdos1)/boot/grub' -o core.img \
    biosdisk part_msdos ext2 configfile normal linux minicmd echo
test "$(stat -c %s core.img)" -lt $((2047 * 512))
dd if="$grub/boot.img" of="$image" bs=440 count=1 conv=notrunc status=none
dd if=core.img of="$image" bs=512 seek=1 conv=notrunc status=none
say "$(du -h "$image" | cut -f1) $image"
