#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# `make image`: the disk starts by its own boot loader, a set-up file on a USB stick makes it a station, and it records.
# Real here: the image as it is given away, BIOS, GRUB, the stick as a USB disk with FAT, the keyboard as a USB keyboard.
# Not real: the camera is a film source named in the set-up file, for the image holds nothing of the test's.
import glob
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import BUILD, HOME, PACKSEAL, PATIENCE, SRC, Machine, skip_all, tap, wait_for  # noqa: E402
from station import run, verdict  # noqa: E402

IMAGE = os.path.join(os.path.dirname(HOME), "image", "packseal.img")
KEYS = {"S": "shift-s", "F": "shift-f"}
CODES = ("SF1234567890123", "SF9876543210123")
SETUP = """# made by image.t
station = 打包三号台
id = ST03
operator = 0017
camera.top = lavf:lavfi:testsrc2=size=320x240:rate=5
scanner.gun = evdev:/dev/input/by-id/usb-QEMU_QEMU_USB_Keyboard_KBD0001-event-kbd
"""


def type_code(m, code):
    for c in code:
        m.monitor("sendkey %s 30" % KEYS.get(c, c))
    m.monitor("sendkey ret 30")


def inside(disk, command):
    """debugfs on the partition, without a mount."""
    r = run("debugfs", "-R", command, disk + "?offset=1048576", timeout=120)
    return r.stdout.decode(errors="replace")


if not os.path.exists(IMAGE):
    r = run("bash", os.path.join(SRC, "image", "make-image.sh"), IMAGE, timeout=900,
            env={**os.environ, "PACKSEAL_SRC": SRC, "PACKSEAL_BUILD": BUILD})
    tap.diag((r.stdout + r.stderr).decode(errors="replace"))
    if r.returncode != 0:
        tap.ok(False, "the image is made")
        tap.done()

m = Machine(disk="to come", boot_own="to come")
with m:
    m.disk = os.path.join(m.dir, "disk.img")
    subprocess.run(["cp", "--sparse=always", IMAGE, m.disk], check=True)
    m.usb_stick = os.path.join(m.dir, "stick.img")
    with open(os.path.join(m.dir, "packseal-setup.conf"), "w", encoding="utf-8") as f:
        f.write(SETUP)
    with open(m.usb_stick, "wb") as f:
        f.truncate(16 << 20)
    subprocess.run(["mkfs.vfat", "-n", "PACKSEAL", m.usb_stick], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["mcopy", "-i", m.usb_stick, os.path.join(m.dir, "packseal-setup.conf"), "::"], check=True)
    m.power_on()
    m.monitor("device_add usb-kbd,id=kbd,bus=xhci.0,serial=KBD0001")
    tap.ok(wait_for(lambda: "Linux version" in m.console() or "systemd" in m.console(), 180 * PATIENCE, 1),
           "the disk starts by its own boot loader", m.console()[-500:])
    tap.ok(wait_for(lambda: "Sets the station up" in m.console() or "et the station up" in m.console(), 300 * PATIENCE, 1),
           "the stick is read", m.console()[-1500:])
    if not tap.ok(wait_for(lambda: "Started packseal-recorder@ST03" in m.console() or "Started \x1b[0;1;39mpackseal-recorder@ST03"
                           in m.console(), 300 * PATIENCE, 1), "the recorder says that it is ready", m.console()[-3000:]):
        tap.done()
    time.sleep(3)
    type_code(m, CODES[0])
    time.sleep(15)
    type_code(m, CODES[1])
    time.sleep(20)
    m.cut_power()
    # What a second machine reads from that disk: the journal of the file system is replayed on a copy.
    part = os.path.join(m.dir, "part.ext4")
    subprocess.run(["dd", "if=" + m.disk, "of=" + part, "bs=1M", "skip=1", "conv=sparse", "status=none"], check=True)
    subprocess.run(["e2fsck", "-fp", part], check=False, stdout=subprocess.DEVNULL)
    out = os.path.join(m.dir, "clips")
    os.mkdir(out)
    for what in ("clips", "public"):
        run("debugfs", "-R", "rdump /var/lib/packseal/%s %s" % (what, out), part, timeout=120)
    clips = glob.glob(out + "/clips/[0-9]*/*/*/*/clip.json")
    tap.same(len(clips), 1, "the first clip was sealed when the next code came")
    if clips:
        with open(clips[0], encoding="utf-8") as f:
            s = json.load(f)
        tap.same((s["codes"][0]["value"], s["codes"][0]["entry"], s["end_reason"]), (CODES[0], "scanner", "next-code"),
                 "it is of the code that the keyboard typed")
        r = run(PACKSEAL, "verify", "--json", "--trust", out + "/public/trust", os.path.dirname(clips[0]))
        v = verdict(r)
        tap.same((v["content"], v["key"]), ("intact", "trusted"), "and verifies outside")
tap.done()
