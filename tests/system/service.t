#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed station under a real systemd: set up by one command, ready after boot, users apart, and what the
units promise when programs are killed, stopped or broken. The camera is a test picture by libavformat."""

import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import box as boxes  # noqa: E402

boxes.own_mounts()
count = 0
CODE = "SF1234567890123"
LAST = "SF1234567890999"
LABEL = "SF1234567890444"
RECORDER, SIGNER, SOCKET = (f"packseal-{n}" for n in ("recorder@ST03.service", "signer@ST03.service", "signer@ST03.socket"))
PLAYER = "packseal-player@ST03.service"
ROOT = "/var/lib/packseal"


def ok(good, name, why=""):
    global count
    count += 1
    print(("ok " if good else "not ok ") + f"{count} - {name}", flush=True)
    if not good and why:
        print("# " + str(why).replace("\n", "\n# "))
    return good


def drop_in(box, unit, text):
    """A few lines for a unit, until the next boot; none takes them away."""
    folder = box.path(f"/etc/systemd/system/{unit}.d")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "test.conf"), "w", encoding="utf-8") as f:
        f.write(text)
    box.run("systemctl", "daemon-reload")


def status(box):
    code, out, _ = box.run("packseal", "status", "--json", check=False)
    return json.loads(out) if out.strip().startswith("{") else {"state": f"exit {code}"}


def as_user(box, user, command):
    return box.run("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "sh", "-c", command, check=False)


def owners(box, *folders):
    """Files below that are root's, or that others than the owner may write."""
    return box.run("find", *[f"{ROOT}/{f}" for f in folders], "(", "-user", "root", "-o", "-perm", "/022", ")",
                   "!", "-type", "l")[1].strip()


def everything(box):
    """Owner, mode and name of all there is, and the digest of each file but sockets."""
    return box.run("sh", "-c", f"find {ROOT} /etc/packseal /run/packseal /etc/tmpfiles.d ! -type s ! -path '*/index/*' -printf '%U:%G %m %p %l\\n' | sort; "
                   f"find {ROOT}/signer {ROOT}/public /etc/packseal /etc/tmpfiles.d -type f -exec sha256sum {{}} + | sort")[1]


def earlier_version(box):
    """A station whose version knew fewer folders, and whose owner chose another mode for one."""
    missing = ["links", "witness", "index", "clips/.aborted"]
    box.run("systemctl", "stop", "packseal@ST03.target")
    before = everything(box)
    box.run("sh", "-c", f"cd {ROOT} && rm -rf " + " ".join(missing) + " && chmod 2751 exports")
    code, out, err = box.run("packseal", "init", "--service", "--station", "other", "--id", "ST03", "--no-start")
    said = [line.split()[1] for line in out.splitlines() if line.startswith("made ")]
    ok(code == 0 and sorted(said) == sorted(f"{ROOT}/{m}" for m in missing),
       "a station of an earlier version gets the folders that it misses, and each is told", out + err)
    ok(f"{ROOT}/exports is left as it is" in err and "2770" in err, "what somebody chose is told, and left", err)
    box.run("chmod", "2770", f"{ROOT}/exports")
    now = everything(box)
    ok(now == before, "... and nothing else was changed", "\n".join(sorted(set(now.splitlines()) ^ set(before.splitlines()))))
    box.run("systemctl", "start", "packseal@ST03.target")
    box.run("packseal", "reindex")


def doctor(box, check, user=None):
    command = "packseal doctor --json"
    out = (as_user(box, user, command) if user else box.run("sh", "-c", command, check=False))[1]
    return [o for o in map(json.loads, out.splitlines()) if o["check"] == check]


def permissions(box, path):
    """Each wrong owner and mode is a line, and its command mends it."""
    well = [["ok"], ["ok"]]
    said = [doctor(box, "permissions", u) for u in (None, "packseal")]
    ok([[o["state"] for o in s] for s in said] == well, "doctor finds owners and modes as installed", said)
    bad = [f"chown root:root {path}/clip.json", f"chmod 0666 {path}/top.mp4", f"chmod 0777 {ROOT}/tokens",
           f"chgrp packseal {ROOT}/witness", f"chmod 0644 {ROOT}/signer/clip.key", f"chown packseal {ROOT}/public/trust",
           "chmod 0755 /run/packseal/ST03", "chmod 0666 /run/packseal/ST03/signer.sock", "chmod 0600 /etc/packseal/packseal.conf",
           f"rm {ROOT}/run", f"chown packseal {ROOT}"]
    box.run("sh", "-c", " && ".join(bad))
    said = doctor(box, "permissions")
    named = [o for o in said if o["state"] == "mend" and any(o["text"].startswith(b.split()[-1] + " ") for b in bad)]
    ok(len(said) == len(named) == len(bad), f"... and names each of {len(bad)} that are not", said)
    mended = [box.run("sh", "-c", o["todo"])[0] for o in said]
    again = doctor(box, "permissions")
    ok(mended == [0] * len(said) and [o["state"] for o in again] == ["ok"], "the commands that it says mend them", again)


