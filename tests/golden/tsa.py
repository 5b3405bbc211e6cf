#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made tests/golden/v1/tsa/ once: tsa.py FOLDER. Time-stamp tokens by a small authority, sound ones and spoilt ones.

The keys are thrown away afterwards. TSTInfo is written here, so that genTime is ours; `openssl cms` signs it.
"""
import hashlib
import os
import subprocess
import sys
import tempfile

OUT = os.path.abspath(sys.argv[1])
STAMPED = ("packseal.example/ST03\n130\n%s\n\n" % "q1VUNQ7Fn2mVbXFhxa5+1v1+vqz3k1Ck2Hk8rmMBL1A=").encode()
NONCE = 0x8877665544332211


def sh(*args, data=None):
    return subprocess.run([str(a) for a in args], input=data, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout


# ---- DER

def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    if n < 128:
        return bytes([tag, n]) + body
    size = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def integer(v, tag=2):
    return tlv(tag, v.to_bytes(v.bit_length() // 8 + 1, "big"))


def oid(text):
    n = [int(x) for x in text.split(".")]
    out = [bytes([40 * n[0] + n[1]])]
    for v in n[2:]:
        part = [v & 127]
        while v > 127:
            v >>= 7
            part.insert(0, v & 127 | 128)
        out.append(bytes(part))
    return tlv(6, *out)


SHA = {"sha256": "2.16.840.1.101.3.4.2.1", "sha512": "2.16.840.1.101.3.4.2.3"}


def tst_info(time, digest="sha256", accuracy=None, nonce=NONCE, extra=b""):
    parts = [integer(1), oid("1.2.3.4.1"),
             tlv(0x30, tlv(0x30, oid(SHA[digest]), tlv(5)), tlv(4, hashlib.new(digest, STAMPED).digest())),
             integer(7), tlv(0x18, time.encode())]
    if accuracy:
        seconds, millis, micros = accuracy
        parts.append(tlv(0x30, integer(seconds), integer(millis, 0x80), integer(micros, 0x81)))
    if nonce is not None:
        parts.append(integer(nonce))
    return tlv(0x30, *parts, extra)


def items(der):
    """The elements of a constructed value, each whole."""
    def head(p):
        n, at = der[p + 1], p + 2
        if n & 128:
            at += n & 127
            n = int.from_bytes(der[p + 2:at], "big")
        return at, at + n
    at, end = head(0)
    out = []
    while at < end:
        _, after = head(at)
        out.append(der[at:after])
        at = after
    return out


def add_unsigned(token):
    """The token with an unsigned attribute in its SignerInfo, as an archive adds one."""
    kind, wrapped = items(token)
    signed = items(wrapped)[0]
    fields = items(signed)
    info = items(fields[-1])[0]
    note = tlv(0x30, oid("1.2.3.4.5.6"), tlv(0x31, tlv(0x0c, b"added later")))
    fields[-1] = tlv(0x31, tlv(0x30, *items(info), tlv(0xa1, note)))
    return tlv(0x30, kind, tlv(0xa0, tlv(0x30, *fields)))


# ---- authorities

CONF = """
[ca]
default_ca = d
[d]
database = {dir}/index.txt
new_certs_dir = {dir}
serial = {dir}/serial
certificate = {dir}/{name}.pem
private_key = {dir}/{name}.key
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
countryName = optional
organizationName = optional
commonName = supplied
[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[tsa]
basicConstraints = CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[no_eku]
keyUsage = critical,digitalSignature
[weak_eku]
extendedKeyUsage = timeStamping
[two_eku]
extendedKeyUsage = critical,timeStamping,codeSigning
"""


class Authority:
    def __init__(self, folder):
        self.dir = folder

    def path(self, name):
        return os.path.join(self.dir, name)

    def conf(self, issuer):
        with open(self.path("ca.cnf"), "w", encoding="utf-8") as f:
            f.write(CONF.format(dir=self.dir, name=issuer))
        return self.path("ca.cnf")

    def key(self, name, algorithm="ec"):
        more = ["-pkeyopt", "ec_paramgen_curve:P-256"] if algorithm == "ec" else ["-pkeyopt", "rsa_keygen_bits:2048"]
        sh("openssl", "genpkey", "-algorithm", algorithm, *more, "-out", self.path(name + ".key"))

    def issue(self, name, issuer, section, subject, start="20260101000000Z", end="20460101000000Z", serial=None, key=None):
        conf = self.conf(issuer)
        if serial is not None:
            with open(self.path("serial"), "w", encoding="ascii") as f:
                f.write("%04X\n" % serial)
        open(self.path("index.txt"), "w", encoding="ascii").close()
        sh("openssl", "req", "-new", "-utf8", "-config", conf, "-key", self.path((key or name) + ".key"), "-subj", subject,
           "-out", self.path("req.pem"))
        own = ["-selfsign"] if issuer == name else []
        sh("openssl", "ca", "-batch", "-utf8", "-notext", "-config", conf, *own, "-extensions", section, "-startdate", start,
           "-enddate", end, "-in", self.path("req.pem"), "-out", self.path(name + ".pem"), "-keyfile",
           self.path(issuer + ".key"), "-cert", self.path(issuer + ".pem"))

    def pem(self, *names):
        out = b""
        for n in names:
            with open(self.path(n + ".pem"), "rb") as f:
                out += f.read()
        return out

    def sign(self, info, signer, *more, ess=True, md="sha256"):
        return sh("openssl", "cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-outform", "DER", "-md", md,
                  "-econtent_type", "1.2.840.113549.1.9.16.1.4", *(["-cades"] if ess else []), "-signer",
                  self.path(signer + ".pem"), "-inkey", self.path(more[0] if more else signer + ".key"), *more[1:], data=info)

    def crl(self, issuer, serial, reason, when):
        conf = self.conf(issuer)
        with open(self.path("index.txt"), "w", encoding="ascii") as f:
            f.write("R\t460101000000Z\t%s%s\t%04X\tunknown\t/CN=x\n" % (when, "," + reason if reason else "", serial))
        return sh("openssl", "ca", "-gencrl", "-config", conf, "-crl_lastupdate", "20270101000000Z", "-crl_nextupdate",
                  "20270201000000Z")


def put(name, data):
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(data)


def granted(token):
    return tlv(0x30, tlv(0x30, integer(0)), token)


def main():
    os.makedirs(OUT)
    with tempfile.TemporaryDirectory() as folder:
        a = Authority(folder)
        for name, algorithm in (("root", "rsa"), ("sub", "ec"), ("rsa", "rsa"), ("ec", "ec"), ("other", "ec")):
            a.key(name, algorithm)
        a.issue("root", "root", "root", "/C=CN/O=示例时间戳/CN=根", "20200101000000Z", "20700101000000Z", 1)
        a.issue("other", "other", "root", "/C=CN/O=示例时间戳/CN=根", "20200101000000Z", "20700101000000Z", 1)
        a.issue("sub", "root", "root", "/C=CN/O=示例时间戳/CN=中级", "20200101000000Z", "20600101000000Z", 2)
        a.issue("rsa", "sub", "tsa", "/C=CN/O=示例时间戳/CN=TSA 1", serial=0x1001)
        a.issue("ec", "sub", "tsa", "/C=CN/O=示例时间戳/CN=TSA 2", serial=0x1002)
        # The same name, number and key, yet another certificate.
        a.issue("twin", "sub", "tsa", "/C=CN/O=示例时间戳/CN=TSA 2", end="20450101000000Z", serial=0x1002, key="ec")
        for i, section in enumerate(("no_eku", "weak_eku", "two_eku")):
            a.issue(section, "sub", section, "/C=CN/CN=" + section, serial=0x1010 + i, key="ec")

        put("stamped.txt", STAMPED)
        put("root.pem", a.pem("root"))
        put("other-root.pem", a.pem("other"))
        put("chain.pem", a.pem("sub", "root"))
        put("twin.pem", a.pem("twin", "sub", "root"))
        put("ec-chain.pem", a.pem("ec", "sub", "root"))

        info = tst_info("20261121083000Z", accuracy=(1, 500, 250))
        plain = a.sign(tst_info("20261121083000.125Z"), "ec")
        put("rsa.tsr", granted(a.sign(info, "rsa")))
        put("ec.tst", plain)
        put("ec-unsigned.tst", add_unsigned(plain))
        put("no-nonce.tsr", granted(a.sign(tst_info("20261121083000Z", nonce=None), "ec")))
        put("no-certs.tst", a.sign(info, "ec", "ec.key", "-nocerts"))
        put("sha512.tsr", granted(a.sign(tst_info("20261121083000Z", digest="sha512"), "ec")))
        put("sha1-signed.tsr", granted(a.sign(info, "ec", md="sha1")))
        put("no-ess.tsr", granted(a.sign(info, "ec", ess=False)))
        put("late.tsr", granted(a.sign(tst_info("20470101000000Z"), "ec")))
        put("early.tsr", granted(a.sign(tst_info("20251231235959Z"), "ec")))
        put("critical.tsr", granted(a.sign(tst_info(
            "20261121083000Z", extra=tlv(0xa1, tlv(0x30, oid("1.2.3.9"), tlv(1, b"\xff"), tlv(4, b"x")))), "ec")))
        put("day-accuracy.tsr", granted(a.sign(tst_info("20261121083000Z", accuracy=(86401, 1, 1)), "ec")))
        for section in ("no_eku", "weak_eku", "two_eku"):
            put(section.replace("_", "-") + ".tsr", granted(a.sign(info, section, "ec.key")))
        put("refused.tsr", tlv(0x30, tlv(0x30, integer(2), tlv(0x30, tlv(0x0c, b"no quota left")), tlv(3, b"\x05\x04"))))

        for name, reason, when in (("before", "superseded", "261120000000Z"), ("after", "superseded", "261122000000Z"),
                                   ("within", "superseded", "261121083001Z"), ("stolen", "keyCompromise", "261122000000Z"),
                                   ("silent", "", "261122000000Z")):
            put("crl-%s.pem" % name, a.pem("sub", "root") + a.crl("sub", 0x1001, reason, when))
        put("crl-sub.pem", a.pem("sub", "root") + a.crl("root", 2, "CACompromise", "261122000000Z"))
        # As if of the intermediate authority, by another key.
        os.replace(a.path("sub.pem"), a.path("true-sub.pem"))
        a.issue("sub", "other", "root", "/C=CN/O=示例时间戳/CN=中级", "20200101000000Z", "20600101000000Z", 2, key="other")
        os.replace(a.path("other.key"), a.path("sub.key"))
        put("crl-forged.pem", a.pem("true-sub", "root") + a.crl("sub", 0x1001, "superseded", "261120000000Z"))


main()
