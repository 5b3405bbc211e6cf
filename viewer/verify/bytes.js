// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes: a bounded cursor, hexadecimal, base64 of one spelling, text. Whatever is refused is a Refusal.

// kind: "format" breaks a rule; "limit" exceeds a bound; "version" is from a later version; "short" ends too early;
// "io" could not be read.
export class Refusal extends Error {
    constructor(kind, where, text) {
        super(where + ": " + text);
        this.kind = kind;
        this.where = where;
        this.text = text;
    }
}

export const refuse = (where, text, kind = "format") => {
    throw new Refusal(kind, where, text);
};

const decoder = new TextDecoder("utf-8", {fatal: true, ignoreBOM: true});
const encoder = new TextEncoder();

export const utf8 = text => encoder.encode(text);

export const ascii = bytes => {
    let s = "";
    for (let i = 0; i < bytes.length; i += 4096)
        s += String.fromCharCode(...bytes.subarray(i, i + 4096));
    return s;
};

// UTF-8 without control characters (C0, DEL, C1), or null.
export const text = bytes => {
    let s;
    try {
        s = decoder.decode(bytes);
    } catch {
        return null;
    }
    return /[\u0000-\u001f\u007f-\u009f]/.test(s) ? null : s;
};

export const same = (a, b) => {
    if (a.length !== b.length)
        return false;
    for (let i = 0; i < a.length; i++)
        if (a[i] !== b[i])
            return false;
    return true;
};

export const join = (...parts) => {
    const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    let at = 0;
    for (const p of parts) {
        out.set(p, at);
        at += p.length;
    }
    return out;
};

export const be = (value, size) => {
    const out = new Uint8Array(size);
    let v = BigInt(value);
    for (let i = size - 1; i >= 0; i--, v >>= 8n)
        out[i] = Number(v & 255n);
    return out;
};

export const hex = bytes => Array.from(bytes, b => b.toString(16).padStart(2, "0")).join("");

// n bytes of lower-case hexadecimal, or null.
export const unhex = (s, n) => {
    if (s.length !== 2 * n || !/^[0-9a-f]*$/.test(s))
        return null;
    const out = new Uint8Array(n);
    for (let i = 0; i < n; i++)
        out[i] = parseInt(s.slice(2 * i, 2 * i + 2), 16);
    return out;
};

export const base64 = bytes => btoa(ascii(bytes));

// n bytes in the one spelling base64 has for them (padded, spare bits zero), or null. Without n: any number.
export const unbase64 = (s, n) => {
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(s) || s.length % 4 !== 0)
        return null;
    const out = Uint8Array.from(atob(s), c => c.charCodeAt(0));
    return (n === undefined || out.length === n) && base64(out) === s ? out : null;
};

// Reads forwards and never behind the end: that is a Refusal of `kind`. The numbers are big-endian unless their name says so.
export class Cursor {
    constructor(bytes, where = "", kind = "short", from = 0, to = bytes.length) {
        this.bytes = bytes;
        this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        this.at = from;
        this.end = to;
        this.where = where;
        this.kind = kind;
    }
    get left() {
        return this.end - this.at;
    }
    skip(n) {
        if (n > this.end - this.at)
            refuse(this.where, "ends too early", this.kind);
        this.at += n;
        return this.at - n;
    }
    take(n) {
        const at = this.skip(n);
        return this.bytes.subarray(at, at + n);
    }
    sub(n, where = this.where) {
        const at = this.skip(n);
        return new Cursor(this.bytes, where, this.kind, at, at + n);
    }
    u8() { return this.view.getUint8(this.skip(1)); }
    u16() { return this.view.getUint16(this.skip(2)); }
    u32() { return this.view.getUint32(this.skip(4)); }
    i32() { return this.view.getInt32(this.skip(4)); }
    big() { return this.view.getBigUint64(this.skip(8)); }
    // Beyond 2^53 it is no longer exact, but still larger than anything that fits.
    u64() { return Number(this.big()); }
    i64() { return this.view.getBigInt64(this.skip(8)); }
    u16le() { return this.view.getUint16(this.skip(2), true); }
    u32le() { return this.view.getUint32(this.skip(4), true); }
    u64le() { return Number(this.view.getBigUint64(this.skip(8), true)); }
}
