#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# From power-off to a verified bundle, without a login; the scanner is a keyboard that nobody else hears.
# Real here: the Debian kernel, uvcvideo, usbhid, evdev, udev, systemd, the console, the programs as installed, the check
# outside. Emulated: the processor (QEMU without KVM) and the USB devices' electronics (usbemu.c).
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import PACKSEAL, tap  # noqa: E402
from station_vm import CODES, Station, above, station_disk  # noqa: E402
from station import run, verdict  # noqa: E402

MONOTONIC = 1  # CLOCK_MONOTONIC, linux/time.h
EVENT = 24     # struct input_event on 64 bits: seconds, microseconds, type, code, value


def event_times(trace):
    """The seconds in the events that a program read, as strace -xx shows their bytes."""
    times = []
    for said in re.findall(r'read\(\d+(?:<[^>]*>)?, "((?:\\x[0-9a-f]{2})+)"', trace):
        data = bytes.fromhex(said.replace("\\x", ""))
        times += [int.from_bytes(data[i:i + 8], "little") for i in range(0, len(data) - EVENT + 1, EVENT)]
    return times


def ready_by_itself(m):
    m.boot()
    if not tap.ok(m.able(), "from power-off to ready without a login"):
        tap.diag(m.run("packseal status; systemctl --failed; journalctl -b -n 80 --no-pager"))
    tap.diag("command line after %.1f s, systemd: %s" % (m.up_s, m.run("systemd-analyze | head -1").strip()))
    tap.ok("no login" in m.run("test -z \"$(who)\" && echo no login"), "nobody is logged in")
    tap.same(m.run("readlink -f /sys/class/video4linux/video0/device/driver | xargs basename").strip(), "uvcvideo",
             "the camera is the kernel's uvcvideo")
    tap.same(m.run("systemctl --failed --no-legend --plain").strip(), "", "no unit failed")
    cameras = m.state()["cameras"]
    tap.same([(c["source"], c["state"]) for c in cameras], [("v4l2:serial=CAM0001", "live")],
             "the camera is found by its serial number")


def two_parcels(m):
    m.must("systemctl stop getty@tty1 2>/dev/null; (setsid cat </dev/tty1 >/tmp/console.typed &)")
    tap.ok(m.scan(CODES[0], '"state":"recording".*%s' % CODES[0]), "a code typed by the USB keyboard starts a clip", m.state())
    m.film(50)
    tap.ok(m.scan(CODES[1], '"state":"recording".*%s' % CODES[1]), "another parcel's code ends it and starts the next",
           m.state())
    m.film(50)
    m.run("sleep 6")  # of the machine's own clock: within 5 s the same code is ignored
    tap.ok(m.scan(CODES[1], '"state":"idle"'), "the same code again, later, ends it", m.state())
    rows = m.rows("find")
    tap.same(sorted(c["value"] if isinstance(c, dict) else c for r in rows for c in r["codes"]), sorted(CODES[:2]),
             "both clips are found, and no other code was read")
    one = m.statement("ST03-0000001")
    track = one["tracks"][0]
    tap.same((track["driver"], track["serial"]), ("uvcvideo", "CAM0001"), "the statement names driver and serial number")
    counts = track["counts"]
    tap.ok(counts["encoded"] >= 50 and counts["damaged"] == 0, "there is film, and no damaged picture", counts)
    tap.same((one["codes"][0]["entry"], one["codes"][0]["device"], one["end_reason"]), ("scanner", "gun", "next-code"),
             "the code came by the scanner, and the next one ended the clip")


