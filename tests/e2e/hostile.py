# SPDX-License-Identifier: GPL-3.0-or-later
# A recorder that cheats: it speaks docs/PROTOCOL.md to a real signer, and tells it of films that it did not record.
import array
import fcntl
import hashlib
import os
import shutil
import socket
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "corpus"))
import seal
from station import statement

REFUSALS = ["?", "FORMAT", "PEER", "STATE", "SEQUENCE", "AHEAD", "STATEMENT", "RATE", "DISK"]
OPEN, SEGMENT, END, SEAL, APPEND = 2, 3, 4, 5, 8
ACK, OPENED, SEALED, APPENDED, REFUSED = 131, 130, 133, 136, 255
SEALS = 1033, 0x1 | 0x2 | 0x4 | 0x8  # F_ADD_SEALS; seal, shrink, grow, write


class Refused(Exception):
    def __init__(self, reason, text):
        super().__init__("%s: %s" % (REFUSALS[reason], text))
        self.reason, self.text = REFUSALS[reason], text


class Recorder:
    """A connection; a refusal is raised."""

    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.s.settimeout(30)
        self.s.connect(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def ask(self, word, body, wanted, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.s.sendmsg([struct.pack(">BBH", 1, word, 0) + body], rights)
        answer = self.s.recv(16384)
        if answer[1:2] == bytes([REFUSED]):
            n = struct.unpack(">H", answer[5:7])[0]
            raise Refused(answer[4], answer[7:7 + n].decode())
        if answer[:4] != struct.pack(">BBH", 1, wanted, 0):
            raise RuntimeError("the signer answered %r" % answer[:8])
        return answer[4:]

    def open(self, opening):
        """Clip number, take, leaf."""
        a = self.ask(OPEN, opening, OPENED)
        clip, take, n = struct.unpack(">QIH", a[:14])
        return clip, take, a[14:14 + n]

    def segment(self, clip, record, late=False):
        self.ask(SEGMENT, struct.pack(">QB", clip, late) + record, ACK)

    def end(self, clip):
        self.ask(END, struct.pack(">Q", clip), ACK)

    def append(self, kind, digest, extra=b""):
        self.ask(APPEND, struct.pack(">BQ", kind, 0) + digest + struct.pack(">H", len(extra)) + extra, APPENDED)

    def seal(self, clip, text):
        """Signature file and checkpoint."""
        fd = os.memfd_create("statement", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.write(fd, text)
            fcntl.fcntl(fd, *SEALS)
            a = self.ask(SEAL, struct.pack(">QI", clip, len(text)), SEALED, [fd])
        finally:
            os.close(fd)
        parts = []
        while a:
            n = struct.unpack(">H", a[:2])[0]
            parts.append(a[2:2 + n])
            a = a[2 + n:]
        return parts[1], parts[2]


def feed(recorder, clip, records, patient):
    """Tells the records at once; what the signer will not witness is told as late, or, by a patient one, once more when
    its time has come. (indices told late, the first refusal)."""
    late, refusal = [], None
    for i, record in enumerate(records):
        while True:
            try:
                recorder.segment(clip, record, bool(late))
                late += [i] if late else []
                break
            except Refused as r:
                refusal = refusal or r
                if r.reason != "AHEAD":
                    raise
                if patient:
                    time.sleep(0.1)
                else:
                    recorder.segment(clip, record, True)
                    late.append(i)
                    break
    return late, refusal


def invent(recorder, folder, code, change=None, patient=False):
    """A clip that was never recorded, under another code, made of the film in this clip's folder: the statement, the records
    that came late, and what the signer said no to first. change(c) alters the statement before it opens."""
    c = statement(folder)
    c["salt"] = hashlib.sha256(code.encode()).hexdigest()[:32]
    for x in c["codes"]:
        x["value"] = x["raw"] = code
    c["codes"] = [x for x in c["codes"] if x["opening"]]
    if change:
        change(c)
    clip, c["take"], leaf = recorder.open(seal.opening(c))
    c["clip"], c["open_leaf"] = clip, leaf.hex()
    late, refusal = [], None
    for t in c["tracks"]:
        records = [bytes.fromhex(r) for r in t["segments"]]
        t["head"] = seal.chain(leaf, records).hex()
        late, refusal = feed(recorder, clip, records, patient)
        t["unwitnessed"] = [[late[0], late[-1]]] if late else []
    recorder.end(clip)
    return c, late, refusal


def publish(root, folder, c, signed):
    """Puts the clip where the recorder would, with the other clip's film. signed: what seal() gave."""
    out = os.path.join(os.path.dirname(folder), "%s-%07d" % (c["station"]["id"], c["clip"]))
    shutil.copytree(folder, out)
    for name, data in (("clip.json", seal.write(c)), ("clip.json.minisig", signed[0]), ("checkpoint", signed[1])):
        with open(os.path.join(out, name), "wb") as f:
            f.write(data)
    return out
