#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Debian packages on a booted machine: installed by apt from files, upgraded during a clip, removed, purged. And built
a second time, elsewhere, later, under another umask: the same bytes. The lower version is the same files under a lower
number."""

import glob
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import box as boxes  # noqa: E402

NAMES = ("packseal", "packseal-verify", "libpackseal-evidence-dev")
ROOT = "/var/lib/packseal"
RECORDER, SIGNER = "packseal-recorder@ST03.service", "packseal-signer@ST03.service"
DEB = os.path.join(boxes.SRC, "build", "deb")
count = 0


def ok(good, name, why=""):
    global count
    count += 1
    print(("ok " if good else "not ok ") + f"{count} - {name}", flush=True)
    if not good and why:
        print("# " + str(why).replace("\n", "\n# "))
    return good


def make_packages(out, *how, before=()):
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "SYSTEM_BOX")}
    return subprocess.run([*before, "sh", os.path.join(boxes.SRC, "debian", "make-packages.sh"), out, *how], env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def packages(folder):
    """Those of a station. The kiosk's wants a browser and a monitor, which a container has not: it is looked at on paper."""
    return sorted(p for p in glob.glob(os.path.join(folder, "*.deb")) if "-dbgsym_" not in p and "-kiosk_" not in p)


def kiosk(deb):
    name = lambda path: os.path.basename(path)  # noqa: E731
    files = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE, check=True).stdout
    listed = tarfile.open(fileobj=io.BytesIO(files)).getnames()
    needs = field(deb, "Depends")
    ok("/usr/libexec/packseal/packseal-kiosk" in "".join(listed) and "packseal-kiosk.service" in map(name, listed) and "packseal-recorder" not in
       map(name, listed) and all(w in needs for w in ("cage", "chromium", "packseal (=")), "the kiosk is a package of its own", listed)


def field(deb, name):
    return subprocess.run(["dpkg-deb", "-f", deb, name], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def same_bytes(again, made):
    pairs = [(p, os.path.join(again, os.path.basename(p))) for p in sorted(glob.glob(os.path.join(DEB, "*.deb")))]
    other = [os.path.basename(a) for a, b in pairs if not os.path.exists(b) or open(a, "rb").read() != open(b, "rb").read()]
    ok(made.returncode == 0 and len(pairs) >= 3 and not other,
       f"built again elsewhere, later, in another time zone, under another umask: {len(pairs)} packages are the same bytes",
       made.stdout[-800:] + " ".join(other))


# ---- what the files say --------------------------------------------------------------------------------


def words_of(name, text):
    return {w for w in re.search(name, text, re.S | re.M).group(1).replace(",", " ").split() if w.startswith("lib") or w == "pkg-config"}


def on_paper(debs):
    src = boxes.SRC
    read = lambda *p: open(os.path.join(src, *p), encoding="utf-8").read()  # noqa: E731
    version = re.search(r"^VERSION := (\S+)", read("Makefile"), re.M).group(1)
    ok(sorted(field(d, "Package") for d in debs) == sorted(NAMES) and {field(d, "Version") for d in debs} == {version},
       "three packages, of the Makefile's version", debs)
    kiosk(glob.glob(os.path.join(os.path.dirname(debs[0]), "packseal-kiosk_*.deb"))[0])
    needs = words_of(r"^build='(.*?)'", read("tests", "deps.sh"))
    asks = words_of(r"^Build-Depends: (.*?)^\S", read("debian", "control") + "\nx")
    ok(needs == asks, "they are built from what tests/deps.sh names", needs ^ asks)
    deb = dict(zip([field(d, "Package") for d in debs], debs))
    small = {w.split()[0] for w in field(deb["packseal-verify"], "Depends").split(", ")}
    ok(small == {"libc6", "libsodium23", "libjansson4", "libssl3"}, "packseal-verify brings nothing but the libraries that judge", small)
    files = subprocess.run(["dpkg-deb", "-c", deb["packseal"]], stdout=subprocess.PIPE, text=True, check=True).stdout
    units = [os.path.basename(u) for u in glob.glob(os.path.join(src, "*", "packseal*@.*"))]
    wanted = ["./lib/systemd/system/" + u for u in units] + ["./lib/udev/rules.d/66-packseal.rules", "./usr/bin/packseal",
              "./usr/libexec/packseal/packseal-signer", "./usr/share/man/man1/packseal.1.gz"]
    ok(len(units) > 5 and not [w for w in wanted if " " + w + "\n" not in files], "units, rules, programs, manuals", files)
    loose = [line for line in files.splitlines() if " root/root " not in line or (line[0] != "l" and (line[5] == "w" or line[8] == "w" or "s" in line[:10]))]
    ok(not loose and not glob.glob(os.path.join(src, "debian", "*overrides")), "all is root's, nobody else writes, lintian is not overridden", loose)


def lower(debs, folder):
    """The same files under a lower version."""
    os.makedirs(folder)
    for d in debs:
        tree = os.path.join(folder, "tree")
        subprocess.run(["dpkg-deb", "-R", d, tree], check=True)
        control = os.path.join(tree, "DEBIAN", "control")
        text = open(control, encoding="utf-8").read()
        v = field(d, "Version")
        with open(control, "w", encoding="utf-8") as f:
            f.write(text.replace(f"Version: {v}\n", "Version: 0.0.9\n").replace(f"(= {v})", "(= 0.0.9)"))
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, os.path.join(folder, os.path.basename(d))],
                       check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(tree)


