#!/usr/bin/env python3
# What we record plays in a real Chromium, finished and unfinished, as long as it says, and in the camera's colours:
# patches of colour go through a fake USB camera and our recorder, then the film and the camera's own JPEG are drawn
# side by side and compared.
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]
import webdriver
from station import (BUILD, SANITIZED, SRC, TICKS, Station, need_programs, run, skip_all, statement, tap, track_ticks,
                     wait_for)

WIDTH, HEIGHT = (640, 480) if SANITIZED else (1280, 720)
FUSECAM = os.path.join(BUILD, "tests", "fakes", "fusecam")
WORST = 3  # of 255

# The mean colour of each rectangle [x, y, w, h] of what is drawn.
MEANS = """
const means = (what, w, h, boxes) => {
    const canvas = document.createElement('canvas');
    canvas.width = w; canvas.height = h;
    const c = canvas.getContext('2d', {willReadFrequently: true});
    c.drawImage(what, 0, 0, w, h);
    return boxes.map(b => {
        const d = c.getImageData(...b).data, sum = [0, 0, 0];
        for (let i = 0; i < d.length; i += 4) for (let k = 0; k < 3; k++) sum[k] += d[i + k];
        return sum.map(s => s / (d.length / 4));
    });
};
const event = (on, name, ms) => new Promise((yes, no) => {
    const t = setTimeout(() => no(new Error('no ' + name + ' within ' + ms + ' ms')), ms);
    on.addEventListener(name, () => { clearTimeout(t); yes(); }, {once: true});
    on.addEventListener('error', () => no(new Error('media error ' + (on.error ? on.error.message : ''))), {once: true});
});
"""

PLAY = MEANS + """
const [url, faster] = args, v = document.getElementById('v');
v.src = url;
await event(v, 'loadedmetadata', 20000);
const duration = v.duration;
v.playbackRate = faster;
v.play();
await event(v, 'ended', 50000);
const q = v.getVideoPlaybackQuality();
return {duration, end: v.currentTime, after: v.duration, width: v.videoWidth, height: v.videoHeight, frames: q.totalVideoFrames,
        corrupted: q.corruptedVideoFrames || 0};
"""

FRAME = MEANS + """
const [url, at, boxes] = args, v = document.getElementById('v');
v.src = url;
await event(v, 'loadeddata', 20000);
const seeked = event(v, 'seeked', 20000);
v.currentTime = at;
await seeked;
await new Promise(r => setTimeout(r, 300));
return means(v, v.videoWidth, v.videoHeight, boxes);
"""

PICTURE = MEANS + """
const [url, boxes] = args, i = new Image();
i.src = url;
await i.decode();
return means(i, i.naturalWidth, i.naturalHeight, boxes);
"""


def whole_boxes(data):
    """The film up to its last whole fragment: what recovery keeps after a power cut. (end, number of fragments)"""
    at, end, fragments, pending = 0, 0, 0, None
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if size == 1 and at + 16 <= len(data):
            size = struct.unpack(">Q", data[at + 8:at + 16])[0]
        if size < 8 or at + size > len(data):
            break
        at += size
        if kind == b"moof":
            pending = True
            continue
        if kind == b"mdat" and pending:
            fragments += 1
            pending = None
        end = at
    return end, fragments


