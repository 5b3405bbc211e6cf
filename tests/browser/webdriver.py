# Debian's Chromium, driven over WebDriver (W3C) with the standard library alone, and a file server on 127.0.0.1 that
# knows byte ranges, without which no browser can seek in a film.
import base64
import http.client
import http.server
import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import threading
import time

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")

# Quiet, without a sandbox only where the kernel cannot give one (root), and never calling home.
FLAGS = ["--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--mute-audio",
         "--autoplay-policy=no-user-gesture-required"]


class Browser:
    def __init__(self, language=None):
        """language: what the browser says it prefers, as "zh-CN"."""
        self.language = language
        self.profile = tempfile.mkdtemp(prefix="packseal-browser.")
        self.session = None
        env = {**os.environ, "HOME": self.profile, "XDG_CONFIG_HOME": self.profile, "XDG_CACHE_HOME": self.profile}
        self.driver = subprocess.Popen([DRIVER, "--port=0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, env=env, start_new_session=True)
        try:
            self.port = self._port()
            flags = FLAGS + ["--user-data-dir=" + self.profile] + (["--no-sandbox"] if os.getuid() == 0 else [])
            if language:
                flags.append("--lang=" + language)
            made = self._session(flags)
            self.session = made["sessionId"]
            self.version = made["capabilities"]["browserVersion"]
            self.ask("POST", "/session/%s/timeouts" % self.session, {"script": 60000, "pageLoad": 60000})
        except BaseException:
            self.close()
            raise

    def _session(self, flags):
        """On a busy machine a browser's first start can outlast the driver's patience: three tries."""
        for left in (2, 1, 0):
            try:
                return self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {
                    "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
                    "goog:chromeOptions": {"binary": CHROMIUM, "args": flags, "prefs": {
                        "intl.accept_languages": self.language or "en-US"}}}}})
            except RuntimeError:
                if not left:
                    raise
                time.sleep(2)
        return None

    def _port(self):
        """The driver takes a free port and prints it."""
        said, end = b"", time.monotonic() + 30
        while time.monotonic() < end:
            if select.select([self.driver.stdout], [], [], 0.5)[0]:
                more = os.read(self.driver.stdout.fileno(), 4096)
                if not more:
                    break
                said += more
                found = re.search(rb"started successfully on port (\d+)", said)
                if found:
                    return int(found.group(1))
        raise RuntimeError("chromedriver did not start: " + said.decode(errors="replace"))

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError("%s: %s" % (answer["error"], answer.get("message", "")[:500]))
        return answer

    def open(self, url):
        self.ask("POST", "/session/%s/url" % self.session, {"url": url})

    def call(self, script, *args):
        """Runs the body of an async function of `args`; gives what it returns, raises what it throws."""
        wrapped = ("const done = arguments[arguments.length - 1]; const args = Array.from(arguments).slice(0, -1);"
                   "(async () => {" + script + "})().then(v => done({v}), e => done({e: String(e && e.message || e)}));")
        got = self.ask("POST", "/session/%s/execute/async" % self.session, {"script": wrapped, "args": list(args)})
        if "e" in got:
            raise RuntimeError("in the page: " + got["e"])
        return got.get("v")

    def log(self):
        """What the console said since the last time: [(level, text)]."""
        return [(e["level"], e["message"]) for e in self.ask("POST", "/session/%s/se/log" % self.session, {"type": "browser"})]

    def devtools(self, command, **parameters):
        return self.ask("POST", "/session/%s/goog/cdp/execute" % self.session, {"cmd": command, "params": parameters})

    def _element(self, selector):
        found = self.ask("POST", "/session/%s/element" % self.session, {"using": "css selector", "value": selector})
        return "/session/%s/element/%s" % (self.session, list(found.values())[0])

    def click(self, selector):
        """As a person does: scrolled to, and refused when something lies over it."""
        self.ask("POST", self._element(selector) + "/click", {})

    def type(self, selector, text):
        element = self._element(selector)
        self.ask("POST", element + "/clear", {})
        self.ask("POST", element + "/value", {"text": text})

    def press(self, *keys):
        """Keys one after the other, wherever the focus is. Named ones by their number in WebDriver, as "\\ue007" for Enter."""
        steps = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.ask("POST", "/session/%s/actions" % self.session, {"actions": [{"type": "key", "id": "keys", "actions": steps}]})

    def attach(self, selector, paths):
        """Picks files with an <input type=file>, as a person does."""
        found = self.ask("POST", "/session/%s/element" % self.session, {"using": "css selector", "value": selector})
        self.ask("POST", "/session/%s/element/%s/value" % (self.session, list(found.values())[0]), {"text": "\n".join(paths)})

    def window(self, width, height):
        self.ask("POST", "/session/%s/window/rect" % self.session, {"width": width, "height": height})

    def picture(self, path):
        """The window as PNG."""
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.ask("GET", "/session/%s/screenshot" % self.session)))

    def close(self):
        if self.session:
            try:
                self.ask("DELETE", "/session/" + self.session)
            except (OSError, RuntimeError, http.client.HTTPException):
                pass
        try:
            os.killpg(self.driver.pid, 15)
        except ProcessLookupError:
            pass
        try:
            self.driver.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.driver.pid, 9)
            self.driver.wait()
        self.driver.stdout.close()
        shutil.rmtree(self.profile, ignore_errors=True)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    types = {".mp4": "video/mp4", ".jpg": "image/jpeg", ".html": "text/html; charset=utf-8"}

    def log_message(self, *_args):
        pass

    def do_GET(self):
        name = self.path.split("?")[0].lstrip("/")
        page = b"<!doctype html><meta charset=utf-8><title>film</title><video id=v muted playsinline></video>"
        if name == "":
            self._send(200, ".html", page, None)
            return
        path = self.server.files.get(name)
        if path is None:
            self._send(404, ".html", b"", None)
            return
        with open(path, "rb") as f:
            size = os.fstat(f.fileno()).st_size
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if not asked:
                self._send(200, os.path.splitext(name)[1], f.read(), None)
                return
            first = int(asked.group(1))
            last = min(int(asked.group(2) or size - 1), size - 1)
            f.seek(first)
            self._send(206, os.path.splitext(name)[1], f.read(max(0, last - first + 1)),
                       "bytes %d-%d/%d" % (first, last, size))

    def _send(self, status, kind, body, part):
        try:
            self.send_response(status)
            self.send_header("Content-Type", self.types.get(kind, "application/octet-stream"))
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Cache-Control", "no-store")
            if part:
                self.send_header("Content-Range", part)
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a browser drops connections as it likes


class Files:
    """Serves the named files: {"top.mp4": "/path/…"}. An empty page with a <video id=v> is at /."""

    def __init__(self, files):
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.files = files
        self.url = "http://127.0.0.1:%d/" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
