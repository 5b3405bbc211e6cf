#!/usr/bin/env python3
# A camera that goes away and comes back: what screen and player are told of it, and what somebody who looks sees.
import http.server
import os
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from senses import Events, Player, Preview, jpeg_size
from station import Station, mjpeg_film, tap

away = threading.Event()
pictures = []


class Camera(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        if away.is_set():
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=frame")
        self.end_headers()
        try:
            for n in range(1 << 30):
                if away.is_set():
                    return
                picture = pictures[n % len(pictures)]
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture) + picture + b"\r\n")
                time.sleep(0.05)
        except OSError:
            pass

    def log_message(self, *_):
        pass


def cut(film):
    with open(film, "rb") as f:
        data = f.read()
    at = data.find(b"\xff\xd8\xff")
    while at >= 0:
        end = data.find(b"\xff\xd9", at) + 2
        pictures.append(data[at:end])
        at = data.find(b"\xff\xd8\xff", end)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Station({"net": "lavf:http://127.0.0.1:%d/video" % server.server_port}) as s:
        cut(mjpeg_film(os.path.join(s.dir, "net.avi"), size="640x360", fps=20, seconds=1))
        s.start()
        events, player, view = Events(s), Player(s, "--lang", "en"), Preview(s, camera="net", fps=15, width=640)
        tap.same((events.status["state"], events.status["able"]), ("idle", True), "a station with one camera, able")
        tap.ok(view.frame()[1] in pictures, "and its picture")
        time.sleep(0.5)  # the player listens by now

        away.set()
        e = events.until(30, event="camera")
        tap.same([e.get(k) for k in ("name", "state")], ["net", "away"], "the camera goes away")
        tap.ok(e.get("why"), "and why", e)
        lost = next((x for x in events.all if x["event"] == "alarm"), None) or events.until(10, event="alarm")
        tap.same([lost.get(k) for k in ("alarm", "on", "tone", "say")], ["camera-lost", True, "alarm", "camera-lost"], "an alarm, aloud")
        tap.ok(lost["detail"].startswith("net:"), "which names the camera", lost)
        state = next((x for x in events.all if x["event"] == "state"), {}) or events.until(10, event="state")
        tap.same((state.get("state"), state.get("able")), ("faulted", False), "and the station is not able to record")
        heard = player.next(10)
        tap.same((heard.get("tone"), heard.get("say")), ("tones/alarm", "en/camera-lost"), "the player sounds it, in English")
        status = Events(s)
        tap.ok(any(a.startswith("camera-lost: net") for a in status.status["alarms"]), "who comes later learns it from the status",
               status.status["alarms"])
        events.drain(1.5)
        again = [x for x in events.all if x["event"] == "alarm" and x["on"] and "tone" in x]
        tap.same(len(again), 1, "further tries that fail are no new alarm")

        away.clear()
        e = events.until(30, event="camera", state="live")
        tap.same(e.get("name"), "net", "it is back")
        events.drain(1)
        over = [x for x in events.all if x["event"] == "alarm" and not x["on"]]
        tap.same([(x["alarm"], x.get("tone"), x.get("say")) for x in over], [("camera-lost", None, None)], "the alarm is over, quietly")
        able = [x for x in events.all if x["event"] == "state" and x["able"]]
        tap.ok(able and able[0].get("say") == "ready" and able[0]["state"] == "idle", "ready, it is said", able)
        fresh = view.frame()
        while fresh and fresh[0] < e["mono_ns"] - 2e9:
            fresh = view.frame()
        tap.ok(fresh and jpeg_size(fresh[1]) == (640, 360), "and who looked all the time sees it again")
        heard = player.next(10)
        tap.same(heard.get("say"), "en/ready", "the player says so")
        tap.same(player.end(), 0, "the player ends")
        tap.same(s.end(), 0, "run ends with 0")
    server.shutdown()
    tap.done()


main()
