# What lies outside the statement: proofs of the ledger, time stamps, certificates, excerpts; whole and bent.
import base64
import hashlib
import json

import authority
import bag
import film
import seal

ORIGIN = "packseal.invalid/ST03"
STAMP, BEFORE, AFTER = "20300102030405Z", "20300101000000Z", "20300103000000Z"
WITNESS, COSIGNED = "witness.example/corpus", 1893553445  # 2030-01-02T03:04:05Z
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Ledger:
    """A log of n leaves that holds a clip's open leaf at its number and its seal later."""

    def __init__(self, key, c, raw, n=9, last=6, origin=ORIGIN, nonce=b""):
        self.key, self.origin = key, origin
        self.seal_index = max(last, c["clip"] + 1)
        n = max(n, self.seal_index + 1)
        self.leaves = [seal.other_leaf(c, i, b"%d" % i + nonce) for i in range(n)]
        self.leaves[c["clip"]] = bytes.fromhex(c["open_leaf"])
        self.leaves[self.seal_index] = seal.seal_leaf(c, raw, self.seal_index)

    def hashes(self, n=None):
        return [seal.sha256(b"\0", leaf) for leaf in self.leaves[:n]]

    def checkpoint(self, n=None):
        return seal.checkpoint(self.origin, self.hashes(n), self.key)

    def proof(self, i, n=None, signed=None):
        return seal.proof(self.leaves[i], i, self.hashes(n), signed or self.checkpoint(n))


class Case:
    """A clip with its proofs, to be bent."""

    def __init__(self, k, station, ledger, change=None, rebind=False, **more):
        self.files = k.a.folder(change, rebind=rebind)
        self.c, self.raw = json.loads(self.files["clip.json"]), self.files["clip.json"]
        self.log = Ledger(ledger, self.c, self.raw, **more)
        self.name = k.a.name
        self.payload = {"keys/clip.pub": station.file}
        self.prove()

    def prove(self, n=None):
        self.files["open.tlog-proof"] = self.log.proof(self.c["clip"], n)
        self.files["seal.tlog-proof"] = self.log.proof(self.log.seal_index, n)
        self.files["checkpoint"] = self.log.checkpoint(n).encode()

    @property
    def stamped(self):
        return self.log.checkpoint().encode()

    def token(self, token, chain=b"", name=None):
        folder = "tokens/" + (name or hashlib.sha256(token).hexdigest()[:16])
        self.payload[folder + "/token.tsr"] = token
        self.payload[folder + "/checkpoint"] = self.log.checkpoint().encode()
        if chain:
            self.payload[folder + "/chain.pem"] = chain

    def zip(self):
        return bag.Zip(bag.bag({**self.payload, **{"%s/%s" % (self.name, n): d for n, d in self.files.items()}})).bytes()


def code_of(token):
    """The freshness code, the signature being the last thing in a token without unsigned attributes."""
    at = max(token.rfind(b"\x04\x82\x01\x00", 0, len(token) - 255), 0)
    signature = token[at + 4:] if at and at + 4 + 256 == len(token) else None
    if signature is None:  # an EC signature: OCTET STRING of a SEQUENCE
        for size in range(64, 120):
            if token[-size - 2:-size] == bytes([4, size]) and token[-size] == 0x30:
                signature = token[-size:]
    v = int.from_bytes(seal.sha256(b"packseal/freshness/v1\0", signature)[:5], "big")
    return "".join(DIGITS[v >> (35 - 5 * i) & 31] for i in range(8))


