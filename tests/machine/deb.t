#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# The Debian packages on the machine: an older version installed from files, a station set up, a clip recorded; upgraded in the
# middle of the next clip, started anew, removed in the middle of a third, purged without and with the answer yes.
# Real here: the packages of `make deb`, apt and dpkg, kernel, systemd, udev, uvcvideo, the signer's confinement. The older
# version is the same files under a lower number, as in tests/system/deb.t, which has what a container can show: more cases,
# and that packages are reproducible. Not real: no archive is asked, for what they depend on is on the machine.
import glob
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import BUILD, HOME, SRC, prepare, skip_all, tap  # noqa: E402
from station_vm import CODES, Station  # noqa: E402
from station import run  # noqa: E402

DEB = os.path.join(SRC, "build", "deb")
NAMES = ("packseal", "packseal-verify")
ROOT = "/var/lib/packseal"
RECORDER, SIGNER = "packseal-recorder@ST03.service", "packseal-signer@ST03.service"
OLD = "0.0.9"


def packages():
    """What `make deb` makes, and the same files under a lower version; two folders."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    r = run("sh", os.path.join(SRC, "debian", "make-packages.sh"), DEB, env=env, timeout=3000)
    if not tap.same(r.returncode, 0, "the packages are made"):
        tap.diag((r.stdout + r.stderr).decode(errors="replace")[-2000:])
        tap.done()
    home = os.path.join(HOME, "debs")
    shutil.rmtree(home, ignore_errors=True)
    for version in ("old", "new"):
        os.makedirs(os.path.join(home, version))
    for name in NAMES:
        deb, = glob.glob(os.path.join(DEB, name + "_*.deb"))
        shutil.copy(deb, os.path.join(home, "new"))
        lower(deb, os.path.join(home, "old", name + ".deb"), os.path.join(home, "tree"))
    return home


def lower(deb, out, tree):
    version = run("dpkg-deb", "-f", deb, "Version").stdout.decode().strip()
    subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
    control = os.path.join(tree, "DEBIAN", "control")
    with open(control, encoding="utf-8") as f:
        text = f.read()
    with open(control, "w", encoding="utf-8") as f:
        f.write(text.replace("Version: %s\n" % version, "Version: %s\n" % OLD).replace("(= %s)" % version, "(= %s)" % OLD))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, out], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)


def machine_without_us():
    """The disk of a Debian that has what the packages depend on, and nothing of ours."""
    prepare()
    home = os.path.join(HOME, "deb")
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home)
    os.symlink("../kernel", os.path.join(home, "kernel"))
    base, = glob.glob(os.path.join(HOME, "base-*.tar"))
    root = os.path.join(home, "new-root")
    os.mkdir(root)
    subprocess.run(["tar", "-C", root, "-xf", base, "--exclude=./dev/*"], check=True)
    tap.same([f for f in glob.glob(root + "/usr/*/*packseal*") + glob.glob(root + "/lib/systemd/system/packseal*")], [],
             "nothing of ours is on the machine")
    r = run("bash", os.path.join(SRC, "tests", "machine", "prepare.sh"), home, root, timeout=900,
            env={**os.environ, "PACKSEAL_SRC": SRC, "PACKSEAL_BUILD": BUILD})
    if not tap.same(r.returncode, 0, "its disk is made"):
        tap.diag((r.stdout + r.stderr).decode(errors="replace")[-2000:])
        tap.done()
    return home


def apt(m, *words):
    return m.status("DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends " + " ".join(words), 400)


def versions(m):
    return set(m.run("dpkg-query -W -f '${Version}\\n' %s" % " ".join(NAMES)).split())


def programs(m):
    """Process and file of recorder and signer: a file that is (deleted) is of a version that is gone."""
    return [m.run("p=$(systemctl show -P MainPID %s); echo $p $(readlink /proc/$p/exe)" % u).split() for u in (RECORDER, SIGNER)]


def evidence(m, only=""):
    """What must outlive everything, byte by byte."""
    return m.must("cd %s && find clips%s signer ledger public /etc/packseal -type f -not -path '*/.part/*' -exec sha256sum {} + | "
                  "sort" % (ROOT, only), 240)


def clip_by_scanner(m, code):
    """A clip that begins by the USB scanner; its name."""
    tap.ok(m.scan(code, '"state":"recording".*%s' % code), "a scan starts a clip: " + code, m.state())
    m.film(20)
    return m.state()["clip"]


def judged(m, clip):
    return m.status("packseal-verify --trust %s/public/trust %s/clips/[0-9]*/*/*/%s" % (ROOT, ROOT, clip), 240)


def installed(m):
    code, said = apt(m, "install", "/mnt/host/debs/old/*.deb")
    if not tap.same(code, 0, "apt installs the older version from files"):
        tap.diag(said[-2000:])
        tap.done()
    tap.same(versions(m), {OLD}, "it is there")
    found = m.run("find %s /etc/packseal; systemctl list-units --plain --no-legend 'packseal*'" % ROOT).split()
    tap.ok(not [f for f in found if f.endswith(".key") or ".service" in f or f.startswith(ROOT + "/signer/")],
           "no key was made, nothing runs", found)
    m.plug_camera("top", port=0, serial="CAM0001")
    m.plug("gun", "keyboard --serial GUN0001 --port 8")
    tap.ok(m.wait("test -e /dev/packseal/cam-CAM0001 && test -e /dev/input/by-id/*GUN0001*event-kbd", 60),
           "a camera that is plugged in has the name that the package's rules give it", m.run("ls -l /dev/packseal"))
    m.set_up({"top": "v4l2:serial=CAM0001"}, {"gun": "evdev:auto"})
    m.must("systemctl start packseal@ST03.target", 240)
    tap.ok(m.able(180), "one command, and it is a station that records", m.state(), m.run("journalctl -b -n 30 --no-pager"))
    clip = clip_by_scanner(m, CODES[0])
    m.must("packseal stop", 240)
    tap.same(judged(m, clip)[0], 0, "its first clip is judged by packseal-verify: intact, key trusted")
    return clip


def renewed(m, before):
    """Whether both daemons have become others, whose files are there."""
    def are_new():
        now = programs(m)
        return all(len(n) == 2 and n[0] not in ("0", b[0]) and "deleted" not in n[1] for n, b in zip(now, before))
    for _ in range(120):
        if are_new():
            return True
        m.run("sleep 1")
    return False


def upgraded(m, first):
    clip = clip_by_scanner(m, CODES[1])
    kept, before = evidence(m, "/[0-9]*/*/*/" + first), programs(m)
    code, said = apt(m, "install", "/mnt/host/debs/new/*.deb")
    tap.ok(code == 0 and OLD not in versions(m), "apt upgrades both in the middle of a clip", said[-1500:], versions(m))
    now, after = m.state(), programs(m)
    tap.ok(now["state"] == "recording" and now.get("clip") == clip and [p[0] for p in after] == [p[0] for p in before],
           "the clip goes on, by the same processes", now, before, after)
    m.film(20)
    m.must("packseal stop", 240)
    tap.ok(renewed(m, before), "after it both became the new programs", before, programs(m))
    tap.ok(m.able(180), "which can record", m.state())
    s = m.newest()
    tap.same(("ST03-%07d" % s["clip"], s["end_reason"], s["tracks"][0]["lost"]), (clip, "stop", []),
             "nobody but the packer ended the clip, nothing is lost")
    tap.same([judged(m, c)[0] for c in (first, clip)], [0, 0], "both clips are intact, key trusted")
    gone = set(kept.splitlines()) - set(evidence(m).splitlines())
    tap.ok(not [line for line in gone if "/clips/" in line or " clips/" in line or "public/" in line or "/etc/packseal" in line],
           "the older version's clip, keys and configuration are the same bytes", *sorted(gone))
    m.power_off()
    m.boot()
    tap.ok(m.able(180), "and after a start the new version records by itself", m.state())


def removed(m):
    clip = clip_by_scanner(m, CODES[2])
    code, said = apt(m, "remove", "packseal")
    tap.same(code, 0, "removed in the middle of a clip")
    left = m.run("systemctl list-units --plain --no-legend --state=active,activating,failed 'packseal*'; pgrep -l packseal")
    tap.same(left.strip(), "", "nothing of it runs")
    s = m.newest()
    tap.same(("ST03-%07d" % s["clip"], s["end_reason"]), (clip, "shutdown"), "the clip that was open is sealed, and says why it ended")
    tap.same(judged(m, clip)[0], 0, "and is intact")
    tap.diag(said[-300:])


def purged(m):
    before = evidence(m)
    code, said = apt(m, "purge", "packseal")
    tap.ok(code == 0 and "are kept" in said, "purged with nobody to ask: it says that the evidence is kept", said[-800:])
    tap.ok(before.count(".mp4") >= 3 and evidence(m) == before, "clips, ledger, keys and configuration are what they were")
    m.power_off()
    m.boot()
    tap.same(m.run("systemctl --failed --no-legend --plain; systemctl list-units --all --plain --no-legend 'packseal*'").strip(),
             "", "the machine starts without it, and misses nothing")
    code, said = apt(m, "install", "/mnt/host/debs/new/*.deb")
    m.must("packseal init --service --station '打包三号台' --id ST03 --camera top=v4l2:serial=CAM0001", 240)
    tap.ok(code == 0 and m.able(180), "installed anew, and set up anew, it is the same station", said[-500:], m.state())
    clip = clip_by_scanner(m, CODES[3])
    m.must("packseal stop", 240)
    tap.same((judged(m, clip)[0], m.status("packseal ledger check", 240)[0]), (0, 0), "whose ledger goes on")
    m.must("echo packseal packseal/purge-evidence boolean true | debconf-set-selections")
    code, said = apt(m, "purge", *NAMES)
    left = m.run("ls -d %s* /etc/packseal; dpkg -l | grep packseal; find /etc /usr /lib -name '*packseal*'" % ROOT)
    tap.ok(code == 0 and not [x for x in left.splitlines() if "No such file" not in x],
           "purged with the answer yes all of it is gone", said[-800:], left)


for tool, package in (("dh_installsysusers", "debhelper"), ("dpkg-buildpackage", "dpkg-dev"), ("lintian", "lintian"),
                      ("podebconf-display-po", "po-debconf")):
    if shutil.which(tool) is None:
        skip_all("%s is not here: package %s: run: sh tests/deps.sh packages" % (tool, package))
debs = packages()
home = machine_without_us()
with Station(home=home) as m:
    shutil.move(debs, os.path.join(m.share, "debs"))
    m.boot()
    first = installed(m)
    upgraded(m, first)
    removed(m)
    purged(m)
    m.power_off()
shutil.rmtree(home, ignore_errors=True)
tap.done()