def set_up(box):
    box.run("systemd-sysusers")
    box.run("ldconfig")
    refused = box.run("setpriv", "--reuid=packseal", "--clear-groups", "packseal", "init", "--service", "--station", "x",
                      check=False)
    ok(refused[0] != 0 and "sudo" in refused[2], "init --service is root's", refused)
    code, out, err = box.run("packseal", "init", "--service", "--station", "打包三号台", "--id", "ST03", "--camera",
                             "top=lavf:lavfi:testsrc2=size=320x240:rate=15")
    ok(code == 0 and "clip key" in out, "one command sets the station up, and starts it", out + err)
    ok(box.show(RECORDER, "ActiveState") == "active" and "ready" in
       box.run("journalctl", "-b", "-u", RECORDER, "-o", "cat")[1], "the recorder said READY=1")
    journal = lambda: box.run("journalctl", "-b", "-u", PLAYER, "-o", "cat")[1]  # noqa: E731
    said = box.wait(lambda: "no sound card" in journal() and journal())
    ok(said and said.count("no sound card") == 1 and box.show(PLAYER, "ActiveState") == "active" and "denied" not in said and
       box.wait(lambda: journal().count("no recorder runs") == journal().count("the recorder is there")),
       "the player has found the recorder, and says once that there is no sound card", journal())
    before = box.run("sh", "-c", f"cat {ROOT}/public/* /etc/packseal/*")[1]
    code, out, err = box.run("packseal", "init", "--service", "--station", "other", "--id", "ST03")
    ok(code == 0 and box.run("sh", "-c", f"cat {ROOT}/public/* /etc/packseal/*")[1] == before,
       "said again it changes nothing", out + err)
    ok("nothing was missing" in err and "made" not in out, "... and says so", out + err)
    box.run("sh", "-c", f"rm /etc/packseal/ST03.env {ROOT}/run; rmdir {ROOT}/holds; chown root:root {ROOT}/tokens")
    code, out, err = box.run("packseal", "init", "--service", "--station", "other", "--id", "ST03")
    found = box.run("sh", "-c", f"stat -c '%U:%G %a' {ROOT}/holds {ROOT}/tokens; readlink {ROOT}/run; cat /etc/packseal/ST03.env")[1]
    ok(code == 0 and found == "packseal:packseal-read 2750\n" * 2 + f"/run/packseal/ST03\nPACKSEAL_ROOT={ROOT}\n",
       "... but what is missing or half made is completed", found + err)
    earlier_version(box)
    box.run("chown", "packseal-viewer", f"{ROOT}/clips")
    code, out, err = box.run("packseal", "init", "--service", "--station", "other", "--id", "ST03", check=False)
    ok(code == 1 and "chown -R" in err, "a folder of somebody else's is named and left alone", err)
    box.run("chown", "packseal", f"{ROOT}/clips")
    code, out, err = box.run("packseal", "init", "--service", "--station", "x", "--id", "X", "--root", "/tmp/x", check=False)
    ok(code != 0 and "hidden" in err, "a root that the units cannot see is refused", err)


def users_apart(box):
    ok(box.wait(lambda: status(box).get("signer") == "confined"), "the signer is confined under its unit", status(box))
    said = as_user(box, "packseal", "packseal doctor --json")[1]
    ok('"check":"confinement","state":"ok"' in said.replace(" ", ""), "... and has a user of its own", said)
    for user in ("packseal", "packseal-viewer"):
        ok(as_user(box, user, f"ls {ROOT}/signer")[0] != 0, f"{user} cannot look at the keys")
    ok(as_user(box, "packseal", f"mv {ROOT}/signer {ROOT}/signer2")[0] != 0, "... nor move their folder away")
    ok(as_user(box, "packseal", f": >{ROOT}/ledger/entries")[0] != 0, "packseal cannot write the ledger")