# ---- on the machine --------------------------------------------------------------------------------------


class Box(boxes.Box):
    def install(self):
        """Nothing of ours: that is what apt is here for."""


def apt(box, *what):
    return box.run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "--no-install-recommends", *what, timeout=300)


def status(box):
    out = box.run("packseal", "status", "--json", check=False)[1]
    return json.loads(out) if out.strip().startswith("{") else {}


def programs(box):
    """Who runs what: names with (deleted) are of a version that is gone."""
    return [(p, box.run("readlink", f"/proc/{p}/exe", check=False)[1].strip()) for p in (box.show(u, "MainPID") for u in (RECORDER, SIGNER))]


def record(box, code):
    return json.loads(box.run("packseal", "scan", code, "--json")[1] or "{}").get("clip")


def sealed(box, clip):
    said = box.run("packseal", "show", clip, "--json", check=False)[1]
    return json.loads(said) if said.startswith("{") else {}


def setting_up(box):
    return box.run("packseal", "init", "--service", "--station", "打包三号台", "--id", "ST03", "--camera",
                   "top=lavf:lavfi:testsrc2=size=320x240:rate=15")


def install(box):
    code, out, err = apt(box, "install", *[f"/old/{n}" for n in sorted(os.listdir(box.path("/old")))])
    if not ok(code == 0, "apt installs all three from files", out + err):
        return False
    versions = [box.run(p, "--version")[1].split()[:1] for p in ("packseal", "packseal-verify", "/usr/libexec/packseal/packseal-signer")]
    ok(versions == [["packseal"], ["packseal-verify"], ["packseal-signer"]], "they start", versions)
    found = box.run("find", ROOT, "/etc/packseal", check=False)[1].split()
    running = box.run("systemctl", "list-units", "--plain", "--no-legend", "packseal*")[1]
    ok(found == [ROOT] and running == "", "no key was made, nothing was started", (found, running))
    ids = box.run("sh", "-c", "id packseal; id packseal-signer; id packseal-viewer")[1]
    ok(ids.count("packseal-read") == 3 and "video" in ids, "the users are there", ids)
    code, out, err = setting_up(box)
    return ok(code == 0 and box.wait(lambda: status(box).get("able")), "one command makes it a station that records", out + err)


