#!/usr/bin/env python3
# The viewer under load. Two tables of figures; nothing here passes or fails by time.
#
#   1. wrk: 200 connections for a minute, a mix of what browsers ask: requests a second, latency, errors, memory and
#      descriptors of the viewer before and after.
#   2. A recording with nobody watching, and with twenty browsers' worth of watching: events, live pictures of both cameras,
#      and of five of them a film being played. Frames dropped, CPU of recorder and viewer.
#
#   VIEWER_CLIENTS=200   VIEWER_SECONDS=60   VIEWER_WATCHERS=20   VIEWER_CLIP=30   VIEWER_SIZE=1280x720
import http.client
import os
import re
import shutil
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from station import Station, mjpeg_film, statement
from web import Web, free_port, listen_at

CLIENTS = int(os.environ.get("VIEWER_CLIENTS", "200"))
SECONDS = int(os.environ.get("VIEWER_SECONDS", "60"))
WATCHERS = int(os.environ.get("VIEWER_WATCHERS", "20"))
CLIP = int(os.environ.get("VIEWER_CLIP", "30"))
SIZE = os.environ.get("VIEWER_SIZE", "1280x720")
TICK = os.sysconf("SC_CLK_TCK")
CODE = "SF1357924680135"

LUA = """
local paths = {"/api/v1/clips?number=%s", "/api/v1/clips?number=680135", "/api/v1/clips?page=1", "/api/v1/station", "/station",
               "/api/v1/clips/%s", "/api/v1/session", "/web/words.js"}
local film = "/api/v1/clips/%s/files/top.mp4"
local n = 0
function request()
    n = n + 1
    local headers = {["Cookie"] = "packseal=%s"}
    if n %% 9 == 0 then
        local from = (n * 7919) %% %d
        headers["Range"] = "bytes=" .. from .. "-" .. (from + 65535)
        return wrk.format("GET", film, headers)
    end
    return wrk.format("GET", paths[n %% #paths + 1], headers)
end
"""


def cpu(pid):
    with open("/proc/%d/stat" % pid, encoding="utf-8") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_kb(pid):
    with open("/proc/%d/status" % pid, encoding="utf-8") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def wrk(s, web, clip, pid):
    film = os.path.getsize(os.path.join(s.folder(s.find(CODE)[0]), "top.mp4"))
    script = os.path.join(s.dir, "mix.lua")
    with open(script, "w", encoding="ascii") as f:
        f.write(LUA % (CODE, clip, clip, web.cookie, max(1, film - 65536)))

    def once(seconds):
        r = subprocess.run(["wrk", "-t2", "-c%d" % CLIENTS, "-d%ds" % seconds, "--latency", "--timeout", "20s", "-s", script,
                            "http://127.0.0.1:%d/" % web.port], stdout=subprocess.PIPE, text=True, check=True)
        return r.stdout
    once(5)  # what is allocated once is allocated
    time.sleep(2)
    before, fds, most = memory_kb(pid), descriptors(pid), [0]
    over = threading.Event()

    def watch():
        while not over.wait(1):
            most[0] = max(most[0], memory_kb(pid))
    t = threading.Thread(target=watch)
    t.start()
    used = cpu(pid)
    out = once(SECONDS)
    used = cpu(pid) - used
    over.set()
    t.join()
    time.sleep(3)
    get = lambda pattern: (re.search(pattern, out) or [None, "0"])[1]
    print("%d connections, %d s" % (CLIENTS, SECONDS))
    print("  requests/s          %s" % get(r"Requests/sec:\s+([\d.]+)"))
    print("  latency p50, p99    %s, %s" % (get(r"50%\s+(\S+)"), get(r"99%\s+(\S+)")))
    print("  answers not 2xx     %s" % get(r"Non-2xx or 3xx responses: (\d+)"))
    print("  socket errors       %s" % get(r"Socket errors: (.*)"))
    print("  viewer, CPU s       %.1f" % used)
    print("  memory, MB          %.1f before, %.1f at most, %.1f after" % (before / 1024, most[0] / 1024, memory_kb(pid) / 1024))
    print("  descriptors         %d before, %d after" % (fds, descriptors(pid)), flush=True)


