// SPDX-License-Identifier: GPL-3.0-or-later
// ASN.1 in DER, and in BER where a wrapper may be so (X.690): nodes over the bytes, taken apart when they are asked for.
import {ascii, refuse} from "./bytes.js";

const DEPTH = 24;

export const TAG = {boolean: 1, integer: 2, bits: 3, octets: 4, oid: 6, enumerated: 10, sequence: 0x10, set: 0x11, utcTime: 23, generalTime: 24};

class Node {
    constructor(bytes, start, head, end, next, tag, kind, constructed, depth) {
        Object.assign(this, {bytes, start, head, end, next, tag, kind, constructed, depth, parts: null});
    }

    // As it stands in the file, with tag and length.
    get whole() {
        return this.bytes.subarray(this.start, this.next);
    }

    get content() {
        return this.bytes.subarray(this.head, this.end);
    }

    // Of context class, number n.
    isContext(n) {
        return this.kind === 2 && this.tag === n;
    }

    is(tag) {
        return this.kind === 0 && this.tag === tag;
    }

    get children() {
        if (!this.constructed)
            refuse("ASN.1", "a structure was expected");
        if (!this.parts) {
            this.parts = [];
            for (let at = this.head; at < this.end;) {
                const child = parseAt(this.bytes, at, this.end, this.depth + 1);
                this.parts.push(child);
                at = child.next;
            }
        }
        return this.parts;
    }

    sequence(tag = TAG.sequence) {
        return this.is(tag) ? this.children : refuse("ASN.1", "another structure was expected");
    }

    // Content of an OCTET STRING; in BER it may come in pieces.
    octets(depth = 0) {
        if (this.kind === 0 && this.tag !== TAG.octets)
            refuse("ASN.1", "an octet string was expected");
        if (!this.constructed)
            return this.content;
        const pieces = this.children.map(c => c.octets(depth + 1)), out = new Uint8Array(pieces.reduce((n, p) => n + p.length, 0));
        pieces.reduce((at, p) => (out.set(p, at), at + p.length), 0);
        return out;
    }

    bits() {
        if (!this.is(TAG.bits) || this.constructed || this.end - this.head < 1 || this.bytes[this.head] !== 0)
            refuse("ASN.1", "a bit string of whole bytes was expected");
        return this.bytes.subarray(this.head + 1, this.end);
    }

    // Two's complement, as a BigInt.
    integer() {
        const b = this.content;
        if (b.length === 0 || this.constructed || b.length > 64)
            refuse("ASN.1", "an integer was expected");
        const v = b.reduce((n, x) => n << 8n | BigInt(x), 0n);
        return b[0] & 0x80 ? v - (1n << BigInt(8 * b.length)) : v;
    }

    oid() {
        if (!this.is(TAG.oid) || this.constructed || this.head === this.end)
            refuse("ASN.1", "an object identifier was expected");
        const out = [];
        let v = 0;
        for (const b of this.content) {
            v = v * 128 + (b & 0x7f);
            if (!Number.isSafeInteger(v))
                refuse("ASN.1", "an object identifier is too long");
            if (!(b & 0x80)) {
                out.push(v);
                v = 0;
            }
        }
        const first = Math.min(2, Math.floor(out[0] / 40));
        return [first, out[0] - 40 * first, ...out.slice(1)].join(".");
    }

    boolean() {
        return this.is(TAG.boolean) && this.content.length === 1 ? this.content[0] !== 0 : refuse("ASN.1", "true or false was expected");
    }

    // UTCTime or GeneralizedTime of a certificate (RFC 5280 section 4.1.2.5), in milliseconds since 1970.
    time() {
        const s = ascii(this.content), general = this.is(TAG.generalTime);
        const m = (general ? /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(s);
        if (!m || (!general && !this.is(TAG.utcTime)))
            refuse("ASN.1", "a time was expected");
        const year = general ? Number(m[1]) : Number(m[1]) + (m[1] >= "50" ? 1900 : 2000);
        return calendar(year, ...m.slice(2).map(Number));
    }
}

// Milliseconds since 1970 of a date that exists.
export const calendar = (year, month, day, hour, minute, second) => {
    const d = new Date(0);
    d.setUTCFullYear(year, month - 1, day);
    d.setUTCHours(hour, minute, second);
    const same = d.getUTCFullYear() === year && d.getUTCMonth() === month - 1 && d.getUTCDate() === day && d.getUTCHours() === hour &&
                 d.getUTCMinutes() === minute && d.getUTCSeconds() === second;
    return same ? d.getTime() : refuse("ASN.1", "no such date");
};

// The end of a content of indefinite length: two zero bytes after whole children.
const endOfContents = (bytes, at, limit, depth) => {
    for (;;) {
        if (limit - at < 2)
            refuse("ASN.1", "ends too early", "short");
        if (bytes[at] === 0 && bytes[at + 1] === 0)
            return at;
        at = parseAt(bytes, at, limit, depth + 1).next;
    }
};

const parseAt = (bytes, start, limit, depth) => {
    if (depth > DEPTH)
        refuse("ASN.1", "nested too deeply", "limit");
    if (limit - start < 2)
        refuse("ASN.1", "ends too early", "short");
    const lead = bytes[start], constructed = (lead & 0x20) !== 0;
    let at = start + 1, length = bytes[at++];
    if ((lead & 0x1f) === 0x1f)
        refuse("ASN.1", "a tag of a form that is not known here");
    if (length === 0x80) {
        if (!constructed)
            refuse("ASN.1", "an impossible length");
        const end = endOfContents(bytes, at, limit, depth);
        return new Node(bytes, start, at, end, end + 2, lead & 0x1f, lead >> 6, true, depth);
    }
    if (length > 0x80) {
        const n = length & 0x7f;
        if (n > 4 || n > limit - at)
            refuse("ASN.1", "an impossible length");
        length = 0;
        for (let i = 0; i < n; i++)
            length = length * 256 + bytes[at++];
    }
    if (length > limit - at)
        refuse("ASN.1", "ends too early", "short");
    return new Node(bytes, start, at, at + length, at + length, lead & 0x1f, lead >> 6, constructed, depth);
};

// One node that fills the bytes.
export const parseDer = (bytes, where = "ASN.1") => {
    const node = parseAt(bytes, 0, bytes.length, 0);
    return node.next === bytes.length ? node : refuse(where, "bytes after its end");
};
