#!/usr/bin/env python3
# The station screen on the box: packseal-kiosk, cage and Chromium as the unit starts them, as a user who can read nothing of the
# station. Played: the monitor (a headless output of the compositor) and logind's seat.
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
from station import BUILD, Station, mjpeg_film, skip_all, tap, wait_for
from web import Web, free_port, listen_at

if os.getuid() != 0:
    skip_all("needs root, to become another user")
for tool in ("cage", "Xwayland", "chromium", "setpriv"):
    if not shutil.which(tool):
        skip_all("no %s here: no kiosk was started" % tool)


class Kiosk:
    def __init__(self, folder, url, code):
        nobody = pwd.getpwnam("nobody")
        self.log, self.port = os.path.join(folder, "kiosk.log"), free_port()
        for name in ("run", "state"):
            path = os.path.join(folder, name)
            os.makedirs(path, 0o700, exist_ok=True)
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        env = {"PATH": "/usr/bin:/bin", "HOME": folder + "/state", "STATE_DIRECTORY": folder + "/state",
               "XDG_RUNTIME_DIR": folder + "/run", "WLR_BACKENDS": "headless", "WLR_LIBINPUT_NO_DEVICES": "1",
               "WLR_RENDERER": "pixman"}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", os.path.join(BUILD, "packseal-kiosk"), "--url", url,
                 "--code-file", code, "--", "--remote-debugging-port=%d" % self.port, "--no-sandbox", "--disable-gpu",
                 "--disable-dev-shm-usage"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True)

    def page(self):
        """(address, title) of the window, or None as long as there is none."""
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/json" % self.port, timeout=5) as r:
                pages = [p for p in json.load(r) if p["type"] == "page" and p["url"].startswith("http")]
            return (pages[0]["url"], pages[0]["title"]) if pages else None
        except OSError:
            return None

    def end(self):
        try:
            os.killpg(self.process.pid, 15)
            self.process.wait(20)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(self.process.pid, 9)
            self.process.wait()


def main():
    folder = tempfile.mkdtemp(prefix="packseal-kiosk.")
    os.chmod(folder, 0o755)
    kiosk = None
    film = mjpeg_film(os.path.join(folder, "film.avi"), size="320x240", fps=10, seconds=4)
    try:
        with Station({"top": "lavf:" + film}) as s:
            port = free_port()
            url = "http://127.0.0.1:%d/station" % port
            listen_at(s, port)
            code = os.path.join(folder, "code")
            kiosk = Kiosk(folder, url, code)  # before the viewer serves
            time.sleep(3)
            tap.same((kiosk.process.poll(), kiosk.page()), (None, None), "it waits for the viewer, and shows nothing meanwhile")
            with open(kiosk.log, encoding="utf-8") as f:
                tap.ok("waiting for the viewer at 127.0.0.1 port %d" % port in f.read(), "and says so")
            os.symlink("/etc/hostname", code)  # what a hostile user of the kiosk may leave there
            before = open("/etc/hostname", "rb").read()
            r = s.cli("code", "--output", code)
            tap.ok(r.returncode == 1 and not os.path.exists(os.path.join(s.root, "viewer", "pair")), "no code while nobody is set up")
            # The viewer starts only now, with an administrator and a code, so that the kiosk finds all of it.
            s.start()
            web = Web(port)
            web.wait()
            kiosk.end()
            tap.same(web.set_up(s.root)[0], 200, "an administrator sets up")
            tap.same(s.cli("code", "--output", code).returncode, 0, "a pairing code for the kiosk")
            tap.same((os.path.islink(code), open("/etc/hostname", "rb").read()), (False, before), "a link in its place is not followed")
            kiosk = Kiosk(folder, url, code)
            wait_for(lambda: kiosk.page() and web.json("GET", "/screens")[1]["screens"], 60, 0.3)
            tap.same(len(web.json("GET", "/screens")[1]["screens"]), 1, "the screen has paired itself")
            wait_for(lambda: "工位" in (kiosk.page() or ("", ""))[1], 20, 0.3)
            tap.same(kiosk.page()[0], url, "it shows the station, and the code is gone from its address")
            tap.ok("工位" in kiosk.page()[1], "in Chinese", str(kiosk.page()))
            kiosk.end()
            # The unit makes a code at each start: a browser that was killed before it had written its cookie needs it.
            tap.same(s.cli("code", "--output", code).returncode, 0, "a code for the next start")
            kiosk = Kiosk(folder, url, code)
            wait_for(lambda: "工位" in (kiosk.page() or ("", ""))[1], 60, 0.3)
            tap.same((kiosk.page() or ("",))[0], url, "started again it shows the station again")
    finally:
        if kiosk:
            kiosk.end()
        shutil.rmtree(folder, ignore_errors=True)
    tap.done()


main()