class Watching:
    """One browser's streams."""

    def __init__(self, web, clip, plays):
        self.over, self.bytes, self.threads, self.lock = False, 0, [], threading.Lock()
        paths = ["/api/v1/events", "/api/v1/preview/top?width=480", "/api/v1/preview/side?width=480"]
        for p in paths:
            self.begin(self.read, web, p)
        if plays:
            self.begin(self.play, web, "/api/v1/clips/%s/files/top.mp4" % clip)

    def begin(self, what, *args):
        t = threading.Thread(target=what, args=args, daemon=True)
        t.start()
        self.threads.append(t)

    def read(self, web, path):
        c = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
        c.request("GET", path, headers={"Cookie": "packseal=" + web.cookie})
        r = c.getresponse()
        if r.status != 200:
            raise RuntimeError("%s: %d" % (path, r.status))
        try:
            while not self.over:
                n = len(r.read1(65536))
                with self.lock:
                    self.bytes += n
        except http.client.HTTPException:
            pass  # the station ended first
        c.close()

    def play(self, web, path):
        at = 0
        while not self.over:
            status, headers, data = web.ask("GET", path, headers={"Range": "bytes=%d-%d" % (at, at + 262143)})
            at = at + len(data) if status == 206 else 0
            if at >= int(headers.get("content-range", "/0").rsplit("/", 1)[1]):
                at = 0
            time.sleep(0.5)


def record(s, web, watchers, clip):
    pids = s.children()
    views = [Watching(web, clip, i % 4 == 0) for i in range(watchers)]
    time.sleep(3)
    used = {k: cpu(pids[k]) for k in ("recorder", "viewer")}
    web.json("POST", "/scan", {"code": "SF13579246801%02d" % (50 + watchers)})
    begun = time.monotonic()
    time.sleep(CLIP)
    spent = time.monotonic() - begun
    used = {k: (cpu(pids[k]) - v) / spent for k, v in used.items()}
    ended = web.json("POST", "/stop", {})[1]
    for v in views:
        v.over = True
    tracks = statement(os.path.join(s.root, ended["path"]))["tracks"]
    total = {k: sum(t["counts"][k] for t in tracks) for k in ("captured", "encoded", "dropped", "repeated", "damaged")}
    print("%8d %9d %8d %8d %9d %8d %9.3f %7.3f %11.1f" % (watchers, total["captured"], total["encoded"], total["dropped"],
                                                   total["repeated"], total["damaged"], used["recorder"], used["viewer"],
                                                   sum(v.bytes for v in views) / spent / 1e6), flush=True)


def main():
    if not shutil.which("wrk"):
        sys.exit("viewer.py: wrk is not installed: apt install wrk")
    film = mjpeg_film("/tmp/viewer-bench-%d.avi" % os.getpid(), size=SIZE, fps=30, seconds=8)
    try:
        with Station({"top": "lavf:" + film, "side": "lavf:" + film}) as s:
            listen_at(s, free_port())
            s.start()
            with open(s.path("packseal.conf"), encoding="utf-8") as f:
                port = int(re.search(r"listen = 127\.0\.0\.1:(\d+)", f.read()).group(1))
            web = Web(port)
            web.wait()
            web.set_up(s.root)
            web.json("POST", "/scan", {"code": CODE})
            time.sleep(12)
            clip = web.json("POST", "/stop", {})[1]["clip"]
            wrk(s, web, clip, s.children()["viewer"])
            print("\nTwo cameras of %s at 30 fps, %d s; CPU as a share of one core" % (SIZE, CLIP))
            print("watchers  captured  encoded  dropped  repeated  damaged  recorder  viewer  MB/s sent")
            for n in (0, WATCHERS, 0, WATCHERS):
                record(s, web, n, clip)
            print("viewer afterwards: %.1f MB, %d descriptors" % (memory_kb(s.children()["viewer"]) / 1024,
                                                                  descriptors(s.children()["viewer"])))
            s.end()
    finally:
        os.unlink(film)


main()
