# What a station signs, made anew by docs/FORMAT.md alone, so that a corpus can hold statements no station would sign:
# Ed25519 (RFC 8032), minisign files, openings, leaves, chains, and the notes and proofs of a ledger.
import base64
import hashlib
import json
import struct

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
_GY = 4 * pow(5, P - 2, P) % P


def _lift(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (P - x if x & 1 != sign else x), y


def _add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _multiply(n, p):
    r = (0, 1, 1, 0)
    while n:
        if n & 1:
            r = _add(r, p)
        p = _add(p, p)
        n >>= 1
    return r


_X, _Y = _lift(_GY, 0)
BASE = (_X, _Y, 1, _X * _Y % P)


def _encode(p):
    z = pow(p[2], P - 2, P)
    x, y = p[0] * z % P, p[1] * z % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


class Key:
    """An Ed25519 key from a name: the same name is the same key, in every run."""

    def __init__(self, name):
        h = hashlib.sha512(hashlib.sha256(name.encode()).digest()).digest()
        self.a = int.from_bytes(h[:32], "little") & ~7 & (1 << 254) - 1 | 1 << 254
        self.prefix = h[32:]
        self.public = _encode(_multiply(self.a, BASE))
        self.id = hashlib.sha256(b"id" + self.public).digest()[:8]

    def sign(self, message):
        r = int.from_bytes(hashlib.sha512(self.prefix + message).digest(), "little") % L
        point = _encode(_multiply(r, BASE))
        k = int.from_bytes(hashlib.sha512(point + self.public + message).digest(), "little") % L
        return point + ((r + k * self.a) % L).to_bytes(32, "little")

    @property
    def text(self):
        return base64.b64encode(b"Ed" + self.id + self.public).decode()

    @property
    def file(self):
        return ("untrusted comment: minisign public key\n%s\n" % self.text).encode()


def minisig(key, message, comment, untrusted="signature from the corpus"):
    sig = key.sign(hashlib.blake2b(message).digest())
    over = key.sign(sig + comment.encode())
    return ("untrusted comment: %s\n%s\ntrusted comment: %s\n%s\n" % (
        untrusted, base64.b64encode(b"ED" + key.id + sig).decode(), comment, base64.b64encode(over).decode())).encode()


# ---- statement, opening, leaf, chain

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def _str(s):
    b = s.encode()
    return struct.pack(">H", len(b)) + b


def opening(c):
    codes = [x for x in c["codes"] if x["opening"]]
    cameras = [t["camera"] for t in c["tracks"] if t["opening"]]
    out = [b"packseal/open/v1\0", bytes.fromhex(c["salt"]), _str(c["station"]["id"]), bytes([{"pack": 1, "return": 2, "audit": 3}[c["kind"]]]),
           _str(c["operator"]), struct.pack(">H", len(codes))]
    for x in codes:
        out += [_str(x["value"]), _str(x["raw"]), bytes([["unknown", "waybill", "parcel", "order", "sku"].index(x["type"])]),
                _str(x["carrier"]), bytes([["", "scanner", "camera", "manual", "api"].index(x["entry"])]), _str(x["device"])]
    out += [struct.pack(">H", len(cameras))] + [_str(n) for n in cameras]
    out += [_str(c["freshness"]["code"]), bytes.fromhex(c["freshness"]["token_sha256"])]
    return b"".join(out)


def chain(leaf, records):
    head = sha256(b"\0", leaf)
    for r in records:
        head = sha256(b"packseal/segment/v1\0", head, r)
    return head


def heads(c):
    return sha256(b"packseal/heads/v1\0", *[struct.pack(">I", i) + bytes.fromhex(t["head"]) for i, t in enumerate(c["tracks"])])


def rebind(c):
    """Leaf and heads anew, so that a changed statement holds together again."""
    leaf = bytearray.fromhex(c["open_leaf"])
    leaf[8:24] = sha256(b"packseal/log/v1\0", bytes.fromhex(c["ledger_key"]))[:16]
    leaf[24:40] = struct.pack(">QQ", c["clip"], c["clip"])
    leaf[108:140] = sha256(opening(c))
    leaf[142:146] = struct.pack(">I", c["take"])
    c["open_leaf"] = leaf.hex()
    for t in c["tracks"]:
        t["head"] = chain(bytes(leaf), [bytes.fromhex(r) for r in t["segments"]]).hex()


def comment(c, text):
    return "packseal v1 clip %s-%07d ended %s sha256 %s" % (c["station"]["id"], c["clip"], c["ended"]["wall"], hashlib.sha256(text).hexdigest())


def write(c):
    return (json.dumps(c, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


# ---- ledger: leaves, notes, proofs

def vkey_id(name, kind, public):
    return sha256(name.encode() + b"\n" + bytes([kind]) + public)[:4]


def vkey(name, kind, public):
    return "%s+%s+%s" % (name, vkey_id(name, kind, public).hex(), base64.b64encode(bytes([kind]) + public).decode())


def seal_leaf(c, text, index):
    leaf = bytearray.fromhex(c["open_leaf"])[:142]
    leaf[4] = 3
    leaf[24:40] = struct.pack(">QQ", index, c["clip"])
    leaf[76:108] = heads(c)
    leaf[108:140] = sha256(text)
    leaf[140:142] = b"\0\0"
    return bytes(leaf)


def other_leaf(c, index, nonce):
    leaf = bytearray.fromhex(c["open_leaf"])[:142]
    leaf[4] = 1
    leaf[24:40] = struct.pack(">QQ", index, index)
    leaf[108:140] = sha256(nonce)
    leaf[140:142] = b"\0\0"
    return bytes(leaf)


def _split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def root(hashes):
    if not hashes:
        return sha256()
    if len(hashes) == 1:
        return hashes[0]
    k = _split(len(hashes))
    return sha256(b"\1", root(hashes[:k]), root(hashes[k:]))


def path(i, hashes):
    if len(hashes) == 1:
        return []
    k = _split(len(hashes))
    return path(i, hashes[:k]) + [root(hashes[k:])] if i < k else path(i - k, hashes[k:]) + [root(hashes[:k])]


def note(text, name, key):
    sig = base64.b64encode(vkey_id(name, 1, key.public) + key.sign(text.encode())).decode()
    return "%s\n— %s %s\n" % (text, name, sig)


def checkpoint(origin, hashes, key):
    return note("%s\n%d\n%s\n" % (origin, len(hashes), base64.b64encode(root(hashes)).decode()), origin, key)


def proof(leaf, index, hashes, signed):
    lines = ["c2sp.org/tlog-proof@v1", "extra " + base64.b64encode(leaf).decode(), "index %d" % index]
    lines += [base64.b64encode(h).decode() for h in path(index, hashes)]
    return ("\n".join(lines) + "\n\n" + signed).encode()
