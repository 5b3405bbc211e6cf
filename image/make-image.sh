#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A disk image that starts by itself and records: Debian 12, our programs, GRUB for a BIOS and for UEFI, there with Secure
# Boot too. Nothing is mounted.
# usage: make-image.sh OUT.img     (PACKSEAL_SRC, PACKSEAL_BUILD; needs root and Debian's archive)
#
# GPT: GRUB's core for a BIOS, the EFI system partition, ext4 last, so that it can grow. A set-up file on a USB stick makes it
# a station: see INSTALL.md, "A disk image".
set -euo pipefail

image=$(realpath -m "$1")
src=${PACKSEAL_SRC:?} build=${PACKSEAL_BUILD:?}
size_mb=${IMAGE_MB:-4096}
work=$(dirname "$image")/image.d
mkdir -p "$work"
cd "$work"

say() { printf '# %4s s  %s\n' "$SECONDS" "$*"; }

libraries() {
    for p in "$build"/packseal*; do
        test ! -f "$p" || objdump -p "$p"
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
install -m 0755 "$src/image/welcome.sh" root/usr/libexec/packseal/packseal-welcome
systemd-sysusers --root="$PWD/root" 2>/dev/null
install -m 0644 "$src"/image/*.service "$src"/image/*.path "$src"/image/*.mount root/usr/lib/systemd/system/
mkdir -p root/etc/packseal root/run/packseal-stick root/etc/systemd/system/multi-user.target.wants
for u in packseal-setup.path packseal-grow.service packseal-network.service packseal-screen.service packseal-welcome.service; do
    ln -sf "/usr/lib/systemd/system/$u" "root/etc/systemd/system/multi-user.target.wants/$u"
done

uuid=$(cat /proc/sys/kernel/random/uuid)
echo "UUID=$uuid / ext4 defaults,noatime,errors=remount-ro 0 1" >root/etc/fstab
echo packseal >root/etc/hostname
printf 'auto lo\niface lo inet loopback\n' >root/etc/network/interfaces # the rest: packseal-network.service
# A cable that is plugged in later is not waited for five minutes.
echo 'retry 15;' >>root/etc/dhcp/dhclient.conf
# Each machine gets an identity of its own at its first start. Nobody can log in until somebody sets a password.
: >root/etc/machine-id
sed -i 's/^root:[^:]*:/root:!:/' root/etc/shadow

# Links, which a kernel's package keeps: an upgrade of the kernel is what starts next, and the one before it is there.
test -e root/vmlinuz && test -e root/initrd.img
mkdir -p root/boot/grub
cat >root/boot/grub/grub.cfg <<EOF
set timeout=1
set fallback=1
search --no-floppy --fs-uuid --set=root $uuid
menuentry "PackSeal" {
    linux /vmlinuz root=UUID=$uuid ro console=tty0 console=ttyS0
    initrd /initrd.img
}
menuentry "PackSeal, the kernel before" {
    linux /vmlinuz.old root=UUID=$uuid ro console=tty0 console=ttyS0
    initrd /initrd.img.old
}
EOF
# Whichever disk of the machine it is, the file system is known by its number.
cat >early.cfg <<EOF
search.fs_uuid $uuid root
set prefix=(\$root)/boot/grub
configfile (\$root)/boot/grub/grub.cfg
EOF

# ---- partitions: bios, esp, root -----------------------------------------------------------------------
bios_at=1 esp_at=2 esp_mb=64 root_at=66 # MiB
root_mb=$((size_mb - root_at - 1))      # the last MiB holds the second copy of the table
rm -f part.ext4 esp.fat "$image"
truncate -s ${root_mb}M part.ext4
mke2fs -q -t ext4 -U "$uuid" -L packseal -d root part.ext4
rm -rf root

# shim is signed by the key that machines are sold with, GRUB and the kernel by Debian's, which shim knows. They are Debian's
# files as they are, in the place where a firmware looks that was told nothing: its memory needs no entry.
rm -rf efi && mkdir efi
(
    cd efi
    apt-get download -q shim-signed grub-efi-amd64-signed >/dev/null 2>&1 || {
        echo "packseal: image: shim-signed, grub-efi-amd64-signed: cannot be fetched: run: apt-get update" >&2
        exit 1
    }
    for d in *.deb; do dpkg-deb -x "$d" .; done
)
truncate -s ${esp_mb}M esp.fat
mkfs.vfat -F 32 -n ESP esp.fat >/dev/null # not PACKSEAL, which is the name of the stick
mmd -i esp.fat ::/EFI ::/EFI/BOOT ::/EFI/debian
mcopy -i esp.fat efi/usr/lib/shim/shimx64.efi.signed ::/EFI/BOOT/BOOTX64.EFI
mcopy -i esp.fat efi/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed ::/EFI/BOOT/grubx64.efi
mcopy -i esp.fat early.cfg ::/EFI/debian/grub.cfg # where the signed GRUB looks
rm -rf efi

truncate -s "${size_mb}M" "$image"
sfdisk -q "$image" <<EOF
label: gpt
start=${bios_at}MiB, size=1MiB, type=21686148-6449-6E6F-744E-656564454649, name=bios
start=${esp_at}MiB, size=${esp_mb}MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=esp
start=${root_at}MiB, size=${root_mb}MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=packseal
EOF
dd if=esp.fat of="$image" bs=1M seek=$esp_at conv=notrunc,sparse status=none
dd if=part.ext4 of="$image" bs=1M seek=$root_at conv=notrunc,sparse status=none
rm -f part.ext4 esp.fat

# ---- what starts it from a BIOS ------------------------------------------------------------------------
# boot.img is told where core.img begins (its byte 92), and the first sector of core.img where the rest does (byte 500): that
# is what grub-install would need a mounted disk for. Bytes 440 to 511 of the disk are the partition table's.
grub=/usr/lib/grub/i386-pc
grub-mkimage -O i386-pc -d "$grub" -c early.cfg -p /boot/grub -o core.img \
    biosdisk part_gpt part_msdos ext2 search search_fs_uuid configfile normal linux minicmd echo
test "$(stat -c %s core.img)" -le $((1 << 20))
first=$((bios_at * 2048))
dd if="$grub/boot.img" of="$image" bs=440 count=1 conv=notrunc status=none
dd if=core.img of="$image" bs=512 seek=$first conv=notrunc status=none
python3 - "$image" $first <<'EOF'
import struct, sys
path, first = sys.argv[1], int(sys.argv[2])
with open(path, "r+b") as f:
    for at, sector in ((92, first), (first * 512 + 500, first + 1)):
        f.seek(at)
        f.write(struct.pack("<Q", sector))
EOF
say "$(du -h "$image" | cut -f1) $image"