def a_clip(box):
    """Recorded while the signer is killed: the clip goes on."""
    said = box.run("packseal", "scan", CODE, "--json")[1]
    name = json.loads(said or "{}").get("clip")
    pid = box.show(SIGNER, "MainPID")
    socket_before = box.run("stat", "-c", "%i", "/run/packseal/ST03/signer.sock")[1]
    box.run("sh", "-c", f"kill -9 {pid}")
    back = box.wait(lambda: box.show(SIGNER, "ActiveState") == "active" and box.show(SIGNER, "MainPID") not in ("0", pid))
    ok(back, "a killed signer comes back")
    ok(box.run("stat", "-c", "%i", "/run/packseal/ST03/signer.sock")[1] == socket_before,
       "... behind the same socket, which nobody had to wait for")
    now = status(box)
    ok(now["state"] == "recording" and now["clip"] == name, "the clip goes on meanwhile", now)
    code, out, err = box.run("packseal", "stop", "--json")
    ok(code == 0 and json.loads(out)["clip"] == name, "... and is sealed", out + err)
    ok(owners(box, "clips", "ledger", "index") == "", "all files belong to the station's users, none is for others to write",
       owners(box, "clips", "ledger", "index"))
    path = f"{ROOT}/" + json.loads(out or "{}").get("path", "none")
    ok(as_user(box, "packseal-viewer", f"cat {path}/clip.json >/dev/null && ! touch {path}/x")[0] == 0,
       "the readers' group reads a clip, and cannot write there")
    ok(as_user(box, "packseal-signer", f"cat {path}/checkpoint >/dev/null")[0] == 0,
       "the signer sees the checkpoint that left it")
    return path


def outside(box):
    """By another program, on this side of the wall."""
    code, _, err = as_user(box, "packseal", f"packseal export {CODE} -o {ROOT}/exports/clip.zip")
    ok(code == 0, "a bundle is exported inside", err)
    zip_path = os.path.join(box.dir, "clip.zip")
    with open(zip_path, "wb") as f:
        f.write(open(box.path(f"{ROOT}/exports/clip.zip"), "rb").read())
    judged = subprocess.run([os.path.join(boxes.BUILD, "packseal-verify"), "--json", "--trust",
                             box.path(f"{ROOT}/public/trust"), zip_path], stdout=subprocess.PIPE, text=True)
    verdict = json.loads(judged.stdout.splitlines()[0])
    ok(judged.returncode == 0 and verdict["content"] == "intact" and verdict["key"] == "trusted",
       "... and verifies outside: intact, by the registered key", judged.stdout)
    box.run("packseal", "reindex")
    ok(owners(box, "index", "tokens") == "", "what root starts by hand leaves no file of root's")


def retention(box, path):
    """In its unit, as the user whom the signer takes tombstones from: what is held stays, what is not goes."""
    config = "/etc/packseal/packseal.conf"
    box.run("packseal", "scan", "SF9999999999999")
    gone = f"{ROOT}/" + json.loads(box.run("packseal", "stop", "--json")[1])["path"]
    code, _, err = as_user(box, "packseal-viewer", f"packseal hold {os.path.basename(path)} --note x")
    ok(code == 0, "whoever reads clips may hold one", err)
    # The disk's reserve is more than there is: all may go that is not held, and that is not enough.
    box.run("sh", "-c", f"cp -p {config} {config}.was; printf '[retention]\\nmin_days = 0\\nreserve_mb = 90000000\\n' >>{config}")
    code = box.run("systemctl", "start", "packseal-prune@ST03.service", check=False)[0]
    said = box.run("journalctl", "-b", "-u", "packseal-prune@ST03", "-o", "cat")[1]
    errors = box.run("journalctl", "-b", "-u", "packseal-prune@ST03", "-p", "err", "-o", "cat")[1]
    left = gone.replace("/clips/", "/clips/.removed/")
    there = box.run("sh", "-c", f"ls {gone} 2>&1; ls {left}; ls {path}", check=False)[1]
    ok("removed" in said and "removed.json" in there and "No such file" in there and there.count("top.mp4") == 1,
       "retention removes a clip in its unit, and not the held one", said + there)
    ok(code != 0 and "nothing more may go" in errors, "a reserve that cannot be met is an error of the journal", said)
    ok(owners(box, "clips", "index", "holds") == "", "... and leaves no file of root's", owners(box, "clips", "index", "holds"))
    ok(box.show("packseal-prune@ST03.timer", "ActiveState") == "active", "a timer does so every 10 minutes")
    box.run("sh", "-c", f"mv {config}.was {config}")
    box.run("packseal", "hold", os.path.basename(path), "--release")


