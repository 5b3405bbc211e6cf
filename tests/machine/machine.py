# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole machine for the tests: QEMU with software emulation, a Debian kernel, our programs installed, no network.

    with Machine() as m:
        m.boot()
        print(m.run("uname -r"))
        m.cut_power()

Commands go over the machine's second serial line, files over a shared folder. Nothing of it needs KVM: a /dev/kvm may
exist and still not run a Debian kernel, so it is never asked.
"""
import base64
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from station import BUILD, PACKSEAL, SRC, skip_all, tap, wait_for  # noqa: E402,F401

HOME = os.environ.get("PACKSEAL_MACHINE", os.path.join(SRC, "build", "machine"))
# A machine under software emulation beside other work may be slow: limits are for hangs, not for speed.
PATIENCE = float(os.environ.get("PACKSEAL_PATIENCE", "1"))
TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils", "nbdkit": "nbdkit", "mmdebstrap": "mmdebstrap",
         "busybox": "busybox-static", "cpio": "cpio", "modprobe": "kmod", "mke2fs": "e2fsprogs", "mcopy": "mtools",
         "mkfs.vfat": "dosfstools", "sfdisk": "fdisk"}
# The firmware of a machine as it is sold: UEFI, Secure Boot on, the usual keys in it.
UEFI = "/usr/share/OVMF/OVMF_%s_4M.ms.fd"


class Failure(Exception):
    pass


def prepare():
    """The machine's disk and kernel, made when they are not there or older than our programs."""
    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if missing:
        skip_all("not here: %s: run: sh tests/deps.sh machine" % " ".join(missing))
    if os.geteuid() != 0:
        skip_all("not root: the files of the machine's disk need their owners")
    if os.environ.get("PACKSEAL_MACHINE_AS_IT_IS"):
        tap.diag("NOT REAL: the machine as it was made before, perhaps of other programs")
        return
    begun = time.monotonic()
    r = subprocess.run(["bash", os.path.join(SRC, "tests", "machine", "prepare.sh"), HOME], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                       env={**os.environ, "PACKSEAL_SRC": SRC, "PACKSEAL_BUILD": BUILD})
    tap.diag(r.stdout.decode(errors="replace").rstrip())
    if r.returncode != 0:
        print("Bail out! the machine could not be made")
        sys.exit(1)
    if time.monotonic() - begun > 3:
        tap.diag("machine prepared in %.0f s" % (time.monotonic() - begun))


