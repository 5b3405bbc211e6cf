# A time-stamp authority in a temporary folder: TSTInfo is written here, so that its time is ours; openssl signs it.
import hashlib
import os
import subprocess
import tempfile


def sh(*args, data=None):
    r = subprocess.run([str(a) for a in args], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if r.returncode:
        raise RuntimeError("%s: %s" % (" ".join(map(str, args)), r.stderr.decode(errors="replace")))
    return r.stdout


def tlv(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def integer(v, tag=2):
    return tlv(tag, v.to_bytes(v.bit_length() // 8 + 1, "big"))


def oid(text):
    n = [int(x) for x in text.split(".")]
    out = bytes([40 * n[0] + n[1]])
    for v in n[2:]:
        part = [v & 127]
        while v > 127:
            v >>= 7
            part.insert(0, v & 127 | 128)
        out += bytes(part)
    return tlv(6, out)


OIDS = {"sha256": "2.16.840.1.101.3.4.2.1", "sha512": "2.16.840.1.101.3.4.2.3"}


def response(token, status=0):
    return tlv(0x30, tlv(0x30, integer(status)), token)


class Authority:
    def __init__(self):
        self.tmp = tempfile.TemporaryDirectory(prefix="packseal-tsa.")
        self.dir = self.tmp.name
        self.ca("root", "/CN=Corpus Root", ["-newkey", "rsa:2048"])
        self.ca("stranger", "/CN=Another Root", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        self.issue("sub", "root", "/CN=Corpus Sub", ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n")
        stamp = "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n"
        for name, by, kind, extensions in (
                ("rsa", "sub", ["rsa:2048"], stamp), ("ec256", "sub", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], stamp),
                ("ec384", "root", ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], stamp), ("short", "sub", ["rsa:1024"], stamp),
                ("foreign", "stranger", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], stamp),
                ("mild", "sub", ["rsa:2048"], "extendedKeyUsage=timeStamping\n"),
                ("both", "sub", ["rsa:2048"], "extendedKeyUsage=critical,timeStamping,codeSigning\n"), ("none", "sub", ["rsa:2048"], "keyUsage=digitalSignature\n"),
                ("under", "rsa", ["rsa:2048"], stamp)):
            self.issue(name, by, "/CN=Corpus " + name, kind, extensions)

    def path(self, name):
        return os.path.join(self.dir, name)

    def ca(self, name, subject, kind):
        sh("openssl", "req", "-x509", "-nodes", *kind, "-keyout", self.path(name + ".key"), "-out", self.path(name + ".pem"), "-days", "3650",
           "-subj", subject, "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name, by, subject, kind, extensions):
        with open(self.path(name + ".ext"), "w", encoding="ascii") as f:
            f.write(extensions)
        sh("openssl", "req", "-new", "-nodes", "-newkey", *kind, "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"), "-subj", subject)
        sh("openssl", "x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.path(by + ".pem"), "-CAkey", self.path(by + ".key"), "-CAcreateserial",
           "-days", "3650", "-out", self.path(name + ".pem"), "-extfile", self.path(name + ".ext"))

    def pem(self, *names):
        out = b""
        for n in names:
            with open(self.path(n + ".pem"), "rb") as f:
                out += f.read()
        return out

    def anchor(self, name):
        return hashlib.sha256(sh("openssl", "x509", "-in", self.path(name + ".pem"), "-outform", "DER")).hexdigest()

    def revoked(self, name, by, when, reason=None):
        """A list of `by` with one entry; when: YYMMDDHHMMSSZ."""
        serial = sh("openssl", "x509", "-in", self.path(name + ".pem"), "-noout", "-serial").decode().strip().split("=")[1]
        with open(self.path("index"), "w", encoding="ascii") as f:
            f.write("R\t350101000000Z\t%s%s\t%s\tunknown\t/CN=x\n" % (when, "," + reason if reason else "", serial))
        with open(self.path("ca.cnf"), "w", encoding="ascii") as f:
            f.write("[ca]\ndefault_ca=d\n[d]\ndatabase=%s\ndefault_md=sha256\ndefault_crl_days=30\n" % self.path("index"))
        return sh("openssl", "ca", "-config", self.path("ca.cnf"), "-gencrl", "-cert", self.path(by + ".pem"), "-keyfile", self.path(by + ".key"))

    def token(self, data, time, signer="rsa", certs=("sub",), accuracy=(1, 500, 250), digest="sha256", extra=b"", info=None, more=(), version=1,
              imprint=None, hash_name="sha256", embed=True, cades=True):
        """DER of a token over data; time: YYYYMMDDhhmmss[.f]Z."""
        parts = [integer(version), oid("1.2.3.4.1"),
                 tlv(0x30, tlv(0x30, oid(OIDS[digest]), tlv(5)), tlv(4, imprint or hashlib.new(digest, data).digest())), integer(7), tlv(0x18, time.encode())]
        if accuracy:
            parts.append(tlv(0x30, integer(accuracy[0]), integer(accuracy[1], 0x80), integer(accuracy[2], 0x81)))
        info = info or tlv(0x30, *parts, integer(99), extra)
        args = ["openssl", "cms", "-sign", "-binary", "-nodetach", "-econtent_type", "1.2.840.113549.1.9.16.1.4", "-signer", self.path(signer + ".pem"),
                "-inkey", self.path(signer + ".key"), "-md", hash_name, "-outform", "DER", *more]
        if cades:
            args.append("-cades")
        if not embed:
            args.append("-nocerts")
        elif certs:
            with open(self.path("chain"), "wb") as f:
                f.write(self.pem(*certs))
            args += ["-certfile", self.path("chain")]
        return sh(*args, data=info)
