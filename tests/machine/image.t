#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# `make image`: the disk starts by its own boot loader, a set-up file on a USB stick makes it a station, and it records; from
# UEFI with Secure Boot it starts and becomes a station as well.
# Real here: the image as it is given away, BIOS (SeaBIOS) and UEFI (OVMF, with the keys that machines are sold with), shim,
# GRUB, the stick as a USB disk with FAT, the keyboard as a USB keyboard.
# Not real: the camera is a film source named in the set-up file, for the image holds nothing of the test's.
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import BUILD, HOME, PACKSEAL, PATIENCE, SRC, UEFI, Machine, skip_all, tap, wait_for  # noqa: E402
from station import run, verdict  # noqa: E402
from web import PASSWORD, Web, free_port  # noqa: E402

IMAGE = os.path.join(os.path.dirname(HOME), "image", "packseal.img")
KEYS = {"S": "shift-s", "F": "shift-f"}
CODES = ("SF1234567890123", "SF9876543210123")
DISK_MB = 16384
ROOT_MB = 66  # where its file system begins
READY = r"packseal\[\d+\]: state +idle"  # what `packseal status` says
SETUP = """# made by image.t
station = 打包三号台
id = ST03
operator = 0017
camera.top = lavf:lavfi:testsrc2=size=320x240:rate=5
scanner.gun = evdev:/dev/input/by-id/usb-QEMU_QEMU_USB_Keyboard_KBD0001-event-kbd
listen = 0.0.0.0:8480
"""


class Box(Machine):
    """With a network card, a server of addresses, and a port of this machine that leads to its pages."""

    def __init__(self, **how):
        self.port = free_port()
        super().__init__(disk="to come", boot_own="to come", network=True, **how)

    def _arguments(self, snapshot):
        return [a + ",hostfwd=tcp:127.0.0.1:%d-:8480" % self.port if a == "user,id=net" else a
                for a in super()._arguments(snapshot)]


def type_code(m, code):
    for c in code:
        m.monitor("sendkey %s 30" % KEYS.get(c, c))
    m.monitor("sendkey ret 30")


