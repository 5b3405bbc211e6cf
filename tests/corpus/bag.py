# Bundles, whole and bent: a stored zip with every header in reach, around a BagIt bag.
import hashlib
import struct
import zlib

TEXTS = {"bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
         "bag-info.txt": b"Bag-Software-Agent: corpus\nBagging-Date: 2026-11-21\n"}


def listed(files):
    return b"".join(b"%s  %s\n" % (hashlib.sha256(files[n]).hexdigest().encode(), n.encode()) for n in sorted(files))


def bag(payload, base="packseal-ST03-0000001/", manifest=None, tags=None):
    """payload: name below data/ -> bytes. The files of the bag, by full name. manifest, tags: other text than fits."""
    data = {"data/" + n: b for n, b in payload.items()}
    out = dict(TEXTS)
    out["manifest-sha256.txt"] = listed(data) if manifest is None else manifest
    out["tagmanifest-sha256.txt"] = listed(out) if tags is None else tags
    out.update(data)
    return {base + n: b for n, b in out.items()}


class Zip:
    """entries: [(name, bytes)]; `local` and `central` change fields of the headers of one name."""
    FIELDS = ("version", "flags", "method", "time", "date", "crc", "packed", "size")

    def __init__(self, files):
        self.entries = sorted(files.items())
        self.local, self.central = {}, {}
        self.between = self.prefix = self.suffix = self.comment = b""
        self.attributes, self.extra, self.local_extra = {}, {}, {}
        self.end = {}

    def fields(self, name, data, changes):
        f = {"version": 10, "flags": 0, "method": 0, "time": 0, "date": 33, "crc": zlib.crc32(data), "packed": len(data), "size": len(data)}
        f.update(changes.get(name, {}))
        return struct.pack("<HHHHHIII", *[f[k] for k in self.FIELDS])

    def bytes(self):
        out, directory = bytearray(self.prefix), bytearray()
        for i, (name, data) in enumerate(self.entries):
            n = name if isinstance(name, bytes) else name.encode()
            at, extra = len(out), self.local_extra.get(name, b"")
            local_name = self.local.get(name, {}).get("name", n)
            out += b"PK\3\4" + self.fields(name, data, self.local) + struct.pack("<HH", len(local_name), len(extra)) + local_name + extra + data
            extra = self.extra.get(name, b"")
            directory += b"PK\1\2\x1e\3" + self.fields(name, data, self.central)
            directory += struct.pack("<HHHHHII", len(n), len(extra), 0, 0, 0, self.attributes.get(name, 0o100644 << 16), at) + n + extra
            if i == 0:
                out += self.between
        e = {"here": len(self.entries), "n": len(self.entries), "size": len(directory), "off": len(out)}
        e.update(self.end)
        return bytes(out + directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, e["here"], e["n"], e["size"], e["off"], len(self.comment)) +
                     self.comment + self.suffix)
