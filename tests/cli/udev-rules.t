#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# udev rules: what make-rules takes and refuses, that rules give names and modes only, and what udev itself makes of them,
# for devices of a /sys of our own.
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
SRC = os.environ.get("PACKSEAL_SRC", os.path.abspath("."))
BUILD = os.environ.get("PACKSEAL_BUILD", os.path.join(SRC, "build", "release"))
sys.path.insert(0, os.path.join(SRC, "tests", "fakes"))
import udevtree
from rig import diag, ok, same, done

MAKE = os.path.join(SRC, "udev", "make-rules")
inside = os.environ.get("PACKSEAL_UDEVTREE") == "in"


def make(text):
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as f:
        f.write(text)
        f.flush()
        return subprocess.run(["sh", MAKE, f.name], capture_output=True, text=True, check=False)


def generator():
    r = make("# remark\n\n05e0:1200  wedge  A scanner (one)\n1eab:0106 serial Another\n")
    lines = [x for x in r.stdout.splitlines() if "PACKSEAL_SCANNER" in x]
    same((r.returncode, len(lines), r.stderr), (0, 2, ""), "a list becomes a rule a scanner")
    ok('ATTRS{idVendor}=="05e0"' in lines[0] and '"input"' in lines[0] and '"tty"' in lines[1], "each for its kind of node")
    for text, words in (("05E0:1200 wedge X\n", "VENDOR:PRODUCT"), ("05e0:12000 wedge X\n", "VENDOR:PRODUCT"),
                        ('05e0:12"0 wedge X\n', "VENDOR:PRODUCT"), ("05e0:1200 mouse X\n", "neither wedge"),
                        ("05e0:1200 wedge\n", "no model"), ("05e0:1200 wedge X\n05e0:1200 serial X\n", "given twice")):
        r = make(text)
        ok(r.returncode != 0 and words in r.stderr, "refused: " + (r.stderr.strip() or text))
    with open(os.path.join(SRC, "udev", "scanners.list"), encoding="utf-8") as f:
        known = [x for x in f if re.match("[0-9a-f]{4}:", x)]
    with open(os.path.join(BUILD, "65-packseal-scanners.rules"), encoding="utf-8") as f:
        made = [x for x in f if "PACKSEAL_SCANNER}=" in x]
    ok(len(known) == len(made) > 40, "the known scanners are all there (%d)" % len(made))


def tame():
    files = glob.glob(os.path.join(SRC, "udev", "*.rules*")) + [os.path.join(BUILD, "65-packseal-scanners.rules")]
    for path in sorted(files):
        with open(path, encoding="utf-8") as f:
            rules = [x for x in f if x.strip() and not x.startswith("#")]
        wild = [x for x in rules if re.search(r'RUN|SYSTEMD_|PROGRAM|IMPORT\{program\}|MODE="06?[0-9]?[67]"|MODE="0?666"', x)]
        labels, gotos = set(re.findall('LABEL="(.*?)"', "".join(rules))), set(re.findall('GOTO="(.*?)"', "".join(rules)))
        same((wild, gotos - labels), ([], set()), os.path.basename(path) + ": names and modes only, no jump into nowhere")


def udev_says(device):
    r = subprocess.run(["udevadm", "test", "-a", "add", "/sys" + device["path"]], capture_output=True, text=True, check=False)
    lines = (r.stdout + r.stderr).splitlines()
    complaints = [x for x in lines if re.search(r"packseal.*\.rules:\d+ .*(Invalid|Unknown|unexpected|Failed to parse|ignor)", x) and
                  "Unknown group" not in x]  # of a machine without systemd
    words = dict(x.split("=", 1) for x in lines if re.match("[A-Z_0-9]+=", x))
    # The machine's own rules give names, too.
    return [x for x in words.get("DEVLINKS", "").split() if x.startswith("/dev/packseal/")], words, complaints, "\n".join(lines)