def upgrade(box):
    clip = record(box, "SF1234567890123")
    before = programs(box)
    code, out, err = apt(box, "install", *[f"/new/{n}" for n in sorted(os.listdir(box.path("/new")))])
    now, after = status(box), programs(box)
    ok(code == 0 and "0.0.9" not in box.run("dpkg-query", "-W", *NAMES)[1], "apt upgrades all three", out + err)
    ok(now.get("state") == "recording" and now.get("clip") == clip and [p for p, _ in after] == [p for p, _ in before],
       "the clip that was open goes on, by the same processes", (now, before, after))
    ok(all("deleted" in name for _, name in after), "... which are the old programs", after)
    box.run("packseal", "stop")
    statement = sealed(box, clip)
    ok(statement.get("end_reason") == "stop" and not statement["tracks"][0]["lost"], "it was ended by nobody but the packer",
       statement.get("end_reason"))
    renewed = box.wait(lambda: all(p not in ("0", old) and name and "deleted" not in name
                                   for (p, name), (old, _) in zip(programs(box), before)))
    ok(renewed and box.wait(lambda: status(box).get("able")), "between two clips both became the new programs", programs(box))
    timers = [box.show(f"packseal-{u}@ST03.timer", "ActiveState") for u in ("stamp", "selftest")]
    ok(timers == ["active"] * 2, "timers go on", timers)
    before = programs(box)
    code, out, err = apt(box, "install", "--reinstall", *[f"/new/{n}" for n in sorted(os.listdir(box.path("/new")))])
    renewed = box.wait(lambda: all(p not in ("0", old) and name and "deleted" not in name
                                   for (p, name), (old, _) in zip(programs(box), before)))
    ok(code == 0 and renewed and box.wait(lambda: status(box).get("able")), "without a clip they are renewed at once", (before, programs(box)))
    return clip


def judged_by_the_small_one(box, debs, clip):
    box.run("setpriv", "--reuid=packseal", "--regid=packseal", "--init-groups", "packseal", "export", clip, "-o", f"{ROOT}/exports/a.zip")
    code, out, _ = box.run("packseal-verify", "--json", "--trust", f"{ROOT}/public/trust", f"{ROOT}/exports/a.zip")
    verdict = json.loads(out.splitlines()[0] if out else "{}")
    ok(code == 0 and verdict.get("content") == "intact", "packseal-verify judges the clip that outlived the upgrade", out)
    # The library, as a stranger's program takes it from the package.
    x = os.path.join(box.dir, "dev")
    subprocess.run(["dpkg-deb", "-x", [d for d in debs if "-dev_" in d][0], x], check=True)
    folder = os.path.dirname(glob.glob(x + "/usr/lib/*/libpackseal-evidence.a")[0])
    flags = subprocess.run(["pkg-config", f"--define-variable=prefix={x}/usr", "--static", "--cflags", "--libs", "packseal-evidence"],
                           env={**os.environ, "PKG_CONFIG_PATH": folder + "/pkgconfig"}, stdout=subprocess.PIPE, text=True).stdout.split()
    built = subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Werror", "-o", x + "/example",
                            x + "/usr/share/doc/libpackseal-evidence-dev/examples/verify-bundle.c", *flags], stderr=subprocess.PIPE, text=True)
    said = subprocess.run([x + "/example", box.path(f"{ROOT}/exports/a.zip"), box.path(f"{ROOT}/public/trust")],
                          stdout=subprocess.PIPE, text=True).stdout if built.returncode == 0 else ""
    ok("content intact, key trusted" in said, "so does the example, built with what the -dev package brings", built.stderr + said)


def evidence(box):
    """Names and sizes of what must outlive everything."""
    return box.run("sh", "-c", f"cd {ROOT} && find clips signer ledger public -type f -not -path '*/.part/*' -exec sha256sum {{}} + | sort; "
                   "cat /etc/packseal/*")[1]


def remove(box):
    clip = record(box, "YT8765432109876")
    code, out, err = apt(box, "remove", "packseal")
    left = box.run("systemctl", "list-units", "--plain", "--no-legend", "--state=active,activating,failed", "packseal*")[1]
    ok(code == 0 and left == "" and box.run("pgrep", "packseal", check=False)[1] == "", "removed: nothing runs any more", out + err + left)
    ended = box.run("sh", "-c", f"cat {ROOT}/clips/*/*/*/{clip}/clip.json && ls {ROOT}/clips/*/*/*/{clip}/clip.json.minisig", check=False)
    ok(ended[0] == 0 and "shutdown" in ended[1], "the clip that was open was sealed, and says why it ended", ended)
    return evidence(box)


