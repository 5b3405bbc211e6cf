#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The machine under test, from nothing: a Debian kernel, a Debian root with our programs, an ext4 image, an initramfs.
# usage: prepare.sh OUT [ROOT]   (PACKSEAL_SRC, PACKSEAL_BUILD: the tree and the programs; needs root and Debian's archive)
# With ROOT the machine is made of that folder, which becomes part of OUT: a Debian root where our programs are already.
# Nothing is mounted. What is costly is kept in OUT under a key of what it was made from.
set -euo pipefail

out=$1 given_root=${2:+$(realpath "$2")}
src=${PACKSEAL_SRC:?} build=${PACKSEAL_BUILD:?}
here=$src/tests/machine
mkdir -p "$out"
cd "$out"
exec 9>lock
flock 9

say() { printf '# %4s s  %s\n' "$SECONDS" "$*"; }

# ---- kernel: the package taken apart, not installed ------------------------------------------------
kernel=$(apt-cache depends linux-image-amd64 | awk '/Depends:/ { print $2; exit }')
test -n "$kernel" || { echo "packseal: machine: no linux-image-amd64 known: run: apt-get update" >&2; exit 1; }
if ! test -e "kernel/$kernel"; then
    rm -rf kernel && mkdir kernel
    (cd kernel && apt-get download -q "$kernel" >/dev/null 2>&1)
    dpkg-deb -x kernel/*.deb kernel/x
    rm kernel/*.deb
    depmod -b kernel/x "$(basename kernel/x/lib/modules/*)"
    touch "kernel/$kernel"
    say "kernel $kernel"
fi
tree=$PWD/kernel/x
version=$(basename "$tree"/lib/modules/*)
ln -sf "x/boot/vmlinuz-$version" kernel/vmlinuz

modules() { # the files of these modules and of all that they need, in the order to load them
    for m in "$@"; do
        modprobe -d "$tree" -S "$version" --show-depends "$m" | awk '$1 == "insmod" { print $2 }'
    done | awk '!seen[$0]++'
}

# ---- root: Debian and the packages that hold the libraries that our programs name ------------------
libraries() {
    for p in "$build"/packseal*; do
        if test -f "$p"; then objdump -p "$p"; fi
    done | awk '$1 == "NEEDED" { print $2 }' | sort -u |
        while read -r l; do dpkg-query -S "*/$l" | sed 's/:.*//' | head -1; done
}
# shellcheck disable=SC2046
packages=$(printf '%s\n' systemd systemd-sysv udev kmod util-linux procps e2fsprogs iproute2 debconf dosfstools \
    evtest strace openssl python3-minimal libpython3-stdlib fonts-wqy-zenhei ca-certificates \
    $(libraries) | sort -u | paste -sd,)
# What a graphics card would need comes with libavdevice, and no program of ours loads it; manuals nobody reads here.
# dpkg has to find the folders of its exclusions by the names that packages use.
base=base-$(printf '%s %s' "$packages" 2 | sha256sum | cut -c1-16).tar
if test -z "$given_root" && ! test -e "$base"; then
    rm -rf base-*.tar new-*.tar
    hide=()
    for p in /usr/share/man /usr/share/doc /usr/share/locale /usr/share/info /usr/share/icons \
        /usr/lib/x86_64-linux-gnu/dri '/usr/lib/x86_64-linux-gnu/libLLVM' '/usr/lib/x86_64-linux-gnu/libz3'; do
        hide+=("--dpkgopt=path-exclude=$p*")
    done
    mmdebstrap --quiet --variant=minbase --include="$packages" "${hide[@]}" \
        --aptopt='Apt::Install-Recommends "false"' bookworm "new-$base"
    mv "new-$base" "$base"
    say "Debian root"
fi

# ---- what is made anew when our programs or the rig change ------------------------------------------
staged=$(mktemp -d "$PWD/stage.XXXXXX")
trap 'rm -rf "$staged"' EXIT
# The one place that knows how our programs come onto the machine. MAKEFLAGS and its like are those of the make that
# called us, and none of this one's affair. What was built is what is tested: -o all, so that nothing is built anew.
stage_product() {
    env -u MAKEFLAGS -u MAKELEVEL make -s -o all -C "$src" VARIANT="$(basename "$build")" install DESTDIR="$staged/product"
}
put_product() {
    cp -a "$staged/product/." "$1"
    systemd-sysusers --root="$1"
}
test -n "$given_root" || stage_product >/dev/null
cc=${CC:-gcc}
$cc -std=c17 -D_GNU_SOURCE -O2 -Wall -Wextra -static -o "$staged/usbemu" "$here/usbemu.c"
key=$( (echo "$base $kernel"; cd "$staged" && find . -type f -print0 | sort -z | xargs -0 sha256sum; cat "$here/prepare.sh") |
    sha256sum | cut -c1-16)
if test -z "$given_root" && test -e machine.key && test "$(cat machine.key)" = "$key"; then
    say "the machine is here: $key"
    exit 0