def ledgers(k, make):
    def bent(name, change, trust="station", **more):
        case = make(**more)
        change(case)
        k.case("ledger-" + name, case.zip(), trust)

    def proof(which, change):
        def apply(case):
            n = which + ".tlog-proof"
            case.files[n] = change(case.files[n], case)
        return apply
    bent("included", lambda case: None)
    bent("of-three-leaves", lambda case: case.prove(), n=3, last=2)
    bent("included-key-unknown", lambda case: None, trust=None)
    bent("open-proof-missing", lambda case: case.files.pop("open.tlog-proof"))
    bent("seal-proof-missing", lambda case: case.files.pop("seal.tlog-proof"))
    bent("both-proofs-missing", lambda case: [case.files.pop(n) for n in ("open.tlog-proof", "seal.tlog-proof")])
    bent("proofs-exchanged", lambda case: case.files.update({"open.tlog-proof": case.files["seal.tlog-proof"],
                                                             "seal.tlog-proof": case.files["open.tlog-proof"]}))
    bent("another-leaf-proven", lambda case: case.files.update({"open.tlog-proof": case.log.proof(0)}))
    bent("two-checkpoints", lambda case: case.files.update({"open.tlog-proof": case.log.proof(case.c["clip"], 5)}))
    for which in ("open", "seal"):
        bent(which + "-empty", proof(which, lambda p, case: b""))
        bent(which + "-cut", proof(which, lambda p, case: p[:-20]))
        bent(which + "-hash-bit", proof(which, lambda p, case: swap(p, 3, lambda line: flip64(line))))
        bent(which + "-hash-left-out", proof(which, lambda p, case: lines(p, lambda x: x[:3] + x[4:])))
        bent(which + "-hash-added", proof(which, lambda p, case: lines(p, lambda x: x[:4] + [x[3]] + x[4:])))
        bent(which + "-index-wrong", proof(which, lambda p, case: swap(p, 2, lambda line: b"index 3")))
        bent(which + "-index-with-zero", proof(which, lambda p, case: swap(p, 2, lambda line: line.replace(b"index ", b"index 0"))))
        bent(which + "-leaf-bit", proof(which, lambda p, case: swap(p, 1, lambda line: b"extra " + flip64(line[6:]))))
        bent(which + "-leaf-missing", proof(which, lambda p, case: lines(p, lambda x: x[:1] + x[2:])))
        bent(which + "-later-version", proof(which, lambda p, case: p.replace(b"proof@v1", b"proof@v2")))
        bent(which + "-signature-bit", proof(which, lambda p, case: p[:-20] + bytes([p[-20] ^ 1]) + p[-19:]))
        bent(which + "-crlf", proof(which, lambda p, case: p.replace(b"\n", b"\r\n")))
    other = seal.Key("another ledger")
    bent("signed-by-another-key", lambda case: (setattr(case.log, "key", other), case.prove()))
    bent("another-origin", lambda case: (setattr(case.log, "origin", ORIGIN + "/2"), case.prove()))
    bent("two-origins", lambda case: (setattr(case.log, "origin", ORIGIN + "/2"), case.files.update({"seal.tlog-proof": case.log.proof(case.log.seal_index)})))
    bent("origin-with-a-blank", lambda case: (setattr(case.log, "origin", "ST 03"), case.prove()))
    bent("seal-of-another-statement", lambda case: (case.log.leaves.__setitem__(case.log.seal_index, seal.seal_leaf(case.c, b"x", case.log.seal_index)), case.prove()))
    bent("seal-of-another-clip", lambda case: (case.log.leaves.__setitem__(case.log.seal_index, seal.seal_leaf({**case.c, "clip": case.c["clip"] - 1}, case.raw, case.log.seal_index)), case.prove()))
    bent("seal-with-other-heads", lambda case: (case.log.leaves.__setitem__(case.log.seal_index, seal.seal_leaf(
        {**case.c, "tracks": case.c["tracks"][:1]}, case.raw, case.log.seal_index)), case.prove()))
    bent("leaf-names-another-place", lambda case: (case.log.leaves.__setitem__(case.log.seal_index, seal.seal_leaf(case.c, case.raw, 4)), case.prove()))
    fork = make(nonce=b"fork")
    bent("fork", lambda case: case.files.update({"seal.tlog-proof": fork.log.proof(fork.log.seal_index)}))
    bent("witness-unknown", proof("seal", lambda p, case: p + "— witness.example/w1 {}\n".format(base64.b64encode(bytes(76)).decode()).encode()))
    bent("unknown-kind-of-signature", proof("seal", lambda p, case: p + "— pq.example {}\n".format(base64.b64encode(bytes(3000)).decode()).encode()))
    bent("line-that-is-no-signature", proof("seal", lambda p, case: p + b"- x AAAA\n"))
    bent("signed-twice", proof("seal", lambda p, case: p + p[p.rindex("—".encode()):]))
    bent("extension-line", lambda case: extended(case))
    bent("unsigned-statement", lambda case: case.files.pop("clip.json.minisig"))
    bent("statement-bit", lambda case: case.files.update({"clip.json": case.raw.replace(b'"model":"', b'"model":"x', 1)}))
    good = make()
    clip = "packseal-trust 1\nclip %s\n" % good.c["key"]
    k.trust("log", clip + "log %s\n" % seal.vkey(ORIGIN, 1, good.log.key.public))
    k.trust("log-other", clip + "log %s\n" % seal.vkey(ORIGIN, 1, other.public))
    k.trust("log-elsewhere", clip + "log %s\n" % seal.vkey("packseal.invalid/ST77", 1, other.public))
    k.trust("log-renamed", clip + "log %s\n" % seal.vkey(ORIGIN + "/2", 1, good.log.key.public))
    k.trust("log-renamed-and-known", clip + "log %s\nlog %s\n" % (seal.vkey(ORIGIN + "/2", 1, good.log.key.public), seal.vkey(ORIGIN, 1, good.log.key.public)))
    for trust in ("log", "log-other", "log-elsewhere", "log-renamed", "log-renamed-and-known"):
        bent("registered-" + trust, lambda case: None, trust=trust)