def purge(box, before):
    code, out, err = apt(box, "purge", "packseal")
    ok(code == 0 and "are kept" in out + err, "purged without anybody to ask", out + err)
    ok(before.count(".mp4") >= 2 and evidence(box) == before, "evidence, keys and configuration are what they were", before)
    links = box.run("sh", "-c", "ls /etc/systemd/system/multi-user.target.wants /etc/tmpfiles.d")[1]
    ok("packseal" not in links, "nothing of it starts any more", links)
    code, out, err = apt(box, "install", *[f"/new/{n}" for n in sorted(os.listdir(box.path("/new")))])
    set_up = setting_up(box)
    ok(code == 0 and set_up[0] == 0 and box.wait(lambda: status(box).get("able")), "installed anew it is the same station", err + set_up[2])
    clip = record(box, "SF2222222222222")
    box.run("packseal", "stop")
    check = box.run("setpriv", "--reuid=packseal", "--regid=packseal", "--init-groups", "packseal", "ledger", "check")
    ok(sealed(box, clip) and check[0] == 0, "... whose ledger goes on", check)


def purge_for_good(box):
    box.run("sh", "-c", f"mkdir /srv/other && touch /srv/other/clip && ln -s /srv/other {ROOT}-ST09 && mkdir -p /etc/credstore && "
            "touch /etc/credstore/packseal-ST03.passphrase /etc/credstore/others")
    box.run("debconf-set-selections", text="packseal packseal/purge-evidence boolean true\n")
    code, out, err = apt(box, "purge", *NAMES)
    left = box.run("sh", "-c", f"ls -d {ROOT}* /etc/packseal /etc/credstore/packseal*", check=False)[1]
    ok(code == 0 and left == "", "purged with the answer yes: all of it is gone", out + err + left)
    ok(os.path.exists(box.path("/srv/other/clip")) and "/srv/other" in out + err and os.path.exists(box.path("/etc/credstore/others")),
       "... but for a station elsewhere, which is named, and what is not ours", out + err)
    files = box.run("sh", "-c", "dpkg -l | grep packseal; find / -xdev -name '*packseal*' -not -path '/proc/*' -not -path '/old/*' "
                    "-not -path '/new/*' -not -path '/var/log/*' -not -path '/tmp/*' -not -path '/var/tmp/*'", check=False)[1]
    ok(files == "", "no file of it is left", files)


def main():
    for tool, package in (("dh_installsysusers", "debhelper"), ("dpkg-buildpackage", "dpkg-dev"), ("lintian", "lintian"),
                          ("podebconf-display-po", "po-debconf")):
        if shutil.which(tool) is None:
            boxes.skip(f"{tool} is not here: package {package} (make deb installs it)")
    made = make_packages(DEB)
    if not ok(made.returncode == 0, "packages are made, and lintian has nothing to say", made.stdout[-2000:]):
        print(f"1..{count}")
        return
    debs = packages(DEB)
    box = Box()
    again = os.path.join(box.dir, "somewhere", "else")
    second = []
    os.makedirs(os.path.dirname(again))
    build = threading.Thread(target=lambda: second.append(make_packages(
        again, "--unjudged", before=["sh", "-c", 'umask 077; TZ=Asia/Shanghai LC_ALL=C exec "$@"', "sh"])))
    build.start()
    try:
        on_paper(debs)
        lower(debs, box.path("/old"))
        os.mkdir(box.path("/new"))
        for d in debs:
            shutil.copy(d, box.path("/new"))
        for folder in ("/old", "/new"):
            os.chmod(box.path(folder), 0o755)
        if not box.boot():
            console = open(os.path.join(box.dir, "console"), encoding="utf-8", errors="replace").read()[-300:]
            ok(False, "systemd boots under nspawn", console)
        elif install(box):
            clip = upgrade(box)
            judged_by_the_small_one(box, debs, clip)
            before = remove(box)
            purge(box, before)
            purge_for_good(box)
        build.join()
        same_bytes(again, second[0])
    finally:
        build.join()
        box.close()
    print(f"1..{count}")


boxes.own_mounts()
main()