def watchdog(box):
    drop_in(box, "packseal-recorder@.service", "[Service]\nWatchdogSec=4\nRestartSec=100ms\n")
    box.run("systemctl", "restart", RECORDER)
    box.run("packseal", "scan", "YT9876543210987")
    pid = box.show(RECORDER, "MainPID")
    box.run("sleep", "6")
    ok(box.show(RECORDER, "MainPID") == pid and status(box)["state"] == "recording",
       "a recorder that gets on feeds its watchdog")
    box.run("sh", "-c", f"kill -STOP {pid}")
    came = box.wait(lambda: box.show(RECORDER, "ActiveState") == "active" and box.show(RECORDER, "MainPID") not in ("0", pid))
    ok(came, "one that hangs is killed and started again")
    ok("Watchdog timeout" in box.run("journalctl", "-b", "-u", RECORDER, "-o", "cat")[1], "... by the watchdog")

    def recovered():
        found = box.run("packseal", "find", "YT9876543210987", "--json", check=False)[1]
        return json.loads(found.splitlines()[0])["reason"] if found.strip() else ""
    ok(box.wait(recovered) == "crash", "the clip that it left open is sealed with its reason", recovered())
    drop_in(box, "packseal-recorder@.service", "")


def crash_loop(box):
    """Faster than any default limit would bear."""
    drop_in(box, "packseal-signer@.service", "[Service]\nType=simple\nExecStart=\nExecStart=/bin/false\nRestartSec=20ms\n")
    box.run("systemctl", "kill", "-s", "KILL", SIGNER)
    looped = box.wait(lambda: int(box.show(SIGNER, "NRestarts") or 0) > 40)
    ok(looped, "a signer that cannot start is tried again and again")
    ok(box.show(SOCKET, "ActiveState") == "active", "its socket outlasts that", box.show(SOCKET, "Result"))
    box.run("packseal", "scan", CODE)
    ok(status(box)["state"] == "recording", "the recorder records without it", status(box))
    drop_in(box, "packseal-signer@.service", "")
    ok(box.wait(lambda: box.show(SIGNER, "ActiveState") == "active" and box.show(SIGNER, "SubState") == "running"),
       "once it can, it is back without a word from anybody")
    code, out, err = box.run("packseal", "stop", "--json", check=False)
    box.wait(lambda: status(box)["state"] == "idle")
    takes = box.run("packseal", "find", CODE, "--json")[1].splitlines()
    ok(len(takes) == 2, "... and seals what was recorded without it", out + err + "".join(takes))
    lines = box.run("journalctl", "-b", "-u", SIGNER, "-p", "err", "-o", "cat")[1]
    ok(len(lines.splitlines()) < 400, "the journal was not flooded", f"{len(lines.splitlines())} lines")


def label_film(box):
    """Ten seconds of a bench with a printed label, where the units see it; None without the tools to make it."""
    if shutil.which("zint") is None or shutil.which("ffmpeg") is None:
        return None
    label, film = os.path.join(box.dir, "label.png"), box.path("/srv/label.avi")
    made = subprocess.run(["zint", "-b", "CODE128", "-d", LABEL, "--height=40", "--scale=1", "--whitesp=10", "--vwhitesp=10",
                           "--notext", "-o", label], stderr=subprocess.PIPE, text=True)
    if made.returncode == 0:
        made = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=10",
                               "-i", label, "-filter_complex", "overlay=60:150,scale=out_range=full,format=yuvj420p", "-t", "10",
                               "-c:v", "mjpeg", "-q:v", "4", film], stderr=subprocess.PIPE, text=True)
    ok(made.returncode == 0, "a film with a label is made", made.stderr)
    return "/srv/label.avi"


