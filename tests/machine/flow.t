#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# From power-off to a verified bundle, without a login.
# Real here: the Debian kernel, uvcvideo, usbhid, evdev, udev, systemd, the programs as installed, the check outside.
# Emulated: the processor (QEMU without KVM) and the USB devices' electronics (usbemu.c).
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import BUILD, PACKSEAL, tap, wait_for  # noqa: E402
from station_vm import CODES, Station, above, station_disk  # noqa: E402
from station import run, verdict  # noqa: E402


def statement_of(m, name):
    path = m.must("ls -d /var/lib/packseal/clips/*/*/*/%s" % name).strip()
    return json.loads(m.must("cat %s/clip.json" % path))


base = station_disk()
with Station() as m:
    m.disk = above(base, os.path.join(m.dir, "disk.qcow2"))
    m.boot()
    if not tap.ok(m.able(), "from power-off to ready without a login"):
        tap.diag(m.run("packseal status; systemctl --failed; journalctl -b -n 80 --no-pager"))
    tap.diag("command line after %.1f s, systemd: %s" % (m.up_s, m.run("systemd-analyze | head -1").strip()))
    tap.ok("no login" in m.run("test -z \"$(who)\" && echo no login"), "nobody is logged in")
    tap.same(m.run("readlink -f /sys/class/video4linux/video0/device/driver | xargs basename").strip(), "uvcvideo",
             "the camera is the kernel's uvcvideo")
    failed = m.run("systemctl --failed --no-legend --plain").strip()
    tap.same(failed, "", "no unit failed")

    m.type("gun", CODES[0] + "\n")
    tap.ok(m.until('"state":"recording".*%s' % CODES[0]), "a code typed by the USB keyboard starts a clip", m.state())
    m.run("sleep 6")
    m.type("gun", CODES[1] + "\n")
    tap.ok(m.until('"state":"recording".*%s' % CODES[1]), "another parcel's code ends it and starts the next", m.state())
    m.run("sleep 8")  # within 5 s the same code is ignored
    m.type("gun", CODES[1] + "\n")
    tap.ok(m.until('"state":"idle"', 90), "the same code again, later, ends it", m.state())
    rows = m.rows("find")
    tap.same(sorted(c["value"] if isinstance(c, dict) else c for r in rows for c in r["codes"]), sorted(CODES[:2]),
             "both clips are found")
    one = statement_of(m, "ST03-0000001") if m.status("ls -d /var/lib/packseal/clips/*/*/*/ST03-0000001")[0] == 0 else \
        statement_of(m, rows[0]["clip"])
    track = one["tracks"][0]
    tap.diag("camera in the statement: %s" % json.dumps({k: track[k] for k in ("model", "serial", "path", "driver",
                                                                              "source_format", "counts")}))
    tap.same(track["driver"], "uvcvideo", "the statement names the driver")
    tap.same(track["serial"], "CAM0001", "and the camera's serial number")
    tap.ok(track["counts"]["encoded"] > 0, "there is film", track["counts"])
    tap.same((one["codes"][0]["entry"], one["end_reason"]), ("scanner", "next-code"), "the code came by the scanner, and "
             "the next one ended the clip")

    code, text = m.cli("export", CODES[0], "-o", "/var/lib/packseal/exports/one.zip", seconds=240)
    tap.same(code, 0, "a bundle is exported inside")
    if code:
        tap.diag(text)
    bundle, trust = m.fetch("/var/lib/packseal/exports/one.zip"), m.fetch("/var/lib/packseal/public/trust")
    r = run(PACKSEAL, "verify", "--json", "--trust", trust, bundle)
    v = verdict(r)
    tap.same((r.returncode, v["content"], v["key"]), (0, "intact", "trusted"), "and verifies outside: intact, key trusted")
    flipped = bundle + ".flipped"
    with open(bundle, "rb") as f:
        data = bytearray(f.read())
    at = data.index(b"mdat") + 4000
    data[at] ^= 1
    with open(flipped, "wb") as f:
        f.write(data)
    tap.ok(run(PACKSEAL, "verify", "--trust", trust, flipped).returncode == 1, "with one bit of the film changed it does not")
    tap.same(m.status("packseal ledger check")[0], 0, "the ledger of the machine is in order")
    m.power_off()
tap.done()
