# SPDX-License-Identifier: GPL-3.0-or-later
"""A bus for libudev: a /sys and a udev database of our own in a mount namespace, and udev's word on the netlink socket.

What is real: libudev, and the messages of its monitor, which are sent as udevd sends them. What is not: the kernel and udevd. The
device node is a fake camera, whose folder must lie below /dev, hence /dev/shm.
"""
import os
import shutil
import socket
import struct
import subprocess
import sys

SYSFS = {"video4linux": 81, "input": 13, "tty": 166}
CONTROLLER = "devices/pci0000:00/0000:00:14.0"


def enter():
    """Runs this test again where /sys and /run are its own; comes back in there, or says why not."""
    if os.environ.get("PACKSEAL_UDEVTREE") == "in":
        return None
    if not os.path.isdir("/dev/shm"):
        return "no /dev/shm"
    # With SYSTEMD_DEVICE_VERIFY_SYSFS=0 libudev takes a /sys that is no sysfs.
    env = {**os.environ, "PACKSEAL_UDEVTREE": "in", "TMPDIR": "/dev/shm", "SYSTEMD_DEVICE_VERIFY_SYSFS": "0"}
    if subprocess.run(["unshare", "-m", "-n", "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        return "no namespaces here"
    os.execvpe("unshare", ["unshare", "-m", "-n", sys.executable, "-B", os.path.abspath(sys.argv[0])], env)


def murmur2(text):
    """MurmurHash2 by Austin Appleby, seed 0: what udev's socket filters compare."""
    data, m, mask = text.encode(), 0x5bd1e995, 0xffffffff
    h, i = len(data), 0
    while len(data) - i >= 4:
        k = struct.unpack_from("<I", data, i)[0] * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
        i += 4
    rest = data[i:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


class Bus:
    """One USB controller; devices are plugged into its ports."""

    def __init__(self):
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "none", "/sys"], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
        os.makedirs("/run/udev/data")
        open("/run/udev/control", "w", encoding="ascii").close()
        self.number = 0
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
        self.socket.bind((0, 0))
        for name in ("class", "bus/usb/devices", "bus/pci/devices"):
            os.makedirs("/sys/" + name)
        self._write(CONTROLLER, {"uevent": "PCI_SLOT_NAME=0000:00:14.0"}, "bus/pci")
        self._write(CONTROLLER + "/usb1", {"uevent": "DEVTYPE=usb_device", "speed": "480", "busnum": "1"}, "bus/usb")

    def _write(self, where, files, subsystem):
        folder = "/sys/" + where
        os.makedirs(folder, exist_ok=True)
        for name, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            mode = "wb" if isinstance(text, bytes) else "w"
            with open(os.path.join(folder, name), mode) as f:
                f.write(text if isinstance(text, bytes) else text + "\n")
        link = os.path.join(folder, "subsystem")
        if not os.path.islink(link):
            os.symlink("/sys/" + subsystem, link)

    def plug(self, port, node, subsystem="video4linux", serial="", model="Fuse Camera", links=(), say=True, **properties):
        """Plugs a device whose node is there already into a port; its handle."""
        self.number += 1
        kernel = {"video4linux": "video", "input": "input9/event", "tty": "ttyACM"}[subsystem]
        kernel = properties.pop("kernel", "%s%d" % (kernel, self.number))
        usb = "%s/usb1/1-%s" % (CONTROLLER, port)
        usb_files = {"uevent": "DEVTYPE=usb_device", "idVendor": properties.pop("vendor", "1d6b"),
                     "idProduct": properties.pop("product", "0102"), "product": model, "busnum": "1",
                     "speed": properties.pop("speed", "480"), "power/control": properties.pop("control", "on")}
        if serial:
            usb_files["serial"] = serial
        if "descriptors" in properties:
            usb_files["descriptors"] = properties.pop("descriptors")
        self._write(usb, usb_files, "bus/usb")
        self._write("%s/1-%s:1.0" % (usb, port), {"uevent": "DEVTYPE=usb_interface"}, "bus/usb")
        path = "%s/1-%s:1.0/%s/%s" % (usb, port, subsystem, kernel)
        number = "%d:%d" % (SYSFS[subsystem], self.number)
        uevent = "MAJOR=%d\nMINOR=%d\nDEVNAME=%s" % (SYSFS[subsystem], self.number, os.path.relpath(node, "/dev"))
        self._write(path, {"uevent": uevent, "dev": number, "index": properties.pop("index", "0"), "name": model}, "class/" + subsystem)
        link = "/sys/class/%s/%s" % (subsystem, os.path.basename(kernel))
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink("/sys/" + path, link)
        known = {"ID_PATH": "pci-0000:00:14.0-usb-0:%s:1.0" % port, "ID_MODEL": model.replace(" ", "_"), **properties}
        if serial:
            known["ID_SERIAL_SHORT"] = serial
        if subsystem == "video4linux":
            known.setdefault("ID_V4L_CAPABILITIES", ":capture:")
            known["ID_V4L_PRODUCT"] = model
        with open("/run/udev/data/c" + number, "w", encoding="ascii") as f:
            f.write("".join("S:%s\n" % x for x in links) + "I:1\n" + "".join("E:%s=%s\n" % x for x in known.items()) + "V:1\n")
        device = {"path": "/" + path, "link": link, "number": number, "usb": "/sys/" + usb, "subsystem": subsystem,
                  "DEVNAME": node, **known}
        if say:
            self.say("add", device)
        return device

    def pull(self, device, say=True):
        os.unlink(device["link"])
        shutil.rmtree(device["usb"])
        os.unlink("/run/udev/data/c" + device["number"])
        if say:
            self.say("remove", device)

    def say(self, action, device):
        """What udevd sends when its rules are done: the layout of libudev's monitor."""
        words = {"ACTION": action, "DEVPATH": device["path"], "SUBSYSTEM": device["subsystem"], "SEQNUM": "1",
                 "DEVNAME": device["DEVNAME"], "MAJOR": device["number"].split(":")[0],
                 "MINOR": device["number"].split(":")[1]}
        text = b"".join(("%s=%s" % w).encode() + b"\0" for w in words.items())
        head = b"libudev\0" + struct.pack(">I", 0xfeedcafe) + struct.pack("=III", 40, 40, len(text))
        head += struct.pack(">IIII", murmur2(device["subsystem"]), 0, 0, 0)
        self.socket.sendto(head + text, (0, 2))