def label_in_unit(box):
    """The thread that reads labels wants a lower priority, which the unit's filter refuses: it reads all the same."""
    film, unit = label_film(box), "packseal-recorder@ST04.service"
    if film is None:
        print("# zint or ffmpeg is missing: labels are not read in the unit here")
        return
    box.run("sh", "-c", f"sed -i 's|^source = .*|source = lavf:{film}|' {ROOT}-ST04/packseal.conf && systemctl restart {unit}")
    box.run("packseal", "scan", "--root", f"{ROOT}-ST04", LABEL)
    box.run("sleep", "4")
    out = box.run("packseal", "stop", "--root", f"{ROOT}-ST04", "--json")[1]
    with open(box.path(f"{ROOT}-ST04/" + json.loads(out or "{}").get("path", "none") + "/clip.json"), encoding="utf-8") as f:
        clip = json.load(f)
    ok(clip["label"] == "matched", "labels are read in the unit", clip["label"])
    pid = box.show(unit, "MainPID")
    nice = box.run("sh", "-c", f"for t in /proc/{pid}/task/*; do read -r c <$t/comm; [ $c = watch ] && cut -d' ' -f19 $t/stat; done",
                   check=False)[1].split()
    ok(nice == ["0"], "... at normal priority, for the unit forbids another", nice)
    lines = box.run("journalctl", "-b", "-u", unit, "-o", "cat")[1].splitlines()
    ok(sum("priority" in line or "Operation not permitted" in line for line in lines) <= 1, "... without a flood of lines", lines)


def http(box, method, path, *headers, body=""):
    """Asked from inside, where there is a shell and no browser."""
    rows = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers]
    if body:
        rows += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
    ask = "\\r\\n".join(rows) + "\\r\\n\\r\\n"
    return box.run("bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/8480; printf '{ask}' >&3; printf %s \"$1\" >&3; cat <&3", "ask", body, check=False)[1]


def web_pages(box):
    """The viewer in its unit: its user, its socket, its folder, and the recorder's."""
    unit = "packseal-viewer@ST03.service"
    ok(box.wait(lambda: box.show(unit, "ActiveState") == "active"), "the viewer is up, by the target", box.run("systemctl", "status", unit, check=False)[1])
    who = box.run("stat", "-c", "%U", "/proc/" + box.show(unit, "MainPID"), check=False)[1].strip()
    ok(who == "packseal-viewer", "... as a user of its own", who)
    ok('"setup":true' in http(box, "GET", "/api/v1/session"), "it answers, and waits for its first administrator")
    code, out, err = as_user(box, "packseal", "packseal code")
    ok(code != 0 and "root" in err, "its code is not the recorder's to see", out + err)
    code = json.loads(box.run("packseal", "code", "--json")[1])["code"]
    said = http(box, "POST", "/api/v1/setup", body=json.dumps({"code": code, "name": "chef", "password": "eine Kiste voll", "language": "en"}))
    cookie = said.split("Set-Cookie: ")[-1].split(";")[0]
    ok('"role":"admin"' in said and cookie.startswith("packseal="), "root's code makes the administrator", said)
    said = http(box, "GET", "/api/v1/station", "Cookie: " + cookie)
    ok('"state":"' in said and '"recent":[' in said, "the pages reach the recorder and the index", said)
    box.run("systemctl", "reload", unit)
    ok(box.wait(lambda: '"user":"chef"' in http(box, "GET", "/api/v1/session", "Cookie: " + cookie)), "who is signed in stays so when it is renewed")
    mode = box.run("stat", "-c", "%U %a", f"{ROOT}/viewer/viewer.db")[1].strip()
    ok(mode == "packseal-viewer 600", "its database is nobody else's", mode)


def second_station(box):
    """Another one beside it, its keys under a passphrase that systemd hands over."""
    box.run("sh", "-c", "echo 'correct horse battery staple' >/root/words && chmod 600 /root/words")
    code, out, err = box.run("packseal", "init", "--service", "--station", "ST04", "--passphrase-file", "/root/words",
                             "--camera", "top=lavf:lavfi:testsrc2=size=320x240:rate=5")
    ok(code == 0 and f"{ROOT}-ST04" in out, "a second station has a root of its own", out + err)
    ok(box.wait(lambda: box.show("packseal-signer@ST04.service", "SubState") == "running"),
       "its signer opens keys with a credential", box.run("journalctl", "-b", "-u", "packseal-signer@ST04", "-o", "cat")[1])
    text = open(box.path(f"{ROOT}-ST04/signer/clip.key"), encoding="utf-8").read()
    ok("correct horse" not in text and oct(os.stat(box.path("/etc/credstore/packseal-ST04.passphrase")).st_mode)[-4:] == "0600",
       "the passphrase is root's alone")
    label_in_unit(box)
    box.run("systemctl", "disable", "--now", "packseal@ST04.target")
    gone = box.wait(lambda: box.show("packseal-recorder@ST04.service", "ActiveState") == "inactive")
    ok(gone and box.show(RECORDER, "ActiveState") == "active", "stopping one station's target stops that station alone")