class Machine:
    """One machine. `disk`: a qcow2 above the prepared disk (default), or a raw copy of it behind a cache that a
    power cut empties (`lossy`). With `boot_own` the disk starts itself, from a BIOS or from `uefi` with Secure Boot."""

    def __init__(self, disk=None, lossy=False, base=None, boot_own=None, usb_stick=None, memory=1024,
                 network=False, home=HOME, uefi=False):
        self.dir = tempfile.mkdtemp(prefix="packseal-machine.")
        self.share = os.path.join(self.dir, "share")
        os.mkdir(self.share)
        self.lossy, self.boot_own, self.usb_stick, self.memory = lossy, boot_own, usb_stick, memory
        self.uefi = uefi
        self.network = network  # a card, and this side's loopback as 10.0.2.2 behind it
        self.home = home
        self.base = os.path.join(home, "disk.ext4")
        self.disk = disk or self._new_disk(base)
        self.qemu = self.nbd = None
        self.up_s = None
        self.boots = 0

    def _new_disk(self, above=None):
        if self.boot_own:
            return self.boot_own
        if self.lossy:
            path = os.path.join(self.dir, "disk.raw")
            if above:
                subprocess.run(["qemu-img", "convert", "-O", "raw", above, path], check=True)
            else:
                subprocess.run(["cp", "--sparse=always", self.base, path], check=True)
            return path
        path = os.path.join(self.dir, "disk.qcow2")
        backing = above or self.base
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F", "qcow2" if above else "raw", path],
                       check=True)
        return path

    def __enter__(self):
        return self

    def __exit__(self, kind, value, _trace):
        if kind not in (None, SystemExit):
            tap.diag("the machine's console said last:")
            tap.diag(self.console()[-2500:])
        self.cut_power()
        if os.environ.get("KEEP"):
            tap.diag("kept: " + self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def console(self):
        try:
            with open(os.path.join(self.dir, "console"), encoding="utf-8", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    # ---- power ------------------------------------------------------------------------------

    def _start_nbd(self):
        path = os.path.join(self.dir, "nbd")
        if os.path.exists(path):
            os.unlink(path)
        # What was not flushed is in this process alone: killed, it is gone, as from a disk's own cache.
        self.nbd = subprocess.Popen(["nbdkit", "-f", "-U", path, "--filter=cache", "file", self.disk, "cache=writeback",
                                     "cache-max-size=1G"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": self.dir})
        if not wait_for(lambda: os.path.exists(path), 10):
            raise Failure("nbdkit did not start")
        return path

    def _arguments(self, snapshot):
        drive = "file=%s,format=%s,cache=unsafe" % (self.disk, "raw" if self.disk.endswith((".raw", ".img")) else "qcow2")
        if self.lossy:
            drive = "file=nbd:unix:%s,format=raw,cache=none" % self._start_nbd()
        a = ["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-m", str(self.memory), "-nodefaults",
             "-no-reboot", "-display", "none", "-vga", "std", "-drive", drive + ",if=virtio", "-device", "virtio-serial-pci",
             "-chardev", "socket,id=mon,path=%s/mon,server=on,wait=off" % self.dir, "-mon", "chardev=mon,mode=readline",
             "-chardev", "file,id=con,path=%s/console" % self.dir, "-serial", "chardev:con",
             "-chardev", "socket,id=cmd,path=%s/cmd,server=on,wait=off" % self.dir, "-serial", "chardev:cmd",
             "-device", "qemu-xhci,id=xhci",
             "-virtfs", "local,path=%s,mount_tag=host,security_model=none" % self.share]
        if self.uefi:
            a += self._firmware()
        if self.network:
            a += ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net"]
        if self.usb_stick:
            a += ["-drive", "file=%s,format=raw,if=none,id=stick" % self.usb_stick,
                  "-device", "usb-storage,drive=stick,id=usbstick,bus=xhci.0"]
        if not self.boot_own:
            a += ["-kernel", os.path.join(self.home, "kernel", "vmlinuz"), "-initrd", os.path.join(self.home, "initramfs.cpio.gz"),
                  "-append", "console=tty0 console=ttyS0 quiet loglevel=3 systemd.show_status=0 mitigations=off "
                  "random.trust_cpu=on tsc=unstable net.ifnames=0"]
        if snapshot:
            a += ["-loadvm", snapshot]
        return a

    def _firmware(self):
        """UEFI and its memory, which is this machine's own. What is in it is kept from the system by a mode of the
        processor of its own (SMM), as Secure Boot wants it."""
        memory = os.path.join(self.dir, "uefi-variables")
        if not os.path.exists(memory):
            shutil.copy(UEFI % "VARS", memory)
        return ["-machine", "smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on",
                "-global", "ICH9-LPC.disable_s3=1",
                "-drive", "if=pflash,format=raw,unit=0,readonly=on,file=" + UEFI % "CODE",
                "-drive", "if=pflash,format=raw,unit=1,file=" + memory]

    def power_on(self, snapshot=None):
        self.cut_power()
        for name in ("mon", "cmd"):
            if os.path.exists(os.path.join(self.dir, name)):
                os.unlink(os.path.join(self.dir, name))
        self.begun = time.monotonic()
        out = os.path.join(self.dir, "qemu.out")
        with open(out, "w", encoding="utf-8") as log:
            self.qemu = subprocess.Popen(self._arguments(snapshot), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.cmd, self.mon, self.buf = self._connect("cmd"), self._connect("mon"), b""
        self.monitor("")

    def boot(self, seconds=240):
        """Power on, and wait for the command line of the test (which is no login)."""
        self.power_on()
        self._until(b"RIG-IS-UP\n", seconds * PATIENCE)
        self.up_s = time.monotonic() - self.begun
        self.boots += 1
        self.run("modprobe -a 9pnet_virtio 9p; mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 host /mnt/host")
        if self.network:
            self.must("modprobe virtio_net; while ! ip link set eth0 up; do sleep .2; done; ip addr add 10.0.2.15/24 dev eth0")

    def restore(self, snapshot):
        """Power on in the middle of a saved machine's life."""
        self.power_on(snapshot)
        self.run("hwclock -s -u; mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 host /mnt/host")

    def save(self, name):
        """Keeps the machine as it is now (on its disk); a mounted shared folder forbids it."""
        self.run("umount /mnt/host; sync")
        said = self.monitor("savevm " + name, 300)
        if "rror" in said:
            raise Failure("savevm: " + said)

    def cut_power(self):
        """kill -9 of the machine, and of the disk's cache with it."""
        for p in (self.qemu, self.nbd) if getattr(self, "qemu", None) or getattr(self, "nbd", None) else ():
            if p is not None:
                p.send_signal(signal.SIGKILL)
                p.wait()
        self.qemu = self.nbd = None

    def power_off(self, seconds=120):
        """An orderly shutdown."""
        self.cmd.sendall(b"systemctl poweroff\n")
        try:
            self.qemu.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure("the machine does not power off") from None
        if self.nbd is not None:
            self.nbd.terminate()  # writes back what it holds
            self.nbd.wait()
        self.qemu = self.nbd = None

    # ---- words ------------------------------------------------------------------------------

    def _connect(self, name):
        path = os.path.join(self.dir, name)
        for _ in range(500):
            try:
                s = socket.socket(socket.AF_UNIX)
                s.connect(path)
                return s
            except OSError:
                s.close()
                if self.qemu.poll() is not None:
                    break
                time.sleep(0.02)
        with open(os.path.join(self.dir, "qemu.out"), encoding="utf-8", errors="replace") as f:
            raise Failure("QEMU did not start: " + f.read())

    def _until(self, what, seconds):
        end = time.monotonic() + seconds
        while what not in self.buf:
            self.cmd.settimeout(max(0.1, end - time.monotonic()))
            try:
                got = self.cmd.recv(65536)
            except TimeoutError:
                got = b""
            if not got:
                raise Failure("the machine does not answer: %r" % self.buf[-500:])
            self.buf += got
        cut = self.buf.index(what) + len(what)
        before, self.buf = self.buf[:cut], self.buf[cut:]
        return before

    def monitor(self, command, seconds=60):
        if command:
            self.mon.sendall(command.encode() + b"\n")
        got = b""
        self.mon.settimeout(seconds)
        while not got.rstrip().endswith(b"(qemu)"):
            more = self.mon.recv(65536)
            if not more:
                break
            got += more
        return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", got.decode(errors="replace"))

    def status(self, command, seconds=120):
        """(exit status, output) of a shell command in the machine."""
        mark = "@@%d" % time.monotonic_ns()
        if os.environ.get("PACKSEAL_TRACE"):
            tap.diag("%6.1f s: %s" % (time.monotonic() - self.begun, command))
        self.cmd.sendall(("{ %s\n} </dev/null 2>&1; r=$?; echo; echo %s $r\n" % (command, mark)).encode())
        text = self._until(mark.encode(), seconds * PATIENCE)[:-len(mark) - 1].decode(errors="replace")
        code = int(self._until(b"\n", 30).split()[0])
        return code, text[:-1] if text.endswith("\n") else text

    def run(self, command, seconds=120):
        return self.status(command, seconds)[1]

    def must(self, command, seconds=120):
        code, text = self.status(command, seconds)
        if code != 0:
            raise Failure("%s: exit status %d: %s" % (command, code, text))
        return text

    def wait(self, command, seconds=60, every=0.25):
        """Waits until a command succeeds in the machine; whether it did."""
        end = time.monotonic() + seconds * PATIENCE
        while True:
            code, _ = self.status(command)
            if code == 0 or time.monotonic() > end:
                return code == 0
            time.sleep(every)

    def put(self, path, text, mode="0644"):
        data = base64.b64encode(text.encode()).decode()
        self.must("mkdir -p $(dirname %s); echo %s | base64 -d >%s.new && chmod %s %s.new && mv %s.new %s" %
                  (path, data, path, mode, path, path, path))

    def fetch(self, path):
        """A file of the machine, copied out; its name on this side."""
        name = os.path.join(self.share, os.path.basename(path))
        self.must("cp %s /mnt/host/ && sync -f /mnt/host 2>/dev/null; test -s /mnt/host/%s" % (path, os.path.basename(path)))
        return name

    # ---- the back of the machine --------------------------------------------------------------

    def plug(self, name, arguments):
        """Plugs a USB device in (usbemu.c says which there are); it stays plugged over reboots."""
        self.put("/etc/rig/usb/" + name, arguments + "\n")
        self.must("systemctl start rig-usb@%s" % name)

    def plug_camera(self, name="top", port=0, serial="CAM0001", sizes=("320x240",), fps=10):
        films = " ".join("--film %s=/usr/local/share/rig/%s.mjpeg" % (s, s) for s in sizes)
        self.plug(name, "camera --serial %s --port %d --fps %d %s" % (serial, port, fps, films))

    def unplug(self, name, for_good=False):
        """Pulls the plug: the process that is the device is killed."""
        if for_good:
            self.must("rm /etc/rig/usb/" + name)
        self.must("systemctl kill -s KILL rig-usb@%s; while systemctl -q is-active rig-usb@%s; do sleep .05; done; "
                  "systemctl reset-failed rig-usb@%s 2>/dev/null; true" % (name, name, name))

    def replug(self, name):
        self.must("systemctl start rig-usb@%s" % name)

    def type(self, name, text):
        """Text typed by a keyboard, or sent by a serial scanner."""
        self.must("printf '%s' >/run/rig/%s" % (text.replace("\n", "\\n"), name))