def checked_outside(m):
    code, text = m.cli("export", CODES[0], "-o", "/var/lib/packseal/exports/one.zip", seconds=240)
    if not tap.same(code, 0, "a bundle is exported inside"):
        tap.diag(text)
    bundle, trust = m.fetch("/var/lib/packseal/exports/one.zip"), m.fetch("/var/lib/packseal/public/trust")
    r = run(PACKSEAL, "verify", "--json", "--trust", trust, bundle)
    v = verdict(r)
    tap.same((r.returncode, v["content"], v["key"], v["ledger"]), (0, "intact", "trusted", "included"),
             "and verifies outside: intact, key trusted, in the ledger")
    flipped = bundle + ".flipped"
    with open(bundle, "rb") as f:
        data = bytearray(f.read())
    data[data.index(b"mdat") + 4000] ^= 1
    with open(flipped, "wb") as f:
        f.write(data)
    tap.same(run(PACKSEAL, "verify", "--trust", trust, flipped).returncode, 1, "with one bit of the film changed it does not")
    tap.same(m.status("packseal ledger check")[0], 0, "the ledger of the machine is in order")


def heard_by_nobody_else(m):
    tap.same(m.must("cat /tmp/console.typed"), "", "nothing that the scanner typed reached the console")
    event = m.must("readlink -f /dev/input/by-id/*GUN0001*event-kbd").strip()
    # evtest tries the grab for a moment before it reads.
    _, said = m.status("timeout 5 evtest %s </dev/null" % event, 60)
    tap.ok("grabbed by another process" in said, "the kernel refuses the keyboard to a second program", said[-400:])
    m.plug("desk", "keyboard --serial DESK001 --port 9")
    heard = m.wait("test -e /dev/input/by-id/*DESK001*event-kbd", 60)
    m.type("desk", "hallo\n")
    tap.ok(heard and m.wait("grep -q hallo /tmp/console.typed", 60), "a keyboard that is no scanner of ours is heard there")
    m.unplug("desk", for_good=True)


def stamped_by_the_kernel(m):
    """What the recorder asks of the real device, and the events that it gets, as strace sees them."""
    recorder = m.must("systemctl show -P MainPID 'packseal-recorder@ST03'").strip()
    m.unplug("gun")
    m.until("scanner-lost", 60)
    m.must("(setsid strace -f -p %s -xx -s 4096 -e trace=ioctl,read -e status=successful -o /tmp/gun.trace 2>/dev/null &); "
           "while ! test -s /tmp/gun.trace; do sleep .1; done" % recorder)
    m.replug("gun")
    tap.ok(m.wait("! packseal status --json | grep -q scanner-lost", 60), "the scanner, put back, is taken again", m.state())
    m.type("gun", "PS-NONE-MARK\n")
    node = m.must("readlink -f /dev/input/by-id/*GUN0001*event-kbd").strip()
    fd = m.must("for f in /proc/%s/fd/*; do test \"$(readlink $f)\" = %s && basename $f; done; true" % (recorder, node)).strip()
    m.wait("test $(sed -n '/EVIOCGRAB/,$p' /tmp/gun.trace | grep -c 'read(%s, \"') -ge 1" % fd, 30)
    uptime = float(m.must("cat /proc/uptime").split()[0])
    # From the clock's choice on: before the scanner came, that number was another file's.
    trace = m.must("kill $(pidof strace); sed -n '/EVIOCGRAB/,$p' /tmp/gun.trace | grep -E 'EVIOC|read\\(%s, '" % fd)
    tap.ok(re.search(r"EVIOCGRAB, 1\) += 0", trace), "the recorder grabs the real device", trace[:800])
    tap.ok(re.search(r"EVIOCSCLOCKID, \[%d\]\) += 0" % MONOTONIC, trace), "and asks for monotonic stamps", trace[:800])
    times = event_times(trace)
    tap.ok(times and all(0 < uptime - t < 120 for t in times), "its %d events carry them (up %.0f s)" % (len(times), uptime),
           times[:8], trace[-800:])


base = station_disk()
with Station() as m:
    m.disk = above(base, os.path.join(m.dir, "disk.qcow2"))
    ready_by_itself(m)
    two_parcels(m)
    checked_outside(m)
    heard_by_nobody_else(m)
    stamped_by_the_kernel(m)
    m.power_off()
tap.done()