def rules():
    bus = udevtree.Bus()
    shutil.copytree(os.path.join(SRC, "udev"), "/run/udev/rules.d", ignore=lambda _, names: [n for n in names if not n.endswith(".rules")])
    shutil.copy(os.path.join(BUILD, "65-packseal-scanners.rules"), "/run/udev/rules.d")
    port = "pci-0000:00:14.0-usb-0:%s:1.0"

    def plug(number, subsystem, in_uevent, **more):
        """What other rules find out beforehand stands in the kernel's own words here."""
        d = bus.plug(number, "/dev/null", subsystem, say=False, **more)
        with open("/sys" + d["path"] + "/uevent", "a", encoding="ascii") as f:
            f.write("".join("%s=%s\n" % x for x in in_uevent.items()))
        return d

    camera = plug("1", "video4linux", {"ID_V4L_CAPABILITIES": ":capture:", "ID_SERIAL_SHORT": "A1", "ID_PATH": port % 1})
    links, words, complaints, all_ = udev_says(camera)
    if not ok({"/dev/packseal/cam-A1", "/dev/packseal/cam-port-" + port % 1} <= set(links), "a camera has its two names"):
        diag(all_[-3000:])
    same(complaints, [], "udev understands every line")
    for number, index, caps, why in (("2", "1", ":", "second node"), ("3", "0", ":video_output:", "output")):
        d = plug(number, "video4linux", {"ID_V4L_CAPABILITIES": caps, "ID_SERIAL_SHORT": "B", "ID_PATH": port % number}, index=index)
        same(udev_says(d)[0], [], "a camera's %s has none" % why)
    wedge = plug("4", "input", {"ID_INPUT_KEYBOARD": "1", "ID_SERIAL_SHORT": "S4", "ID_PATH": port % 4}, vendor="05e0", product="1200")
    links, words = udev_says(wedge)[:2]
    ok({"/dev/packseal/scanner-S4", "/dev/packseal/scanner-port-" + port % 4} <= set(links), "a keyboard scanner too")
    same((words.get("PACKSEAL_SCANNER"), words.get("LIBINPUT_IGNORE_DEVICE")), ("wedge", None), "called a scanner, not taken from the desktop")
    mouse = plug("5", "input", {"ID_SERIAL_SHORT": "S5", "ID_PATH": port % 5}, vendor="05e0", product="1200")
    same(udev_says(mouse)[0], [], "its node without a keyboard has none")
    other = plug("6", "input", {"ID_INPUT_KEYBOARD": "1", "ID_SERIAL_SHORT": "K6", "ID_PATH": port % 6}, vendor="046d", product="c31c")
    same(udev_says(other)[0], [], "a keyboard is no scanner")
    line = plug("7", "tty", {"ID_SERIAL_SHORT": "S7", "ID_PATH": port % 7}, vendor="1eab", product="0106")
    links, words = udev_says(line)[:2]
    ok("/dev/packseal/scanner-S7" in links, "a serial scanner has its name")
    same((words.get("PACKSEAL_SCANNER"), words.get("ID_MM_DEVICE_IGNORE")), ("serial", "1"), "and is no modem")


if not inside:
    generator()
    tame()
if shutil.which("udevadm") is None:
    diag("NOT CHECKED: what udev makes of the rules: udevadm is missing: run: make deps-check")
elif os.geteuid() != 0:
    diag("NOT CHECKED: what udev makes of the rules: not root")
elif inside:
    rules()
else:
    # Once more in a /sys of its own; its points follow ours.
    r = subprocess.run([sys.executable, "-B", "-c", "import sys; sys.argv[0] = %r; sys.path.insert(0, %r); import udevtree; print(udevtree.enter())"
                        % (os.path.abspath(__file__), os.path.join(SRC, "tests", "fakes"))], capture_output=True, text=True, check=False)
    for text in r.stdout.splitlines():
        point = re.match(r"(not )?ok \d+ - (.*)", text)
        if point:
            ok(not point[1], point[2])
    diag(r.stderr.strip()[-3000:]) if r.stderr.strip() else None
    if not re.search(r"^1\.\.\d+$", r.stdout, re.M):
        ok("no namespaces" in r.stdout or "no /dev/shm" in r.stdout, "the part in a /sys of its own ran to its end: " + r.stdout[-300:])
done()
