// SPDX-License-Identifier: GPL-3.0-or-later
// Certificates and revocation lists (RFC 5280), as far as a time stamp needs them; signatures by WebCrypto.
import {ascii, hex, refuse, same, unbase64} from "./bytes.js";
import {parseDer, TAG} from "./der.js";
import {verify as verifyEd25519} from "./ed25519.js";
import {MAX} from "./limits.js";
import {sha256} from "./sha256.js";

const OID = {
    rsa: "1.2.840.113549.1.1.1", pss: "1.2.840.113549.1.1.10", mgf1: "1.2.840.113549.1.1.8", ec: "1.2.840.10045.2.1", ed25519: "1.3.101.112",
    basic: "2.5.29.19", keyUsage: "2.5.29.15", purposes: "2.5.29.37", subjectKey: "2.5.29.14", authorityKey: "2.5.29.35",
    distribution: "2.5.29.28", reason: "2.5.29.21", stamping: "1.3.6.1.5.5.7.3.8",
};

export const HASHES = {"2.16.840.1.101.3.4.2.1": "SHA-256", "2.16.840.1.101.3.4.2.2": "SHA-384", "2.16.840.1.101.3.4.2.3": "SHA-512"};

// Signature algorithm -> [kind, hash]
const SIGNATURES = {
    "1.2.840.113549.1.1.11": ["rsa", "SHA-256"], "1.2.840.113549.1.1.12": ["rsa", "SHA-384"], "1.2.840.113549.1.1.13": ["rsa", "SHA-512"],
    "1.2.840.10045.4.3.2": ["ec", "SHA-256"], "1.2.840.10045.4.3.3": ["ec", "SHA-384"], "1.2.840.10045.4.3.4": ["ec", "SHA-512"],
    [OID.ed25519]: ["ed25519", null],
};
const CURVES = {"1.2.840.10045.3.1.7": ["P-256", 32], "1.3.132.0.34": ["P-384", 48], "1.3.132.0.35": ["P-521", 66]};

const EXTENSIONS_KNOWN = new Set([OID.basic, OID.keyUsage, OID.purposes, OID.subjectKey, OID.authorityKey, "2.5.29.17", "2.5.29.18", "2.5.29.31",
                                  "2.5.29.32", "2.5.29.33", "2.5.29.54"]);

// ---- signatures

// What an AlgorithmIdentifier and the key's own say of a signature: {kind, hash, salt}; hash null where it is not named.
const algorithmOf = (identifier, digest) => {
    const [name, parameters] = identifier.sequence(), oid = name.oid();
    if (oid === OID.rsa)
        return {kind: "rsa", hash: digest};
    if (oid === OID.pss) {
        const given = parameters ? parameters.sequence() : [], part = n => (given.find(p => p.isContext(n)) || {children: [null]}).children[0];
        const hash = part(0) ? HASHES[part(0).sequence()[0].oid()] : null, mask = part(1) ? part(1).sequence() : null;
        const maskHash = mask && mask[0].oid() === OID.mgf1 && mask[1] ? HASHES[mask[1].sequence()[0].oid()] : null;
        if (!hash || maskHash !== hash)
            refuse("signature", "an RSA-PSS of a form that is not known here");
        return {kind: "pss", hash, salt: part(2) ? Number(part(2).integer()) : 20};
    }
    const known = SIGNATURES[oid] || refuse("signature", "an algorithm that is not known here, or too weak");
    return {kind: known[0], hash: known[1]};
};

// DER of ECDSA-Sig-Value -> r ‖ s of fixed size.
const rawEcdsa = (der, size) => {
    const out = new Uint8Array(2 * size);
    parseDer(der).sequence().slice(0, 2).forEach((n, i) => {
        const v = n.integer().toString(16).padStart(2 * size, "0");
        if (v.startsWith("-") || v.length > 2 * size)
            refuse("signature", "does not fit its curve");
        for (let k = 0; k < size; k++)
            out[i * size + k] = parseInt(v.slice(2 * k, 2 * k + 2), 16);
    });
    return out;
};