def cosignature(key, text, when, name=None, change=None):
    """A line of C2SP tlog-cosignature, v1, over a checkpoint's text."""
    signed = when.to_bytes(8, "big") + key.sign(b"cosignature/v1\ntime %d\n" % when + text.encode())
    name = name or WITNESS
    return "— %s %s\n" % (name, base64.b64encode(seal.vkey_id(name, 4, key.public) + (change(signed) if change else signed)).decode())


def witnesses(k, make, tsa):
    w1, w2, stranger = seal.Key("witness"), seal.Key("second witness"), seal.Key("strange witness")
    clip = "packseal-trust 1\nclip %s\n" % k.station.text
    w1_line, w2_line = ("witness %s\n" % seal.vkey(n, 4, w.public) for n, w in ((WITNESS, w1), (WITNESS + "/2", w2)))
    k.trust("witness", clip + w1_line)
    k.trust("two-witnesses", clip + w2_line + w1_line)
    k.trust("witness-and-anchor", clip + w1_line + "tsa %s\n" % tsa.anchor("root"))
    k.trust("key-ended", "packseal-trust 1\nclip %s until=2029-12-31T00:00:00Z\n%s" % (k.station.text, w1_line))

    def bent(name, lines, trust="witness", which=("open", "seal"), more=None, group="witness-", **how):
        case = make(**how)
        text = case.log.checkpoint().split("\n\n")[0] + "\n"
        for n in which:
            case.files[n + ".tlog-proof"] += "".join(lines(text)).encode()
        if more:
            more(case)
        k.case(group + name, case.zip(), trust)
    one = lambda **how: lambda text: [cosignature(w1, text, COSIGNED, **how)]
    bent("trusted", one())
    bent("not-in-the-trust", one(), trust="station")
    bent("no-trust", one(), trust=None)
    bent("two", lambda t: [cosignature(w1, t, COSIGNED), cosignature(w2, t, COSIGNED - 60, WITNESS + "/2")], trust="two-witnesses")
    bent("one-of-two", one(), trust="two-witnesses")
    bent("and-a-stranger", lambda t: [cosignature(stranger, t, COSIGNED, "elsewhere.example"), cosignature(w1, t, COSIGNED)])
    bent("stranger-wrong", lambda t: [cosignature(stranger, t, COSIGNED, "elsewhere.example", change=lambda s: s[:-1] + b"\0")])
    bent("imposter", lambda t: [cosignature(stranger, t, COSIGNED)])  # the name alone: another number
    bent("wrong-signature", one(change=lambda s: s[:-9] + bytes([s[-9] ^ 1]) + s[-8:]))
    bent("wrong-untrusted", one(change=lambda s: s[:-9] + bytes([s[-9] ^ 1]) + s[-8:]), trust="station")
    bent("wrong-in-the-open-proof", one(change=lambda s: s[:-9] + bytes([s[-9] ^ 1]) + s[-8:]), which=("open",))
    bent("in-the-seal-proof-alone", one(), which=("seal",))
    bent("in-the-open-proof-alone", one(), which=("open",))
    bent("another-time", one(change=lambda s: (COSIGNED - 1).to_bytes(8, "big") + s[8:]))
    bent("another-text", lambda t: [cosignature(w1, t.replace("\n", "\n\n", 1), COSIGNED)])
    bent("cut", one(change=lambda s: s[:-1]))
    bent("longer", one(change=lambda s: s + b"x"))
    bent("as-a-ledger-signs", lambda t: [cosignature(w1, t, COSIGNED, change=lambda s: w1.sign(t.encode()))])
    bent("twice", lambda t: [cosignature(w1, t, COSIGNED), cosignature(w1, t, COSIGNED - 3600)])
    bent("twice-one-wrong", lambda t: [cosignature(w1, t, COSIGNED), cosignature(w1, t, COSIGNED, change=lambda s: bytes(72))])
    for name, when in (("zero", 0), ("one", 1), ("last", 9223372035), ("too-late", 9223372036), ("no-number", 1 << 63), ("largest", (1 << 63) - 1)):
        bent("time-" + name, lambda t, when=when: [cosignature(w1, t, when)])
    bent("without-proofs", one(), more=lambda case: [case.files.pop(n) for n in ("open.tlog-proof", "seal.tlog-proof")])
    bent("of-another-leaf", one(), more=lambda case: case.files.update({"open.tlog-proof": case.files["seal.tlog-proof"]}))
    bent("after-the-key-ended", one(), trust="key-ended")
    chain = tsa.pem("rsa", "sub", "root")
    stamp = lambda t: lambda case: case.token(authority.response(tsa.token(case.stamped, t)), chain)
    bent("and-stamped-later", one(), trust="witness-and-anchor", more=stamp(AFTER), group="time-witness-")
    bent("and-stamped-before", one(), trust="witness-and-anchor", more=stamp(BEFORE), group="time-witness-")
    for name, t in (("before", BEFORE), ("after", AFTER)):
        token = authority.response(tsa.token(b"an older checkpoint", t))
        bent("fresh-" + name, one(), trust="witness-and-anchor", more=lambda case, token=token: case.token(token, chain), group="time-witness-", rebind=True,
             change=lambda c, token=token: c["freshness"].update(code=code_of(token), token_sha256=hashlib.sha256(token).hexdigest()))