def look_at_disk(m, out):
    """What another machine reads from that disk now, into a folder: the journal of the file system is replayed on a copy.
    The statements of clips that are there."""
    part = os.path.join(m.dir, "part.ext4")
    shutil.rmtree(out, ignore_errors=True)
    os.mkdir(out)
    subprocess.run(["dd", "if=" + m.disk, "of=" + part, "bs=1M", "skip=%d" % ROOT_MB, "conv=sparse", "status=none"], check=True)
    subprocess.run(["e2fsck", "-fp", part], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for what in ("clips", "public"):
        run("debugfs", "-R", "rdump /var/lib/packseal/%s %s" % (what, out), part, timeout=120)
    os.unlink(part)
    return glob.glob(out + "/clips/[0-9]*/*/*/*/clip.json")


def newest(*patterns):
    return max((os.path.getmtime(f) for p in patterns for f in glob.glob(p)), default=0)


# An image of other programs than those that are tested is no image.
if newest(IMAGE) < newest(BUILD + "/packseal*", SRC + "/image/*"):
    r = run("bash", os.path.join(SRC, "image", "make-image.sh"), IMAGE, timeout=900,
            env={**os.environ, "PACKSEAL_SRC": SRC, "PACKSEAL_BUILD": BUILD})
    tap.diag((r.stdout + r.stderr).decode(errors="replace"))
    if r.returncode != 0:
        tap.ok(False, "the image is made")
        tap.done()



def switch_on(m):
    """The image on a larger disk, a stick with the set-up file, a keyboard; until the screen says that it can record."""
    m.disk = os.path.join(m.dir, "disk.img")
    subprocess.run(["cp", "--sparse=always", IMAGE, m.disk], check=True)
    os.truncate(m.disk, DISK_MB << 20)
    m.usb_stick = os.path.join(m.dir, "stick.img")
    with open(os.path.join(m.dir, "packseal-setup.conf"), "w", encoding="utf-8") as f:
        f.write(SETUP)
    with open(m.usb_stick, "wb") as f:
        f.truncate(16 << 20)
    subprocess.run(["mkfs.vfat", "-n", "PACKSEAL", m.usb_stick], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["mcopy", "-i", m.usb_stick, os.path.join(m.dir, "packseal-setup.conf"), "::"], check=True)
    m.power_on()
    m.monitor("device_add usb-kbd,id=kbd,bus=xhci.0,serial=KBD0001")
    begun = time.monotonic()
    tap.ok(wait_for(lambda: "Linux version" in m.console() or "systemd" in m.console(), 180 * PATIENCE, 1),
           "the disk starts by its own boot loader", m.console()[-500:])
    tap.ok(wait_for(lambda: "configured  /etc/packseal/packseal.conf" in m.console(), 300 * PATIENCE, 1),
           "the stick is read, and the machine says that it is a station", m.console()[-1500:])
    ready = tap.ok(wait_for(lambda: re.search(READY, m.console()), 300 * PATIENCE, 1), "the screen says that it can record",
                   m.console()[-3000:])
    tap.diag("%.0f s from power-on" % (time.monotonic() - begun))
    return ready


def by_browser(m):
    """What the screen says is enough to become the administrator from another machine."""
    said = wait_for(lambda: re.search(r"web pages +http://10\.0\.2\.15:8480/(?s:.)*?\b([0-9A-Z]{4}-[0-9A-Z]{4})\b", m.console()),
                    180 * PATIENCE, 1)
    if not tap.ok(said, "the screen tells the address of the pages, and a code", m.console()[-1500:]):
        return
    w = Web(m.port)
    body = {"code": said.group(1), "name": "chef", "password": PASSWORD, "language": "en"}
    status, o = w.json("POST", "/setup", body, timeout=60 * PATIENCE)
    tap.ok((status, o and o.get("role")) == (200, "admin"), "which make the first administrator from another machine", status, o)


def by_bios(m):
    if not switch_on(m):
        return
    by_browser(m)
    free = wait_for(lambda: re.search(r"disk +(\d+) MB free", m.console()), 60 * PATIENCE)  # some lines after that one
    tap.ok(free and int(free.group(1)) > DISK_MB * 3 // 4, "it took the room of its disk", free and free.group())
    type_code(m, CODES[0])
    time.sleep(15 * PATIENCE)  # nothing tells from outside how far it is: the screen is silent, and the disk comes later
    type_code(m, CODES[1])
    out = os.path.join(m.dir, "seen")
    wait_for(lambda: look_at_disk(m, out), 200 * PATIENCE, 10)
    m.cut_power()
    look_at_disk(m, out)
    clips = glob.glob(out + "/clips/[0-9]*/*/*/*/clip.json")
    tap.same(len(clips), 1, "the first clip was sealed when the next code came")
    if clips:
        with open(clips[0], encoding="utf-8") as f:
            s = json.load(f)
        # QEMU's monitor types as slowly as a person, and the recorder may well say so.
        tap.ok((s["codes"][0]["value"], s["codes"][0]["device"], s["end_reason"]) == (CODES[0], "gun", "next-code") and
               s["codes"][0]["entry"] in ("manual", "scanner"), "it is of the code that the keyboard typed", s["codes"])
        r = run(PACKSEAL, "verify", "--json", "--trust", out + "/public/trust", os.path.dirname(clips[0]))
        v = verdict(r)
        tap.same((v["content"], v["key"]), ("intact", "trusted"), "and verifies outside")
    r = run("sfdisk", "--verify", m.disk)
    tap.ok(r.returncode == 0 and b"No errors" in r.stdout, "both copies of its partition table are in order", r.stdout, r.stderr)


def by_uefi(m):
    tap.diag("UEFI, Secure Boot on")
    switch_on(m)
    said = [line for line in m.console().splitlines() if re.search(r"efi: EFI v|[Ss]ecure ?boot", line)]
    tap.ok(re.search(r"Secure boot enabled", m.console()), "the kernel was started by UEFI, with Secure Boot", *said)
    tap.diag("\n".join(said))


with Box() as m:
    by_bios(m)
if os.path.exists(UEFI % "CODE"):
    with Box(uefi=True) as m:
        by_uefi(m)
else:
    tap.ok(True, "UEFI # SKIP no firmware for it here: package ovmf")
tap.done()
