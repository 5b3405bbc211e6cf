# SPDX-License-Identifier: GPL-3.0-or-later
"""A station on the whole machine: set up once, booted, kept; what the tests of this folder start from."""
import json
import os
import shutil
import subprocess
import time

from machine import HOME, PATIENCE, Failure, Machine, prepare, tap

CODES = ("SF1234567890123", "JD0012345678901", "YT8800112233445", "78310020030040")
UNIT = """[Unit]
Description=PackSeal station (the unit of INSTALL.md)

[Service]
User=packseal
ExecStart=/usr/bin/packseal run
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
"""


class Station(Machine):
    """The machine of a station whose root is /var/lib/packseal."""

    def cli(self, command, *args, seconds=120):
        """(exit status, output) of packseal as the station's user."""
        said = " ".join("'%s'" % a for a in args)
        return self.status("setpriv --reuid=packseal --regid=packseal --init-groups packseal %s %s" % (command, said), seconds)

    def rows(self, command, *args):
        _, text = self.cli(command, "--json", *args)
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def state(self):
        rows = self.rows("status")
        return rows[0] if rows else {"state": "away", "cameras": [], "alarms": []}

    def until(self, pattern, seconds=60):
        """Waits until `packseal status --json` shows a pattern (of grep -E)."""
        return self.wait("packseal status --json | grep -qE '%s'" % pattern, seconds)

    def able(self, seconds=120):
        return self.wait("packseal status", seconds, 0.5)

    def scan(self, code, pattern, seconds=60):
        """Scans until `status --json` shows the pattern, as a packer does who hears no beep. A machine that was held up in
        the middle of a scan drops it, and says so."""
        for attempt in range(3):
            self.type("gun", code + "\n")
            # A code that was taken and is typed again would be the next scan: what is being sealed is waited for.
            if self.until(pattern, seconds) or (self.state()["state"] == "sealing" and self.until(pattern, 4 * seconds)):
                return True
            tap.diag("scan %d of %s is not taken: %s" % (attempt + 1, code, self.run(
                "journalctl -b -n 5 --no-pager -u 'packseal-recorder@*'")))
        return False

    def film(self, pictures, seconds=120, camera=0):
        """Waits until a camera gave so many pictures more."""
        def encoded():
            cameras = self.state()["cameras"]
            return cameras[camera]["encoded"] if len(cameras) > camera else 0
        begun, end = encoded(), time.monotonic() + seconds * PATIENCE
        while encoded() - begun < pictures:
            if time.monotonic() > end:
                tap.diag("camera %d gave no %d pictures in %.0f s" % (camera, pictures, seconds * PATIENCE))
                return False
            time.sleep(0.3)
        return True

    def newest(self):
        return json.loads(self.must("cat $(ls -td /var/lib/packseal/clips/[0-9]*/*/*/*/ | head -1)/clip.json"))

    def statement(self, name):
        return json.loads(self.must("cat /var/lib/packseal/clips/[0-9]*/*/*/%s/clip.json" % name))

    def has_units(self):
        return self.status("packseal init --help | grep -q -- --service && "
                           "test -e /usr/lib/systemd/system/packseal-recorder@.service")[0] == 0

    def set_up(self, cameras, scanners):
        """What a merchant's IT person does once, as root."""
        words = ["--station", "'打包三号台'", "--id", "ST03", "--operator", "0017"]
        for name, source in cameras.items():
            words += ["--camera", "%s=%s" % (name, source)]
        for name, source in scanners.items():
            words += ["--scanner", "%s=%s" % (name, source)]
        if self.has_units():
            self.must("packseal init --service --no-start " + " ".join(words))
        else:
            tap.diag("NOT REAL: no packaged units here yet: the unit of INSTALL.md runs `packseal run`")
            self.must("getent passwd packseal >/dev/null || useradd --system --user-group --home /var/lib/packseal "
                      "--create-home packseal; for g in video dialout input; do usermod -aG $g packseal; done; "
                      "chown packseal: /var/lib/packseal; chmod 755 /var/lib/packseal")
            code, text = self.cli("init", *[w.strip("'") for w in words])
            if code != 0:
                raise Failure("init: " + text)
            self.put("/etc/systemd/system/packseal.service", UNIT)
            self.must("systemctl enable packseal")
        conf = self.must("ls /etc/packseal/packseal.conf /var/lib/packseal/packseal.conf 2>/dev/null | head -1; true").strip()
        # Small pictures: an emulated processor encodes 320x240 in real time, and little more.
        self.must("sed -i -e '/^\\[camera/a width = 320\\nheight = 240\\nfps = 10' -e 's/^min_free_mb *=.*/min_free_mb = 300/' " + conf)
        self.must("sync")


def station_disk():
    """A disk with a station that was set up and powered off; made once."""
    prepare()
    disk = os.path.join(HOME, "station.qcow2")
    if os.path.exists(disk):
        return disk
    with Station() as m:
        m.boot()
        tap.diag("first boot to a command line: %.1f s" % m.up_s)
        m.plug_camera("top", port=0, serial="CAM0001")
        m.plug("gun", "keyboard --serial GUN0001 --port 8")
        if not m.wait("test -e /dev/v4l/by-id/*CAM0001*index0 && test -e /dev/input/by-id/*GUN0001*event-kbd", 60):
            raise Failure("no devices: " + m.run("dmesg | tail -30; journalctl -b -n 30 --no-pager"))
        m.set_up({"top": "v4l2:serial=CAM0001"}, {"gun": "evdev:auto"})
        m.power_off()
        shutil.move(m.disk, disk + ".new")
    os.rename(disk + ".new", disk)
    return disk


def ready_disk():
    """A disk with the snapshot `ready`: booted by itself, idle, able to record. Made once."""
    base = station_disk()
    disk = os.path.join(HOME, "ready.qcow2")
    if not os.path.exists(disk):
        with Station(disk=above(base, os.path.join(HOME, "ready.qcow2.new"))) as m:
            m.boot()
            if not m.able():
                raise Failure("not ready: " + m.run("packseal status; journalctl -b -n 60 --no-pager"))
            m.save("ready")
        os.rename(disk + ".new", disk)
    return disk


def above(base, path):
    if os.path.exists(path):
        os.unlink(path)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", path], check=True)
    return path


def ready_station():
    """A station that runs and is idle, restored within a second or two; a machine of its own."""
    base = ready_disk()
    m = Station(disk="to come")
    m.disk = os.path.join(m.dir, "disk.qcow2")
    subprocess.run(["cp", "--sparse=always", base, m.disk], check=True)
    m.restore("ready")
    return m
