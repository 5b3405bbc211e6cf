#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Scanners that are no grabbed keyboard: one that is shared with the console, as an ERP on the same machine needs it, and two that
# speak HID without being keyboards. Real here: usbhid, evdev, hidraw, udev with the shipped rules, the console, the recorder in
# its unit. Emulated: the processor, and the devices' electronics (usbemu.c), whose descriptors are those of HID POS and of a
# vendor's counted reports.
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import tap  # noqa: E402
from station_vm import CODES, ready_station  # noqa: E402

CONF = "/etc/packseal/packseal.conf"
MORE = "\n[scanner pos]\nsource = hidraw:serial=POS0001\n\n[scanner com]\nsource = hidraw:serial=COM0001\n"
ITEMS = ("POS-ITEM-1", "POS-" + "7" * 60, "COM-ITEM-1", "COM-ITEM-2")


def set_up(m):
    m.plug("pos", "pos --serial POS0001 --port 10")
    m.plug("com", "com --serial COM0001 --port 11")
    tap.ok(m.wait("test \"$(ls /dev/hidraw* | wc -l)\" -ge 3", 60), "the kernel has hidraw nodes for all three", m.run("ls -l /dev/hidraw*"))
    # An emulated processor brings keys late: with the 50 ms of a shared scanner it would tear its scans.
    m.must("sed -i '/^\\[scanner gun\\]/a share = yes\\ngap_ms = 200' %s && printf '%s' >>%s && systemctl restart packseal-recorder@ST03"
           % (CONF, MORE.replace("\n", "\\n"), CONF), 240)
    m.must("systemctl stop getty@tty1 2>/dev/null; (setsid cat </dev/tty1 >/tmp/console.typed &)")
    if not tap.ok(m.able() and m.wait("! packseal status --json | grep -q scanner-lost", 60), "the recorder has all three scanners"):
        tap.diag(m.run("packseal status --json; journalctl -b -n 40 --no-pager -u 'packseal-recorder@*'; ls -l /dev/hidraw* /dev/packseal"))


def shared(m):
    tap.ok(m.scan(CODES[0], '"state":"recording".*%s' % CODES[0]), "a code typed by the shared keyboard starts a clip", m.state())
    tap.ok(m.wait("grep -q %s /tmp/console.typed" % CODES[0], 60), "and the console gets the keys as well",
           m.run("cat /tmp/console.typed"))
    tap.ok("grabbed by another" not in m.status("timeout 5 evtest $(readlink -f /dev/input/by-id/*GUN0001*event-kbd) </dev/null", 60)[1],
           "the recorder has not grabbed it")
    # A person types another parcel's number: each key by itself, as far apart as fingers are.
    m.must("for c in %s; do printf %%s $c >/run/rig/gun; sleep 0.12; done; printf '\\n' >/run/rig/gun" % " ".join(CODES[2]), 120)
    tap.ok(m.wait("grep -q %s /tmp/console.typed" % CODES[2], 60), "what a person types on it reaches the console", m.run("cat /tmp/console.typed"))
    state = m.state()
    tap.ok(state["state"] == "recording" and CODES[2] not in state["codes"], "and is no scan", state)


def torn(m):
    """A pause inside a scan. A machine that is held up makes it longer than it was: once in three is enough."""
    for _ in range(3):
        m.must("printf 'XX%s' >/run/rig/gun; sleep 0.5; printf '%s\\n' >/run/rig/gun; sleep 1.5" % (CODES[2][:8], CODES[2][8:]))
        if m.wait("journalctl -b --no-pager -u 'packseal-recorder@*' | grep -q 'scanner gun: .*torn by a pause'", 5):
            break
    else:
        tap.diag(m.run("journalctl -b -n 10 --no-pager -u 'packseal-recorder@*'"))
        tap.ok(False, "a scan with a pause inside is told as torn")
        return
    tap.ok(True, "a scan with a pause inside is told as torn")
    tap.ok(not any(c.endswith(CODES[2][8:]) for c in m.state()["codes"]), "and its rest is no code", m.state()["codes"])


def by_reports(m):
    m.type("pos", ITEMS[0] + "\n")
    one = m.until(ITEMS[0], 60)
    m.type("pos", ITEMS[1] + "\n")
    tap.ok(one and m.until(ITEMS[1], 60), "codes come by point-of-sale reports, one of them in two", m.state()["codes"])
    m.type("com", ITEMS[2] + "\r")
    one = m.until(ITEMS[2], 60)
    m.type("com", ITEMS[3])  # nothing ends it but the pause
    tap.ok(one and m.until(ITEMS[3], 60), "and by counted reports, with an end and without", m.state()["codes"])
    m.unplug("pos")
    tap.ok(m.until("scanner-lost: pos", 60), "one that is pulled out is an alarm")
    m.replug("pos")
    tap.ok(m.wait("! packseal status --json | grep -q scanner-lost", 60), "put back, it is taken again", m.state()["alarms"])
    m.run("sleep 6")
    m.type("pos", CODES[0] + "\n")
    tap.ok(m.until('"state":"idle"', 60), "and ends the clip: the same code, by another scanner", m.state())
    c = m.newest()
    came = {k["value"]: k["device"] for k in c["codes"]}
    tap.same({v: came.get(v) for v in (CODES[0],) + ITEMS},
             {CODES[0]: "gun", ITEMS[0]: "pos", ITEMS[1]: "pos", ITEMS[2]: "com", ITEMS[3]: "com"}, "the statement names each code's scanner")
    tap.ok("scan-torn" in [e["what"] for e in c["events"]], "and tells of the torn one", c["events"])


with ready_station() as m:
    set_up(m)
    shared(m)
    torn(m)
    by_reports(m)
    m.power_off()
tap.done()
