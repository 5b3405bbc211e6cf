#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# A camera on the network: MJPEG over HTTP from a small server here, which also falls silent and hangs up.
import http.server
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ.get("PACKSEAL_SRC", "."), "tests", "fakes"))
from rig import FAKES, Probe, between, ok, same, skip_all, done

if not os.access(os.path.join(FAKES, "camprobe"), os.X_OK):
    skip_all("camprobe is not built")
if not shutil.which("ffmpeg"):
    skip_all("ffmpeg is missing: it makes the pictures")


def make_pictures():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                        "testsrc2=size=640x480:rate=25:duration=1", "-pix_fmt", "yuvj422p",
                        os.path.join(folder, "%02d.jpg")], check=True)
        pictures = []
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as file:
                pictures.append(file.read())
        return pictures


pictures = make_pictures()
silent = threading.Event()
hang_up = threading.Event()


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=frame")
        self.end_headers()
        hang_up.clear()
        number = 0
        try:
            while not hang_up.is_set():
                time.sleep(0.04)
                if silent.is_set():
                    continue
                picture = pictures[number % len(pictures)]
                number += 1
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture))
                self.wfile.write(picture + b"\r\n")
        except OSError:
            pass

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"lavf:http://someone:secret@127.0.0.1:{server.server_port}/video?token=secret"

probe = Probe(url, "--frames")
live = probe.state("live", 1)
same(live["format"], "MJPG 640x480", "MJPEG over HTTP")
same(live.get("path"), f"http://127.0.0.1:{server.server_port}/video", "its address, without what is secret in it")
time.sleep(2)
before = probe.counts()
ok(before["frames"] >= 30, f"frames come as they are sent ({before['frames']})")
same(before["damaged"], 0, "whole")
sizes = {f["size"] for f in probe.frames() if not f["damaged"]}
ok(sizes <= {len(p) for p in pictures}, "byte for byte the camera's JPEGs")

silent.set()
away = probe.state("away", 1)
between(away["ms"] - before["ms"], 2500, 4500, "silence is noticed, ms")
same(away["why"], "no picture for 3 seconds", "in words")
silent.clear()
probe.state("live", 2)
hang_up.set()
away = probe.state("away", 2)
same(away["why"], "the stream has ended", "so is a server that hangs up")
probe.state("live", 3)
last = probe.end()
same((last["generation"], last["backwards"]), (3, 0), "each time it comes back")
same((last["noise"], last["stop_ms"] < 1000), ("", True), "quietly, and it stops")
ok(not any("secret" in str(e) for e in probe.events), "no secret was told")

silent.set()
probe = Probe(url)
time.sleep(1)
ok(probe.end()["stop_ms"] < 1000, "stopped within a second while it waits for a picture")
silent.clear()

with socket.create_server(("127.0.0.1", 0)) as mute:
    probe = Probe(f"lavf:http://127.0.0.1:{mute.getsockname()[1]}/video")
    time.sleep(1)
    last = probe.end()
    ok(last["stop_ms"] < 1000, "and while it waits for a server that never answers")

server.shutdown()
done()
