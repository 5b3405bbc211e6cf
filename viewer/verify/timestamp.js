// SPDX-License-Identifier: GPL-3.0-or-later
// RFC 3161 time-stamp tokens (docs/FORMAT.md section 15): reading, then judging in the order of that section.
import {ascii, hex, refuse, same, utf8} from "./bytes.js";
import {calendar, parseDer, TAG} from "./der.js";
import {MAX} from "./limits.js";
import {sha256} from "./sha256.js";
import {buildChain, Certificate, HASHES, readPem, verifyBy} from "./x509.js";

const OID = {
    signedData: "1.2.840.113549.1.7.2", tstInfo: "1.2.840.113549.1.9.16.1.4", contentType: "1.2.840.113549.1.9.3",
    messageDigest: "1.2.840.113549.1.9.4", binding: "1.2.840.113549.1.9.16.2.12", bindingV2: "1.2.840.113549.1.9.16.2.47",
    sha256: "2.16.840.1.101.3.4.2.1", sha1: "1.3.14.3.2.26",
};

// ---- reading

// A response with status granted, or a bare token.
const unwrap = bytes => {
    if (bytes.length > MAX.token)
        refuse("token", "is too large", "limit");
    const outer = parseDer(bytes, "token"), parts = outer.sequence();
    if (parts.length > 0 && parts[0].is(TAG.oid))
        return outer;
    const status = parts.length > 0 ? parts[0].sequence()[0].integer() : -1n;
    if (status !== 0n && status !== 1n)
        refuse("status", "the authority refused", "refused");
    return parts.length === 2 ? parts[1] : refuse("response", "is granted, but holds no token");
};

const readTime = node => {
    const m = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,9}))?Z$/.exec(node.is(TAG.generalTime) ? ascii(node.content) : "");
    const ms = m ? calendar(...m.slice(1, 7).map(Number)) : -1;
    if (!m || ms < 0 || m[1] >= "2262")
        refuse("genTime", "is no time in UTC between 1970 and 2262");
    return BigInt(ms) * 1000000n + BigInt((m[7] || "").padEnd(9, "0"));
};

const readAccuracy = node => {
    let ns = 0n;
    for (const [n, most, unit] of [[null, 86400n, 1000000000n], [0, 999n, 1000000n], [1, 999n, 1000n]]) {
        const part = node ? node.sequence().find(p => n === null ? p.is(TAG.integer) : p.isContext(n)) : null, v = part ? part.integer() : 0n;
        if (v < 0n || v > most)
            refuse("accuracy", "is out of range, or over a day");
        ns += v * unit;
    }
    return ns;
};

const readInfo = bytes => {
    const parts = parseDer(bytes, "TSTInfo").sequence(), [version, policy, imprint, serial, time, ...rest] = parts;
    const [algorithm, digest] = imprint.sequence(), [oid, nothing] = algorithm.sequence();
    policy.oid();
    serial.integer();
    if (version.integer() !== 1n)
        refuse("TSTInfo", "is of an unknown version", "version");
    const extensions = rest.find(p => p.isContext(1));
    if (extensions && extensions.children.some(e => e.sequence().length === 3 && e.sequence()[1].boolean()))
        refuse("TSTInfo", "has a critical extension that is not known", "version");
    if (oid.oid() !== OID.sha256 || digest.octets().length !== 32 || (nothing && !nothing.is(5)))
        refuse("messageImprint", "is no SHA-256");
    return {time: readTime(time), accuracy: readAccuracy(rest.find(p => p.is(TAG.sequence))), imprint: digest.octets().slice()};
};

const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const freshnessCode = signature => {
    let v = sha256(utf8("packseal/freshness/v1\0"), signature).slice(0, 5).reduce((n, b) => n << 8n | BigInt(b), 0n), code = "";
    for (let i = 0; i < 8; i++, v >>= 5n)
        code = DIGITS[Number(v & 31n)] + code;
    return code;
};

// {time, accuracy (ns), imprint, code, …}: what the token says; nothing is judged yet.
export const readToken = bytes => {
    const [type, outer] = unwrap(bytes).sequence();
    if (type.oid() !== OID.signedData || !outer || !outer.isContext(0))
        refuse("token", "is no signed data");
    const [, , content, ...rest] = outer.children[0].sequence(), [contentType, wrapped] = content.sequence();
    if (contentType.oid() !== OID.tstInfo || !wrapped)
        refuse("token", "is no signed TSTInfo");
    const info = wrapped.children[0].octets(), signers = rest[rest.length - 1].sequence(TAG.set), embedded = rest.find(n => n.isContext(0));
    if (signers.length !== 1)
        refuse("token", "must have exactly one signature");
    const [, name, digest, ...more] = signers[0].sequence(), attributes = more[0].isContext(0) ? more.shift() : null;
    const [identifier, signature] = more;
    if (signature.octets().length === 0)
        refuse("signature", "is empty");
    return {...readInfo(info), info, name, digest: digest.sequence()[0].oid(), attributes, identifier, signature: signature.octets().slice(),
            code: freshnessCode(signature.octets()),
            certificates: embedded ? embedded.children.filter(c => c.is(TAG.sequence)).map(c => new Certificate(c.whole.slice())) : []};
};