// Whether `signature` over `bytes` is by the key of this SubjectPublicKeyInfo. digest: the hash that CMS names beside it.
export const verifyBy = async (spki, identifier, signature, bytes, digest = null) => {
    const a = algorithmOf(identifier, digest), [keyAlgorithm, key] = spki.sequence(), [keyOid, curve] = keyAlgorithm.sequence();
    if (digest && a.hash && a.hash !== digest)
        refuse("signature", "two digests are named");
    if (a.kind === "ed25519")
        return keyOid.oid() === OID.ed25519 && verifyEd25519(key.bits(), signature, bytes);
    const subtle = globalThis.crypto && globalThis.crypto.subtle;
    if (!subtle)
        refuse("signature", "this browser cannot check it: no WebCrypto", "version");
    if (a.kind === "ec") {
        const [namedCurve, size] = keyOid.oid() === OID.ec && CURVES[curve.oid()] || refuse("signature", "a curve that is not known here");
        const k = await subtle.importKey("spki", spki.whole, {name: "ECDSA", namedCurve}, false, ["verify"]);
        return subtle.verify({name: "ECDSA", hash: a.hash}, k, rawEcdsa(signature, size), bytes);
    }
    if (keyOid.oid() !== OID.rsa || !a.hash)
        return false;
    const name = a.kind === "pss" ? "RSA-PSS" : "RSASSA-PKCS1-v1_5";
    const k = await subtle.importKey("spki", spki.whole, {name, hash: a.hash}, false, ["verify"]);
    return subtle.verify(a.kind === "pss" ? {name, saltLength: a.salt} : {name}, k, signature, bytes);
};

// 112 bits of security: RSA of 2048 bits, or one of the curves above.
const strongKey = spki => {
    const [algorithm, key] = spki.sequence();
    if (algorithm.sequence()[0].oid() !== OID.rsa)
        return true;
    const modulus = parseDer(key.bits()).sequence()[0].content;
    return 8 * (modulus[0] === 0 ? modulus.length - 1 : modulus.length) >= 2048;
};

// ---- certificates

const readExtensions = node => {
    const out = new Map();
    for (const e of node ? node.children[0].sequence() : []) {
        const parts = e.sequence(), critical = parts.length === 3 && parts[1].boolean();
        out.set(parts[0].oid(), {critical, value: parts[parts.length - 1].octets()});
    }
    return out;
};

export class Certificate {
    constructor(der) {
        const [tbs, identifier, signature] = parseDer(der, "certificate").sequence();
        const fields = tbs.sequence(), from = fields[0].isContext(0) ? 1 : 0;
        this.der = der;
        this.tbs = tbs.whole;
        this.identifier = identifier;
        this.signature = signature.bits();
        [this.serial, , this.issuer, , this.subject, this.spki] = fields.slice(from).map((f, i) => [0, 2, 4].includes(i) ? f.whole : f);
        [this.notBefore, this.notAfter] = fields[from + 3].sequence().map(t => t.time());
        this.extensions = readExtensions(fields.slice(from + 6).find(f => f.isContext(3)));
        this.sha256 = sha256(der);
    }

    extension(oid) {
        const e = this.extensions.get(oid);
        return e ? {critical: e.critical, node: parseDer(e.value)} : null;
    }

    get keyId() {
        const e = this.extension(OID.subjectKey);
        return e ? e.node.octets() : null;
    }

    // By names, and by key numbers where both say one.
    mayBeIssuedBy(other) {
        if (!same(this.issuer, other.subject))
            return false;
        const e = this.extension(OID.authorityKey), wanted = e && e.node.sequence().find(n => n.isContext(0)), have = other.keyId;
        return !wanted || !have || same(wanted.content, have);
    }

    async isSignedBy(other) {
        return verifyBy(other.spki, this.identifier, this.signature, this.tbs);
    }

    // Bits of keyUsage from the first, or null when any use is allowed.
    get usage() {
        const e = this.extension(OID.keyUsage);
        if (!e)
            return null;
        const content = e.node.content;
        return n => (content[1 + (n >> 3)] || 0) >> 7 - (n & 7) & 1;
    }

    get mayIssue() {
        const e = this.extension(OID.basic), flags = e ? e.node.sequence() : [], use = this.usage;
        return flags.length > 0 && flags[0].is(TAG.boolean) && flags[0].boolean() && (!use || use(5) === 1);
    }

    // How many issuers may stand below it, or Infinity.
    get depth() {
        const e = this.extension(OID.basic), flags = e ? e.node.sequence() : [], n = flags.find(f => f.is(TAG.integer));
        return n ? Number(n.integer()) : Infinity;
    }

    // For time stamps alone, marked critical; its key signs and does nothing else.
    get mayStamp() {
        const e = this.extension(OID.purposes), purposes = e ? e.node.sequence().map(p => p.oid()) : [], use = this.usage;
        const others = [2, 3, 4, 5, 6, 7, 8];
        return e !== null && e.critical && purposes.length === 1 && purposes[0] === OID.stamping &&
               (!use || ((use(0) || use(1)) && !others.some(n => use(n))));
    }

    get understood() {
        return [...this.extensions].every(([oid, e]) => !e.critical || EXTENSIONS_KNOWN.has(oid));
    }

    get strong() {
        return strongKey(this.spki);
    }
}

// ---- revocation lists

const COMPROMISE = [1, 2, 10]; // key, CA, attribute authority

