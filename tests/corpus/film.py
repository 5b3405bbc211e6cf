# Films, taken apart and put together otherwise: boxes of an MP4, its samples, and a new ordinary MP4 of chosen samples.
import struct

CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf")


def boxes(data, at=0, end=None):
    """(type, start, body, end) of each box."""
    end = len(data) if end is None else end
    while at < end:
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = at + 8
        if size == 1:
            size, body = struct.unpack(">Q", data[at + 8:at + 16])[0], at + 16
        yield kind, at, body, at + size
        at += size


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def tree(data, start, end):
    """A box as [type, bytes] or [type, [children]], to be changed at will."""
    return [[k, tree(data, b, e) if k in CONTAINERS else data[b:e]] for k, _s, b, e in boxes(data, start, end)]


def flat(nodes):
    return b"".join(box(k, flat(v) if isinstance(v, list) else bytes(v)) for k, v in nodes)


def find(nodes, *path):
    """The node at a path of types."""
    for kind, value in nodes:
        if kind == path[0]:
            return [n for n in nodes if n[0] == kind][0] if len(path) == 1 else find(value, *path[1:])
    raise KeyError(path)


STBL = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


class Film:
    """An ordinary film whose moov stands at the end, as recorded."""

    def __init__(self, data):
        self.data = data
        where = [b for b in boxes(data) if b[0] == b"moov"]
        _k, self.at, _body, end = where[-1]
        self.moov = tree(data, self.at, end)
        self.samples = self._samples()

    def node(self, *path):
        return find(self.moov, *path)

    def table(self, kind):
        return self.node(*STBL, kind)[1]

    def _samples(self):
        stsz, stts, stsc = self.table(b"stsz"), self.table(b"stts"), self.table(b"stsc")
        same, n = struct.unpack(">II", stsz[4:12])
        sizes = [same] * n if same else list(struct.unpack(">%dI" % n, stsz[12:]))
        ticks = []
        for i in range(struct.unpack(">I", stts[4:8])[0]):
            count, d = struct.unpack(">II", stts[8 + 8 * i:16 + 8 * i])
            ticks += [d] * count
        kinds = [k for k, _v in self.node(*STBL)[1]]
        wide = b"co64" in kinds
        chunks = self.table(b"co64" if wide else b"stco")
        offsets = struct.unpack(">%d%s" % (struct.unpack(">I", chunks[4:8])[0], "Q" if wide else "I"), chunks[8:])
        runs = [struct.unpack(">III", stsc[8 + 12 * i:20 + 12 * i]) for i in range(struct.unpack(">I", stsc[4:8])[0])]
        sync = set(struct.unpack(">%dI" % struct.unpack(">I", self.table(b"stss")[4:8])[0], self.table(b"stss")[8:]))
        out, run = [], 0
        for c, at in enumerate(offsets, 1):
            while run + 1 < len(runs) and runs[run + 1][0] <= c:
                run += 1
            for _ in range(runs[run][1]):
                i = len(out)
                out.append({"at": at, "data": self.data[at:at + sizes[i]], "ticks": ticks[i], "sync": i + 1 in sync})
                at += sizes[i]
        return out

    def segments(self):
        out = []
        for s in self.samples:
            if s["sync"]:
                out.append([])
            out[-1].append(s)
        return out

    def with_moov(self, more=b""):
        """The same bytes under the changed moov."""
        return self.data[:self.at] + flat(self.moov) + more

    def made_of(self, samples):
        """A new film of these samples, in chunks of one sample."""
        ftyp = box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41")
        payload = b"".join(s["data"] for s in samples)
        first, offsets = len(ftyp) + 8, []
        for s in samples:
            offsets.append(first)
            first += len(s["data"])
        moov = tree(flat(self.moov), 0, len(flat(self.moov)))
        stbl = find(moov, *STBL)
        n = len(samples)
        words = lambda values: struct.pack(">%dI" % len(values), *values)
        stbl[1] = [find(moov, *STBL, b"stsd"),
                   [b"stts", words([0, n] + [x for s in samples for x in (1, s["ticks"])])],
                   [b"stss", words([0, sum(s["sync"] for s in samples)] + [i + 1 for i, s in enumerate(samples) if s["sync"]])],
                   [b"stsc", words([0, 1, 1, 1, 1])],
                   [b"stsz", words([0, 0, n] + [len(s["data"]) for s in samples])],
                   [b"stco", words([0, n] + offsets)]]
        total = sum(s["ticks"] for s in samples)
        media = self.scale(moov, b"moov", b"trak", b"mdia", b"mdhd")
        movie = self.scale(moov, b"moov", b"mvhd")
        self.set_duration(find(moov, b"moov", b"trak", b"mdia", b"mdhd"), total * media // 90000, 16)
        self.set_duration(find(moov, b"moov", b"mvhd"), total * movie // 90000, 16)
        self.set_duration(find(moov, b"moov", b"trak", b"tkhd"), total * movie // 90000, 20)
        trak = find(moov, b"moov", b"trak")
        trak[1] = [x for x in trak[1] if x[0] != b"edts"]
        return ftyp + box(b"mdat", payload) + flat(moov)

    @staticmethod
    def scale(moov, *path):
        body = find(moov, *path)[1]
        return struct.unpack(">I", body[20:24] if body[0] == 1 else body[12:16])[0]

    @staticmethod
    def set_duration(node, value, at):
        body = bytearray(node[1])
        if body[0] == 1:
            body[at + 8:at + 16] = struct.pack(">Q", value)
        else:
            body[at:at + 4] = struct.pack(">I", value)
        node[1] = bytes(body)


def nals(sample):
    at, out = 0, []
    while at < len(sample):
        n = struct.unpack(">I", sample[at:at + 4])[0]
        out.append(sample[at + 4:at + 4 + n])
        at += 4 + n
    return out


def of_nals(units):
    return b"".join(struct.pack(">I", len(u)) + u for u in units)