def patches():
    """Centre boxes of the colour patches, 8 by 4 over the whole picture."""
    out = []
    for line in run(FUSECAM, "--print-patches").stdout.decode().splitlines():
        column, row, r, g, b = (int(n) for n in line.split())
        w, h = WIDTH // 8, HEIGHT // 4
        out.append(([column * w + w * 3 // 8, row * h + h * 3 // 8, w // 4, h // 4], (r, g, b)))
    return out


def check_colours(browser, files, folder, clip):
    track = clip["tracks"][0]
    banner = track["banner"]
    judged = [(box, rgb) for box, rgb in patches()
              if box[1] >= banner["y"] + banner["h"] + 2 or box[1] + box[3] <= banner["y"] - 2]
    tap.ok(len(judged) >= 24, "enough patches outside the banner (%d of 32)" % len(judged), banner)
    original = next(o for o in clip["originals"] if o["track"] == 0)
    files.server.files["original.jpg"] = os.path.join(folder, original["file"]["name"])
    files.server.files["top.mp4"] = os.path.join(folder, track["file"]["name"])
    boxes = [box for box, _rgb in judged]
    jpeg = browser.call(PICTURE, files.url + "original.jpg", boxes)
    film = browser.call(FRAME, files.url + "top.mp4", 1.0, boxes)
    off = [max(abs(a - b) for a, b in zip(j, f)) for j, f in zip(jpeg, film)]
    worst = max(range(len(off)), key=off.__getitem__)
    tap.diag("largest difference film to camera JPEG %.2f of 255, mean %.2f, over %d patches" %
             (off[worst], sum(off) / len(off), len(off)))
    tap.ok(off[worst] <= WORST, "colours of the film are the camera's within %d of 255" % WORST,
           "patch %r: camera %r film %r" % (judged[worst][1], jpeg[worst], film[worst]))
    # The patches are what the camera was told to show: else equal greys would do as well.
    wrong = max(max(abs(a - b) for a, b in zip(j, rgb)) for j, (_box, rgb) in zip(jpeg, judged))
    tap.ok(wrong <= 6, "and the camera's JPEG shows the patches themselves", wrong)


def check_play(browser, url, seconds, fps, name):
    played = browser.call(PLAY, url, 4.0)
    tap.diag("%s: %r, %.3f s by its records" % (name, played, seconds))
    tap.same((played["width"], played["height"]), (WIDTH, HEIGHT), name + ": picture size")
    tap.ok(abs(played["after"] - seconds) <= 1 / fps + 0.001, name + ": duration within one frame", played, seconds)
    tap.ok(abs(played["end"] - seconds) <= 1 / fps + 0.001, name + ": plays to its end", played, seconds)
    tap.same(played["corrupted"], 0, name + ": no damaged picture")
    return played


def record(work):
    """Patches through the fake camera; (station folder stays until the caller removes it)."""
    mount = os.path.join(work, "camera")
    os.mkdir(mount)
    camera = subprocess.Popen([FUSECAM, "--pattern", "patches", "--formats", "MJPG", "--sizes", "%dx%d" % (WIDTH, HEIGHT), mount],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    return camera, os.path.join(mount, "video0")


def main():
    need_programs()
    for what, there in (("chromium", webdriver.CHROMIUM), ("chromedriver", webdriver.DRIVER)):
        if not there:
            print("# NOT CHECKED: no film was played in a browser: %s is missing: run: make deps-check" % what, file=sys.stderr)
            skip_all(what + " is missing")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        print("# NOT CHECKED: no film was played in a browser: /dev/fuse cannot be opened here", file=sys.stderr)
        skip_all("no /dev/fuse for the fake camera")
    work = tempfile.mkdtemp(prefix="packseal-film.")
    camera = browser = files = None
    try:
        camera, device = record(work)
        tap.same(camera.stdout.readline().strip(), b"ready", "the fake camera is there")
        with Station({"top": "v4l2:" + device}) as s:
            s.start()
            tap.same(s.scan("SF1234567890123").returncode, 0, "scan")
            time.sleep(7)
            # As a power cut leaves it: the film that is being written, up to its last whole fragment.
            part = os.path.join(s.half_done()[0], "top.mp4")
            with open(part, "rb") as f:
                data = f.read()
            end, fragments = whole_boxes(data)
            tap.ok(fragments >= 2, "the film being written holds whole fragments", fragments)
            unfinished = os.path.join(work, "unfinished.mp4")
            with open(unfinished, "wb") as f:
                f.write(data[:end])
            tap.same(s.stop().returncode, 0, "stop")
            folder = s.clips()[0]
            clip = statement(folder)
            s.end()

            track = clip["tracks"][0]
            fps = 30
            files = webdriver.Files({"unfinished.mp4": unfinished, "top.mp4": os.path.join(folder, "top.mp4")})
            browser = webdriver.Browser()
            tap.diag("Chromium " + browser.version)
            browser.open(files.url)
            played = check_play(browser, files.url + "top.mp4", track_ticks(track) / TICKS, fps, "finished")
            tap.ok(abs(played["duration"] - track_ticks(track) / TICKS) <= 1 / fps + 0.001,
                   "finished: the duration is right before it plays", played)
            upto = sum(struct.unpack(">Q", bytes.fromhex(r)[16:24])[0] for r in track["segments"][:fragments])
            check_play(browser, files.url + "unfinished.mp4", upto / TICKS, fps, "unfinished")
            check_colours(browser, files, folder, clip)
    finally:
        if browser:
            browser.close()
        if files:
            files.close()
        if camera:
            camera.send_signal(signal.SIGTERM)
            try:
                camera.wait(10)
            except subprocess.TimeoutExpired:
                camera.kill()
                camera.wait()
            run("fusermount3", "-uz", os.path.join(work, "camera"))
        shutil.rmtree(work, ignore_errors=True)
    tap.done()


main()
