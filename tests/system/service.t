#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed station under a real systemd: set up by one command, ready after boot, users apart, and what the
units promise when programs are killed, stopped or broken. The camera is a test picture by libavformat."""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import box as boxes  # noqa: E402

boxes.own_mounts()
count = 0
CODE = "SF1234567890123"
LAST = "SF1234567890999"
RECORDER, SIGNER, SOCKET = (f"packseal-{n}" for n in ("recorder@ST03.service", "signer@ST03.service", "signer@ST03.socket"))
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
    before = box.run("sh", "-c", f"cat {ROOT}/public/* /etc/packseal/*")[1]
    code, out, err = box.run("packseal", "init", "--service", "--station", "other", "--id", "ST03")
    ok(code == 0 and box.run("sh", "-c", f"cat {ROOT}/public/* /etc/packseal/*")[1] == before,
       "said again it changes nothing", out + err)
    box.run("sh", "-c", f"rm /etc/packseal/ST03.env {ROOT}/run; rmdir {ROOT}/holds; chown root:root {ROOT}/tokens")
    code, out, err = box.run("packseal", "init", "--service", "--station", "other", "--id", "ST03")
    found = box.run("sh", "-c", f"stat -c '%U:%G %a' {ROOT}/holds {ROOT}/tokens; readlink {ROOT}/run; cat /etc/packseal/ST03.env")[1]
    ok(code == 0 and found == "packseal:packseal-read 2750\n" * 2 + f"/run/packseal/ST03\nPACKSEAL_ROOT={ROOT}\n",
       "... but what is missing or half made is completed", found + err)
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
        retention(box, path)
        watchdog(box)
        crash_loop(box)
        second_station(box)
        self_test(box, path)
        after_boot(box)
    finally:
        box.close()
    print(f"1..{count}")


main()