fi
rm -rf machine.key ./*.qcow2 root initramfs
if test -n "$given_root"; then
    mv "$given_root" root
else
    mkdir root
    tar -C root -xf "$base" --exclude=./dev/\*
    put_product root
fi

mkdir -p "root/lib/modules/$version" root/mnt/host root/etc/rig/usb root/usr/local/sbin
modules uvcvideo vhci-hcd usbhid hid-generic evdev cdc-acm usb-storage sd_mod vfat nls_ascii nls_cp437 nls_utf8 xhci-pci \
    virtio_blk virtio_pci virtio_console virtio_net 9p 9pnet_virtio ext4 crc32c_generic fuse loop >module-files
cp "$tree/lib/modules/$version"/modules.{order,builtin,builtin.modinfo} "root/lib/modules/$version/"
sed "s|^$tree/||" module-files | tar -C "$tree" -cf - -T - | tar -C root -xf - --keep-directory-symlink
depmod -b root "$version"
install -m 0755 "$staged/usbemu" root/usr/local/sbin/usbemu

echo '/dev/vda / ext4 defaults,noatime 0 1' >root/etc/fstab
echo station >root/etc/hostname
: >root/etc/machine-id
printf '%s\n' vhci-hcd usbhid >root/etc/modules-load.d/rig.conf
for u in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer e2scrub_reap.service \
    systemd-firstboot.service systemd-networkd.service systemd-timesyncd.service serial-getty@ttyS0.service; do
    ln -sf /dev/null "root/etc/systemd/system/$u"
done

# Commands of the test come over the second serial line: no login, no network.
cat >root/usr/local/sbin/rig-agent <<'EOF'
#!/bin/bash
stty raw -echo </dev/ttyS1
exec >/dev/ttyS1 2>&1
cd /root
echo RIG-IS-UP
# Through a pipe, for a shell on a terminal talks more than it is asked.
cat /dev/ttyS1 | bash --norc --noprofile
EOF
cat >root/etc/systemd/system/rig-agent.service <<'EOF'
[Unit]
Description=Command line of the test
[Service]
Environment=HOME=/root TERM=dumb PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
ExecStart=/usr/local/sbin/rig-agent
KillMode=process
[Install]
WantedBy=multi-user.target
EOF
# A plugged device is a file in /etc/rig/usb with its arguments: it is there again after a power cut. Its end of the
# cable is a FIFO: what is written to it is typed or sent.
cat >root/usr/local/sbin/rig-usb <<'EOF'
#!/bin/bash
mkdir -p /run/rig
test -p "/run/rig/$1" || mkfifo "/run/rig/$1"
read -r arguments <"/etc/rig/usb/$1"
exec usbemu $arguments <>"/run/rig/$1"
EOF
cat >root/etc/systemd/system/rig-usb@.service <<'EOF'
[Unit]
Description=USB device %i of the test
After=systemd-modules-load.service
[Service]
ExecStart=/usr/local/sbin/rig-usb %i
# It is a device, not a program of this machine: it stays until the end, and nobody waits for it.
KillMode=mixed
KillSignal=SIGKILL
# Its electronics do not wait for the machine's processor: a recorder that encodes must not slow down a scanner's keys.
CPUSchedulingPolicy=rr
CPUSchedulingPriority=50
EOF
cat >root/etc/systemd/system/rig-usb.service <<'EOF'
[Unit]
Description=USB devices that are plugged in at boot
After=systemd-modules-load.service systemd-udevd.service
[Service]
Type=oneshot
ExecStart=/bin/bash -c 'for f in /etc/rig/usb/*; do test ! -e "$f" || systemctl start --no-block "rig-usb@$(basename "$f")"; done'
[Install]
WantedBy=multi-user.target
EOF
chmod +x root/usr/local/sbin/rig-*
mkdir -p root/etc/systemd/system/multi-user.target.wants
for u in rig-agent rig-usb; do
    ln -sf "../$u.service" root/etc/systemd/system/multi-user.target.wants/$u.service
done

# ---- films of the cameras ---------------------------------------------------------------------------
film=${PACKSEAL_FOOTAGE:-$src/../shared/footage}/box-640x480.mp4
given=(-i "$film")
if ! test -e "$film"; then
    say "NOT REAL: no film of a packing bench here (PACKSEAL_FOOTAGE): a test picture instead"
    given=(-f lavfi -i testsrc2=size=640x480:rate=10)
fi
mkdir -p root/usr/local/share/rig
for size in 320x240 640x480 352x288; do
    ffmpeg -nostdin -v error -y "${given[@]}" -t 8 -an -r 10 -vf "scale=${size/x/:}:out_range=full,format=yuvj422p" \
        -c:v mjpeg -huffman default -q:v 6 -f mjpeg "root/usr/local/share/rig/$size.mjpeg" 2>/dev/null || {
        # The film's first slice is damaged, as real films are; ffmpeg ends with an error after it made all pictures.
        test -s "root/usr/local/share/rig/$size.mjpeg"
    }
done

# ---- initramfs: mount the disk, go on ------------------------------------------------------------------
mkdir -p initramfs/{bin,proc,sys,dev,root,m}
cp "$(command -v busybox)" initramfs/bin/busybox
modules virtio_blk virtio_pci crc32c_generic ext4 | while read -r f; do
    cp "$f" initramfs/m/
    basename "$f"
done >initramfs/order
cat >initramfs/init <<'EOF'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
while read m; do $b insmod /m/$m; done </order
i=0
while [ ! -b /dev/vda ] && [ $i -lt 200 ]; do $b usleep 50000; i=$((i + 1)); done
$b mount -t ext4 -o noatime /dev/vda /root || exec $b sh
$b mount --move /dev /root/dev
$b umount /proc /sys
exec $b switch_root /root /lib/systemd/systemd
EOF
chmod +x initramfs/init
(cd initramfs && find . | cpio -o -H newc 2>/dev/null | gzip -1) >initramfs.cpio.gz

# ---- disk ------------------------------------------------------------------------------------------------
rm -f disk.ext4
truncate -s 6G disk.ext4
mke2fs -q -t ext4 -d root -L station disk.ext4
rm -rf root initramfs
echo "$key" >machine.key
say "disk image: $(du -h disk.ext4 | cut -f1)"