def flip64(text):
    raw = bytearray(base64.b64decode(text))
    raw[3] ^= 1
    return base64.b64encode(bytes(raw))


def lines(p, change):
    return b"\n".join(change(p.split(b"\n")))


def swap(p, i, change):
    return lines(p, lambda x: x[:i] + [change(x[i])] + x[i + 1:])


def extended(case):
    text = case.log.checkpoint().split("\n\n")[0] + "\nextension line\n"
    signed = seal.note(text, case.log.origin, case.log.key)
    for n, i in (("open", case.c["clip"]), ("seal", case.log.seal_index)):
        case.files[n + ".tlog-proof"] = case.log.proof(i, signed=signed)


def times(k, make, tsa):
    chain, anchored = tsa.pem("rsa", "sub", "root"), "anchored"

    def bent(name, do, trust=anchored, **more):
        case = make(**more)
        do(case)
        k.case("time-" + name, case.zip(), trust)

    def one(name, trust=anchored, pem=chain, wrap=authority.response, time=STAMP, **how):
        bent(name, lambda case: case.token(wrap(tsa.token(case.stamped, time, **how)), pem), trust)
    one("stamped")
    one("stamped-bare-token", wrap=lambda t: t)
    one("stamped-to-the-nanosecond", time="20300102030405.123456789Z")
    one("stamped-without-accuracy", accuracy=None)
    one("stamped-chain-in-token-alone", pem=b"")
    one("stamped-chain-beside-alone", embed=False)
    one("stamped-no-chain", pem=b"", embed=False)
    one("stamped-ec256", signer="ec256", pem=tsa.pem("ec256", "sub", "root"))
    one("stamped-ec384-sha384", signer="ec384", certs=("root",), hash_name="sha384", pem=tsa.pem("ec384", "root"))
    one("stamped-sha512", hash_name="sha512")
    one("stamped-pss", more=("-keyopt", "rsa_padding_mode:pss"))
    one("anchor-is-the-sub", trust="anchored-sub")
    one("no-anchors", trust="station")
    one("no-trust", trust=None)
    one("foreign-authority", signer="foreign", certs=("stranger",), pem=tsa.pem("foreign", "stranger"))
    one("chain-without-the-middle", certs=(), pem=tsa.pem("rsa", "root"))
    one("expired", time="20900102030405Z")
    one("not-yet-valid", time="20200102030405Z")
    one("purpose-not-critical", signer="mild", pem=tsa.pem("mild", "sub", "root"))
    one("two-purposes", signer="both", pem=tsa.pem("both", "sub", "root"))
    one("no-purpose", signer="none", pem=tsa.pem("none", "sub", "root"))
    one("short-key", signer="short", pem=tsa.pem("short", "sub", "root"))
    one("issued-by-no-authority", signer="under", certs=("rsa", "sub"), pem=tsa.pem("under", "rsa", "sub", "root"))
    one("sha1-digest", hash_name="sha1")
    one("sha3-digest", hash_name="sha3-256")
    one("not-bound", cades=False)
    one("imprint-sha512", digest="sha512")
    one("accuracy-of-days", accuracy=(90000, 0, 0))
    one("later-version", version=2)
    one("critical-extension", extra=authority.tlv(0xa1, authority.tlv(0x30, authority.oid("1.2.3.4"), b"\1\1\xff", authority.tlv(4, b"x"))))
    one("local-time", time="20300102030405+0100")
    one("no-such-day", time="20300230030405Z")
    one("refused", wrap=lambda t: authority.response(b"", 2))
    one("granted-without-token", wrap=lambda t: authority.response(b""))
    one("trailing-byte", wrap=lambda t: authority.response(t) + b"\0")
    one("cut", wrap=lambda t: authority.response(t)[:-9])
    one("chain-is-damaged", pem=chain.replace(b"MII", b"M!!", 1))
    one("chain-with-a-key", pem=chain + b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    one("signature-bit", wrap=lambda t: authority.response(t[:-30] + bytes([t[-30] ^ 1]) + t[-29:]))
    one("time-bit", wrap=lambda t: authority.response(t.replace(STAMP.encode(), b"20200102030405Z", 1)))
    bent("token-empty", lambda case: case.token(b"", chain, name="x"))
    bent("token-noise", lambda case: case.token(b"\x30\x80noise" * 9, chain, name="x"))
    bent("of-another-checkpoint", lambda case: case.token(authority.response(tsa.token(b"other", STAMP)), chain))
    bent("without-proofs", lambda case: (case.token(authority.response(tsa.token(case.stamped, STAMP)), chain),
                                         [case.files.pop(n) for n in ("open.tlog-proof", "seal.tlog-proof")]))
    bent("two-stamps", lambda case: [case.token(authority.response(tsa.token(case.stamped, t)), chain) for t in (STAMP, BEFORE)])
    bent("one-good-one-foreign", lambda case: (case.token(authority.response(tsa.token(case.stamped, STAMP)), chain),
                                               case.token(authority.response(tsa.token(case.stamped, BEFORE, signer="foreign", certs=("stranger",))), b"")))
    for name, when, reason in (("before", "200101000000Z", "superseded"), ("after", "310101000000Z", "superseded"),
                               ("after-stolen", "310101000000Z", "keyCompromise"), ("after-unsaid", "310101000000Z", None)):
        one("list-revokes-" + name, pem=chain + tsa.revoked("rsa", "sub", when, reason))
    one("list-revokes-the-middle", pem=chain + tsa.revoked("sub", "root", "200101000000Z", "superseded"))
    one("list-by-a-stranger", pem=chain + tsa.revoked("rsa", "stranger", "200101000000Z", "superseded"))
    fresh(k, make, tsa, chain, bent)
    lifted(k, tsa, chain, bent)


def fresh(k, make, tsa, chain, bent):
    token = authority.response(tsa.token(b"an older checkpoint", BEFORE))

    def of(tok, said=None, digest=None):
        return {"change": lambda c: c["freshness"].update(code=said or code_of(tok), token_sha256=digest or hashlib.sha256(tok).hexdigest()), "rebind": True}
    stamp = lambda case, t=STAMP: case.token(authority.response(tsa.token(case.stamped, t)), chain)
    bent("fresh", lambda case: case.token(token, chain), **of(token))
    bent("fresh-and-stamped", lambda case: (case.token(token, chain), stamp(case)), **of(token))
    bent("fresh-without-proofs", lambda case: (case.token(token, chain), [case.files.pop(n) for n in ("open.tlog-proof", "seal.tlog-proof")]), **of(token))
    bent("fresh-untrusted", lambda case: case.token(token, chain), trust="station", **of(token))
    bent("fresh-not-enclosed", lambda case: stamp(case), **of(token))
    bent("fresh-of-another-code", lambda case: case.token(token, chain), **of(token, said="00000000"))
    bent("fresh-of-another-token", lambda case: (case.token(token, chain), stamp(case)), **of(token, digest="11" * 32))
    late = authority.response(tsa.token(b"an older checkpoint", AFTER))
    bent("fresh-after-stamped", lambda case: (case.token(late, chain), stamp(case)), **of(late))
    ec = authority.response(tsa.token(b"an older checkpoint", BEFORE, signer="ec256"))
    bent("fresh-ec", lambda case: case.token(ec, tsa.pem("ec256", "sub", "root")), **of(ec))


def lifted(k, tsa, chain, bent):
    """A time from outside against the registered key's revocation and validity."""
    clip = k.a.c["key"]
    anchors = "tsa %s name=\"根\"\n" % tsa.anchor("root")
    for name, text in (("revoked-before", "clip %s\nrevoked %s since=2029-01-01T00:00:00Z\n" % (clip, clip)),
                       ("revoked-after", "clip %s\nrevoked %s since=2031-01-01T00:00:00Z\n" % (clip, clip)),
                       ("revoked-for-ever", "clip %s\nrevoked %s\n" % (clip, clip)), ("valid-then", "clip %s from=2029-01-01T00:00:00Z\n" % clip),
                       ("ended-then", "clip %s until=2029-01-01T00:00:00Z\n" % clip)):
        k.trust("anchored-" + name, "packseal-trust 1\n" + text + anchors)
        bent("key-" + name, lambda case: case.token(authority.response(tsa.token(case.stamped, STAMP)), chain), trust="anchored-" + name)


def certificates(k, make, root):
    def cert(case, key=root, text=None, **change):
        c = {"type": "packseal-cert", "version": 1, "crit": [], "merchant": "封箱", "station": "ST03", "clip_key": case.c["key"],
             "ledger_key": seal.vkey(ORIGIN, 1, case.log.key.public), "from": "2026-01-01T00:00:00.000Z", "until": "2126-01-01T00:00:00.000Z", "serial": 7}
        c.update(change)
        raw = seal.write(c)
        raw = text(raw) if text else raw
        case.payload["keys/cert.json"] = raw
        case.payload["keys/cert.json.minisig"] = seal.minisig(key, raw, "signed by the merchant")

    def bent(name, change, trust="roots"):
        case = make()
        change(case)
        k.case("cert-" + name, case.zip(), trust)
    stranger = seal.Key("stranger")
    k.trust("root-merchant", "packseal-trust 1\nroot %s merchant=\"封箱\"\n" % root.text)
    k.trust("root-other-merchant", "packseal-trust 1\nroot %s merchant=\"别家\"\n" % root.text)
    k.trust("root-revoked", "packseal-trust 1\nroot %s\nrevoked %s\n" % (root.text, root.text))
    k.trust("root-key-revoked", "packseal-trust 1\nroot %s\nrevoked %s\n" % (root.text, k.a.c["key"]))
    k.trust("root-key-revoked-later", "packseal-trust 1\nroot %s\nrevoked %s since=2126-01-01T00:00:00Z\n" % (root.text, k.a.c["key"]))
    k.trust("two-roots", "packseal-trust 1\nroot %s\nroot %s\n" % (stranger.text, root.text))
    for trust in ("roots", "root-merchant", "root-other-merchant", "root-revoked", "root-key-revoked", "root-key-revoked-later", "two-roots", "station", None):
        bent("by-%s" % (trust or "nobody"), cert, trust)
    bent("none", lambda case: None)
    bent("by-a-stranger", lambda case: cert(case, key=stranger))
    bent("unsigned", lambda case: (cert(case), case.payload.pop("keys/cert.json.minisig")))
    bent("changed", lambda case: (cert(case), case.payload.update({"keys/cert.json": case.payload["keys/cert.json"].replace(b"ST03", b"ST04", 1)})))
    bent("signature-empty", lambda case: (cert(case), case.payload.update({"keys/cert.json.minisig": b""})))
    bent("other-station", lambda case: cert(case, station="ST04"))
    bent("other-key", lambda case: cert(case, clip_key=stranger.text))
    bent("other-ledger", lambda case: cert(case, ledger_key=seal.vkey(ORIGIN, 1, stranger.public)))
    bent("ledger-is-a-witness", lambda case: cert(case, ledger_key=seal.vkey(ORIGIN, 4, case.log.key.public)))
    bent("ended", lambda case: cert(case, **{"from": "2020-01-01T00:00:00.000Z", "until": "2021-01-01T00:00:00.000Z"}))
    bent("ends-before-it-begins", lambda case: cert(case, until="2025-01-01T00:00:00.000Z"))
    bent("later-version", lambda case: cert(case, version=2))
    bent("crit-unknown", lambda case: cert(case, crit=["colour"], colour="red"))
    bent("duplicate-key", lambda case: cert(case, text=lambda t: t.replace(b'"serial":', b'"serial":1,"serial":')))
    bent("no-serial", lambda case: cert(case, text=lambda t: t.replace(b',"serial":7', b"")))
    bent("too-long", lambda case: cert(case, note="x" * 20000))
    # Bundles of clips under several keys bring several.
    other = {"keys/cert.json": "keys/cert-0123456789abcdef.json", "keys/cert.json.minisig": "keys/cert-0123456789abcdef.json.minisig"}

    def beside(case, **change):
        cert(case, **change)
        for name, moved in other.items():
            case.payload[moved] = case.payload.pop(name)

    bent("beside", beside)
    bent("beside-one-for-another-key", lambda case: (beside(case), cert(case, clip_key=stranger.text)))
    bent("beside-one-by-a-stranger", lambda case: (beside(case), cert(case, key=stranger)))
    bent("two-for-other-keys", lambda case: (beside(case, clip_key=stranger.text), cert(case, station="ST04")))
    bent("one-unknown-one-other", lambda case: (beside(case, key=stranger), cert(case, station="ST04")))
    bent("beside-an-ended-one", lambda case: (beside(case), cert(case, **{"from": "2020-01-01T00:00:00.000Z", "until": "2021-01-01T00:00:00.000Z"})))
    bent("beside-both-ended", lambda case: (beside(case, **{"from": "2020-01-01T00:00:00.000Z", "until": "2021-01-01T00:00:00.000Z"}),
                                            cert(case, **{"from": "2020-01-01T00:00:00.000Z", "until": "2022-01-01T00:00:00.000Z"})))
    bent("in-a-folder-below", lambda case: (cert(case), case.payload.update({"keys/cert-old/x.json": case.payload.pop("keys/cert.json")})))
    revocations(k, make, root, cert, stranger)


def revocations(k, make, root, cert, stranger):
    """Revocations that travel along: by a trusted root they count as a line of the trust file would."""
    early, late = "2020-01-01T00:00:00.000Z", "2126-01-01T00:00:00.000Z"

    def revocation(case, key=root, since=early, name="keys/revocation-1.json", signed=True, **change):
        r = {"type": "packseal-revocation", "version": 1, "crit": [], "merchant": "封箱", "clip_key": case.c["key"], "since": since, "reason": "stolen"}
        r.update(change)
        case.payload[name] = seal.write(r)
        if signed:
            case.payload[name + ".minisig"] = seal.minisig(key, case.payload[name], "signed by the merchant")

    def bent(name, change, trust="roots"):
        case = make()
        cert(case)
        change(case)
        k.case("revocation-" + name, case.zip(), trust)
    clip = "clip %s" % k.a.c["key"]
    k.trust("root-and-clip", "packseal-trust 1\nroot %s\n%s\n" % (root.text, clip))
    k.trust("root-and-clip-of-other", "packseal-trust 1\nroot %s\n%s merchant=\"别家\"\n" % (root.text, clip))
    k.trust("root-and-revoked-later", "packseal-trust 1\nroot %s\nrevoked %s since=%s\n" % (root.text, k.a.c["key"], late))
    for trust in ("roots", "root-merchant", "root-other-merchant", "root-and-clip", "root-and-clip-of-other", "root-and-revoked-later", "two-roots",
                  "station", None):
        bent("by-%s" % (trust or "nobody"), revocation, trust)
    bent("later", lambda case: revocation(case, since=late))
    bent("two", lambda case: (revocation(case, since=late), revocation(case, name="keys/revocation-2.json")))
    bent("by-a-stranger", lambda case: revocation(case, key=stranger))
    bent("unsigned", lambda case: revocation(case, signed=False))
    bent("changed", lambda case: (revocation(case, since=late), case.payload.update({"keys/revocation-1.json": case.payload["keys/revocation-1.json"].replace(b"2126", b"2026")})))
    bent("signature-empty", lambda case: (revocation(case), case.payload.update({"keys/revocation-1.json.minisig": b""})))
    bent("of-another-key", lambda case: revocation(case, clip_key=stranger.text))
    bent("of-another-key-by-a-stranger", lambda case: revocation(case, clip_key=stranger.text, key=stranger))
    bent("of-another-merchant", lambda case: revocation(case, merchant="别家"))
    bent("in-another-name", lambda case: revocation(case, merchant="别家"), "root-merchant")
    bent("for-no-reason", lambda case: revocation(case, reason="bored"))
    bent("later-version", lambda case: revocation(case, version=2))
    bent("crit-unknown", lambda case: revocation(case, crit=["colour"], colour="red"))
    bent("too-long", lambda case: revocation(case, note="x" * 20000))
    bent("elsewhere", lambda case: revocation(case, name="keys/old/revocation-1.json"))
    bent("without-a-certificate", lambda case: (revocation(case), case.payload.pop("keys/cert.json")))
    bent("of-an-unknown-key-by-a-stranger", lambda case: (revocation(case, key=stranger), case.payload.pop("keys/cert.json")))
    bent("noise", lambda case: case.payload.update({"keys/revocation-1.json": b"{"}))


def excerpts(k, make):
    films = {n: film.Film(k.a.files[n]) for n in ("top.mp4", "side.mp4")}
    runs = {n: f.segments() for n, f in films.items()}

    def cut(name, first, last):
        return films[name].made_of(sum(runs[name][first:last + 1], []))
    photos = sorted(n for n in k.a.files if n.endswith(".jpg"))

    def bent(name, tracks=(("top.mp4", 1, 3), ("side.mp4", 1, 3)), originals=(photos[0],), change=None, files=None, text=None):
        case = make()
        x = {"type": "packseal-excerpt", "version": 1, "crit": [], "statement_sha256": hashlib.sha256(case.raw).hexdigest(),
             "tracks": [{"track": ["top.mp4", "side.mp4"].index(n), "first": a, "last": b, "file": n} for n, a, b in tracks], "originals": list(originals)}
        for n in (*films, *photos):
            del case.files[n]
        for n, a, b in tracks:
            case.files[n] = cut(n, a, b)
        for n in originals:
            case.files[n] = k.a.files[n]
        if change:
            change(x)
        raw = json.dumps(x).encode()
        case.files["excerpt.json"] = text(raw) if text else raw
        for n, d in (files(case) if files else {}).items():
            case.files[n] = d
            if d is None:
                del case.files[n]
        k.case("excerpt-" + name, case.zip())
    last = len(runs["top.mp4"]) - 1, len(runs["side.mp4"]) - 1
    bent("of-the-middle")
    bent("of-one-segment", tracks=(("top.mp4", 2, 2),))
    bent("of-one-camera", tracks=(("side.mp4", 0, last[1]),))
    bent("without-photographs", originals=())
    bent("of-the-whole", tracks=(("top.mp4", 0, last[0]), ("side.mp4", 0, last[1])), originals=photos)
    bent("without-descriptor", files=lambda case: {"excerpt.json": None})
    bent("one-segment-more", files=lambda case: {"top.mp4": cut("top.mp4", 1, 4)})
    bent("one-segment-less", files=lambda case: {"top.mp4": cut("top.mp4", 1, 2)})
    bent("other-run", files=lambda case: {"top.mp4": cut("top.mp4", 0, 1)})
    bent("picture-bit", files=lambda case: {"top.mp4": bytes(b ^ (i == 9000) for i, b in enumerate(cut("top.mp4", 1, 3)))})
    bent("segment-of-the-other-clip", files=lambda case: {"top.mp4": films["top.mp4"].made_of(
        sum(runs["top.mp4"][1:3], []) + film.Film(k.b.files["top.mp4"]).segments()[1])})
    bent("film-whole", files=lambda case: {"top.mp4": k.a.files["top.mp4"]})
    bent("film-not-there", files=lambda case: {"top.mp4": None})
    bent("film-not-listed", tracks=(("top.mp4", 1, 3),), files=lambda case: {"side.mp4": k.a.files["side.mp4"]})
    bent("photograph-not-listed", originals=(), files=lambda case: {photos[0]: k.a.files[photos[0]]})
    bent("photograph-not-there", files=lambda case: {photos[0]: None})
    bent("of-another-statement", change=lambda x: x.update(statement_sha256="00" * 32))
    bent("of-no-such-segment", change=lambda x: x["tracks"][0].update(last=99))
    bent("of-no-such-track", change=lambda x: x["tracks"][0].update(track=7))
    bent("of-no-tracks", change=lambda x: x.update(tracks=[]))
    bent("tracks-turned-round", change=lambda x: x["tracks"].reverse())
    bent("backwards", change=lambda x: x["tracks"][0].update(first=3, last=1))
    bent("photograph-twice", change=lambda x: x["originals"].append(x["originals"][0]))
    bent("photograph-unknown", change=lambda x: x["originals"].append("originals/none.jpg"))
    bent("later-version", change=lambda x: x.update(version=2))
    bent("crit-unknown", change=lambda x: x.update(crit=["speed"], speed=2))
    bent("later-key", change=lambda x: x.update(speed=2))
    bent("empty", text=lambda t: b"")
    bent("noise", text=lambda t: t[5:])
    bent("too-long", text=lambda t: t + b" " * (129 << 10))


def cases(k):
    def make(**more):
        return Case(k, k.station, k.ledger, **more)
    ledgers(k, make)
    tsa = authority.Authority()
    clip = "packseal-trust 1\nclip %s\n" % k.station.text
    k.trust("anchored", clip + "tsa %s name=\"Corpus Root\"\n" % tsa.anchor("root"))
    k.trust("anchored-sub", clip + "tsa %s\n" % tsa.anchor("sub"))
    times(k, make, tsa)
    witnesses(k, make, tsa)
    certificates(k, make, k.root)
    excerpts(k, make)