def self_test(box, path):
    code, _, _ = box.run("systemctl", "start", "packseal-selftest@ST03.service")
    said = box.run("journalctl", "-b", "-u", "packseal-selftest@ST03", "-o", "cat")[1]
    ok(code == 0 and "verified" in said, "the self-test runs in its unit", said)
    film = box.path(path + "/top.mp4")
    with open(film, "r+b") as f:
        f.seek(os.path.getsize(film) // 2)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 1]))
    code = box.run("systemctl", "start", "packseal-selftest@ST03.service", check=False)[0]
    errors = box.run("journalctl", "-b", "-u", "packseal-selftest@ST03", "-p", "err", "-o", "cat")[1]
    ok(code != 0 and "verify: altered" in errors, "a bent film fails it, and is an error of the journal", errors)


def after_boot(box):
    box.run("packseal", "scan", LAST, "--json")
    ok(box.wait(lambda: status(box).get("state") == "recording"), "a clip is open when the machine is switched off", status(box))
    time.sleep(3)    # a segment of it
    box.halt()
    ok(box.boot(), "the machine is switched off, and on again")
    able = box.wait(lambda: status(box).get("able"))
    ok(able, "it can record, and nobody logged in", status(box))
    found = box.run("packseal", "find", LAST, "--json")[1]
    ok(json.loads(found or "{}").get("reason") == "shutdown", "the clip was sealed before the signer ended", found)
    ok(box.show("packseal@ST03.target", "ActiveState") == "active" and box.show(SIGNER, "ActiveState") == "active",
       "signer and recorder are up, by the socket and by the target")
    box.run("systemctl", "stop", "packseal@ST03.target")
    down = box.wait(lambda: all(box.show(u, "ActiveState") == "inactive" for u in (RECORDER, SIGNER, SOCKET)))
    ok(down, "stopping the target stops all of them")


def recovery(box):
    """By root, as a rename in ROOT needs; the signer has to open what it made."""
    what = f"find {ROOT}/signer {ROOT}/ledger {ROOT}/ledger.1 {ROOT}/public -printf '%u:%g %m %P\\n'"
    code, _, err = box.run("/usr/libexec/packseal/packseal-signer", "--dir", f"{ROOT}/signer", check=False)
    ok(code != 0 and "start the signer as that user" in err, "root runs no signer on another user's keys", err)
    code, out, err = box.run("/usr/libexec/packseal/packseal-signer", "--dir", f"{ROOT}/signer", "--recover")
    ok(code == 0 and "new ledger" in out, "root begins a new ledger on the stopped station", out + err)
    roots = [line for line in box.run("sh", "-c", what)[1].splitlines() if "root" in line.split()[0]]
    ok(roots == [] and box.run("stat", "-c", "%U:%G %a", f"{ROOT}/ledger")[1] == "packseal-signer:packseal-read 2750\n",
       "... and leaves nothing of root's", roots)
    box.run("systemctl", "start", "packseal@ST03.target")
    able = box.wait(lambda: status(box).get("able"))
    box.run("packseal", "scan", "SF1234567890777")
    code, out, err = box.run("packseal", "stop", "--json", check=False)
    ok(able and code == 0, "the station records with it, though its numbers of this day are taken", out + err)
    code, out, err = box.run("packseal", "ledger", "check", check=False)
    ok(code == 0, "its ledger is in order", out + err)
    said = doctor(box, "permissions")
    ok([o["state"] for o in said] == ["ok"], "owners and modes are as installed", said)
    last = json.loads(box.run("packseal", "find", LAST, "--json")[1])["path"]
    code, out, err = box.run("packseal", "verify", "--json", "--trust", f"{ROOT}/public/trust", last, check=False)
    ok(code == 0 and json.loads(out)["content"] == "intact", "a clip of the ledger before is judged as before", out + err)


def main():
    box = boxes.Box()
    try:
        if not box.boot():
            console = open(os.path.join(box.dir, "console"), encoding="utf-8", errors="replace").read()[-300:]
            boxes.skip("systemd-nspawn does not boot here: " + console.replace("\n", " | "))
        set_up(box)
        users_apart(box)
        path = a_clip(box)
        outside(box)
        permissions(box, path)
        retention(box, path)
        watchdog(box)
        crash_loop(box)
        web_pages(box)
        second_station(box)
        self_test(box, path)
        after_boot(box)
        recovery(box)
    finally:
        box.close()
    print(f"1..{count}")


main()