export class RevocationList {
    constructor(der) {
        const [tbs, identifier, signature] = parseDer(der, "revocation list").sequence();
        const fields = tbs.sequence().slice(), isTime = f => f.is(TAG.utcTime) || f.is(TAG.generalTime);
        this.tbs = tbs.whole;
        this.identifier = identifier;
        this.signature = signature.bits();
        if (fields[0].is(TAG.integer))
            fields.shift();
        this.issuer = fields[1].whole;
        const rest = fields.slice(2).filter(f => !isTime(f));
        this.entries = rest.length > 0 && rest[0].is(TAG.sequence) ? rest[0].sequence() : [];
        this.extensions = readExtensions(rest.find(f => f.isContext(0)));
    }

    // A list can only bring bad news: one that is not the issuer's own, or not understood, is as good as absent.
    async countsFor(issuer) {
        if (!same(this.issuer, issuer.subject) || [...this.extensions].some(([oid, e]) => e.critical && oid !== OID.distribution))
            return false;
        try {
            return await verifyBy(issuer.spki, this.identifier, this.signature, this.tbs);
        } catch {
            return false;
        }
    }

    // null, or {since: ms, spares: whether what came before the revocation stays good}
    find(certificate) {
        const entry = this.entries.find(e => same(e.sequence()[0].whole, certificate.serial));
        if (!entry)
            return null;
        const parts = entry.sequence(), list = parts[2] ? parts[2].sequence() : [];
        const e = list.map(x => x.sequence()).find(x => x[0].oid() === OID.reason);
        const reason = e ? Number(parseDer(e[e.length - 1].octets()).integer()) : null;
        return reason === 8 ? null : {since: parts[1].time(), spares: reason !== null && !COMPROMISE.includes(reason)};
    }
}

// ---- PEM

// Certificates and lists; what stands between the blocks is not looked at, other blocks are refused.
export const readPem = bytes => {
    const out = {certificates: [], lists: []}, text = ascii(bytes);
    if (bytes.length > MAX.chain)
        refuse("chain", "is too long", "limit");
    const blocks = [...text.matchAll(/^-----BEGIN ([^\r\n]*?)-----[ \t]*\r?\n([^-]*)^-----END ([^\r\n]*?)-----[ \t]*(?:\r?\n|$)/gm)];
    if (blocks.length !== (text.match(/^-----BEGIN /gm) || []).length)
        refuse("chain", "is damaged PEM");
    for (const [, name, body, end] of blocks) {
        const der = unbase64(body.replace(/[ \t\r\n]/g, ""));
        if (!der || name !== end || (name !== "CERTIFICATE" && name !== "X509 CRL"))
            refuse("chain", "neither certificate nor revocation list, or damaged");
        if (name === "CERTIFICATE")
            out.certificates.push(new Certificate(der));
        else
            out.lists.push(new RevocationList(der));
    }
    if (out.certificates.length > MAX.certificates || out.lists.length > MAX.certificates)
        refuse("chain", "too many certificates or lists", "limit");
    return out;
};

// ---- chains

const BETWEEN = 8;

// From a certificate up to an anchor; `verified` follows only signatures that hold. Null when there is none.
const findPath = async (path, all, anchors, verified) => {
    const last = path[path.length - 1];
    if (anchors.includes(hex(last.sha256)))
        return path;
    if (path.length > BETWEEN + 1)
        return null;
    for (const c of all) {
        if (path.includes(c) || !last.mayBeIssuedBy(c))
            continue;
        if (verified && !await last.isSignedBy(c).catch(() => false))
            continue;
        const found = await findPath([...path, c], all, anchors, verified);
        if (found)
            return found;
    }
    return null;
};

// The chain of a stamp's certificate at `ms`; a Refusal "untrusted", "expired", or "format" when it does not hold.
export const buildChain = async (signer, all, anchors, ms) => {
    const unique = all.filter((c, i) => all.findIndex(o => same(o.sha256, c.sha256)) === i);
    const path = await findPath([signer], unique, anchors, true);
    if (!path && await findPath([signer], unique, anchors, false))
        refuse("chain", "a signature in it does not verify");
    if (!path)
        refuse("chain", "leads to no authority that the caller has registered", "untrusted");
    if (!signer.mayStamp)
        refuse("chain", "the certificate is not for time stamps alone, marked critical");
    path.forEach((c, i) => {
        if (!c.understood || !c.strong || (i > 0 && (!c.mayIssue || c.depth < i - 1)))
            refuse("chain", "a certificate may not issue, is too weak, or is not understood");
    });
    // Certificates are dated to the second.
    const second = Math.floor(ms / 1000) * 1000;
    if (path.some(c => second < c.notBefore || second > c.notAfter))
        refuse("chain", "a certificate was not valid at the time of the stamp", "expired");
    return path;
};