// ---- judging

const invalid = text => refuse("token", text, "invalid");

// The one value of a signed attribute that stands once, or null.
const attribute = (token, oid) => {
    const found = token.attributes ? token.attributes.children.map(a => a.sequence()).filter(a => a[0].oid() === oid) : [];
    if (found.length !== 1)
        return null;
    const values = found[0][1].sequence(TAG.set);
    return values.length === 1 ? values[0] : null;
};

const findSigner = (token, all) => all.find(c => {
    if (token.name.isContext(0))
        return c.keyId !== null && same(c.keyId, token.name.content);
    const [issuer, serial] = token.name.sequence();
    return same(issuer.whole, c.issuer) && same(serial.whole, c.serial);
});

const hashWith = async (name, bytes) => {
    const subtle = globalThis.crypto && globalThis.crypto.subtle;
    if (name === "SHA-256")
        return sha256(bytes);
    return subtle ? new Uint8Array(await subtle.digest(name, bytes)) : refuse("signature", "this browser cannot check it: no WebCrypto", "version");
};

const checkSignature = async (token, signer) => {
    const hash = HASHES[token.digest] || invalid("its digest is not SHA-256, SHA-384 or SHA-512");
    const type = attribute(token, OID.contentType), digest = attribute(token, OID.messageDigest);
    if (!type || type.oid() !== OID.tstInfo || !digest || !same(digest.octets(), await hashWith(hash, token.info)))
        invalid("what is signed is not this TSTInfo");
    // The attributes are signed as a SET, while they stand under a tag of their own (RFC 5652 section 5.4).
    const signed = token.attributes.whole.slice();
    signed[0] = 0x31;
    if (!await verifyBy(signer.spki, token.identifier, token.signature, signed, hash))
        invalid("the signature does not verify");
};

// ESSCertID(v2): the first names the certificate that signed, further ones any of the others.
const checkNames = async (node, v2, signer, all) => {
    const ids = node.sequence()[0].sequence();
    const matches = async (id, c) => {
        const parts = id.sequence(), named = v2 && parts[0].is(TAG.sequence), rest = parts.slice(named ? 1 : 0);
        const hash = !v2 ? "SHA-1" : named ? HASHES[parts[0].sequence()[0].oid()] || invalid("its certificate is named by a weak digest") : "SHA-256";
        if (!same(rest[0].octets(), await hashWith(hash, c.der)))
            return false;
        if (!rest[1])
            return true;
        const [names, serial] = rest[1].sequence(), name = names.sequence();
        return name.length === 1 && name[0].isContext(4) && same(name[0].children[0].whole, c.issuer) && same(serial.whole, c.serial);
    };
    if (ids.length === 0 || !await matches(ids[0], signer))
        return false;
    for (const id of ids.slice(1))
        if (!(await Promise.all(all.map(c => matches(id, c)))).includes(true))
            return false;
    return true;
};

const checkBinding = async (token, signer, all) => {
    const v1 = attribute(token, OID.binding), v2 = attribute(token, OID.bindingV2);
    if ((!v1 && !v2) || (v1 && !await checkNames(v1, false, signer, all)) || (v2 && !await checkNames(v2, true, signer, all)))
        invalid("the signature is not bound to this certificate");
};

const checkRevoked = async (path, lists, token) => {
    for (let i = 0; i + 1 < path.length; i++)
        for (const list of lists) {
            const entry = await list.countsFor(path[i + 1]) ? list.find(path[i]) : null;
            if (entry && (!entry.spares || BigInt(entry.since) * 1000000n <= token.time + token.accuracy))
                refuse("chain", "a certificate is revoked", "expired");
        }
};

// Judges a token that was read; chain: PEM. A Refusal of kind "untrusted", "expired", "invalid", or else unreadable.
export const judgeToken = async (token, chain, anchors) => {
    const pem = readPem(chain), all = [...token.certificates, ...pem.certificates];
    if (token.certificates.length > MAX.certificates)
        refuse("token", "holds too many certificates", "limit");
    const signer = findSigner(token, all) || invalid("the certificate of its signature is not there");
    try {
        await checkSignature(token, signer);
        await checkBinding(token, signer, all);
        await checkRevoked(await buildChain(signer, all, anchors, Number(token.time / 1000000n)), pem.lists, token);
    } catch (e) {
        if (["untrusted", "expired", "invalid", "version"].includes(e.kind))
            throw e;
        invalid(e.text || "its signature cannot be read");
    }
    return hex(signer.sha256);
};
