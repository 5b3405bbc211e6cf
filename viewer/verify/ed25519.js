// SPDX-License-Identifier: GPL-3.0-or-later
// Ed25519 verification (RFC 8032 section 5.1.7, without cofactor), in BigInt: it needs no browser support. Nothing here
// is secret, so time may depend on the input. As strict as libsodium: S below the group's order, the public key in its
// one spelling and not of small order, R not of small order.
//
// Where WebCrypto knows Ed25519 it is asked as well, and both must say yes.
import {join, same} from "./bytes.js";
import {sha512} from "./sha512.js";

const P = (1n << 255n) - 19n;
const L = (1n << 252n) + 27742317777372353535851937790883648493n;

const mod = x => {
    const r = x % P;
    return r < 0n ? r + P : r;
};

const power = (base, exponent) => {
    let r = 1n;
    for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = b * b % P)
        if (e & 1n)
            r = r * b % P;
    return r;
};

const D = mod(-121665n * power(121666n, P - 2n));
const ROOT = power(2n, (P - 1n) / 4n); // of -1

const little = bytes => {
    let x = 0n;
    for (let i = bytes.length - 1; i >= 0; i--)
        x = x << 8n | BigInt(bytes[i]);
    return x;
};

// Extended coordinates [X, Y, Z, T], the complete addition of RFC 8032 section 5.1.4.
const add = (p, q) => {
    const a = (p[1] - p[0]) * (q[1] - q[0]), b = (p[1] + p[0]) * (q[1] + q[0]);
    const c = 2n * p[3] % P * q[3] % P * D, d = 2n * p[2] * q[2];
    const e = mod(b - a), f = mod(d - c), g = mod(d + c), h = mod(b + a);
    return [e * f % P, g * h % P, f * g % P, e * h % P];
};

const NEUTRAL = [0n, 1n, 1n, 0n];

const isNeutral = p => p[0] === 0n && p[1] === p[2];

// x from y and its sign (RFC 8032 section 5.1.3); null when there is none.
const lift = (y, sign) => {
    const u = mod(y * y - 1n), v = mod(D * y % P * y + 1n);
    let x = u * power(v, 3n) % P * power(u * power(v, 7n), (P - 5n) / 8n) % P;
    if (v * x % P * x % P !== u) {
        x = x * ROOT % P;
        if (v * x % P * x % P !== u)
            return null;
    }
    if (x === 0n && sign)
        return null;
    if ((x & 1n) !== sign)
        x = mod(-x);
    return [x, y, 1n, x * y % P];
};

const decode = bytes => {
    const raw = little(bytes), y = raw & ((1n << 255n) - 1n);
    return y < P ? lift(y, raw >> 255n) : null;
};

const encode = p => {
    const z = power(p[2], P - 2n), x = p[0] * z % P, y = p[1] * z % P;
    let raw = y | (x & 1n) << 255n;
    const out = new Uint8Array(32);
    for (let i = 0; i < 32; i++, raw >>= 8n)
        out[i] = Number(raw & 255n);
    return out;
};

const BASE = lift(mod(4n * power(5n, P - 2n)), 0n);

const smallOrder = p => {
    const p2 = add(p, p), p4 = add(p2, p2);
    return isNeutral(add(p4, p4));
};

// a·A + b·B, one walk over the bits of both.
const combine = (a, A, b, B) => {
    const both = add(A, B);
    let r = NEUTRAL;
    for (let i = BigInt(Math.max(a.toString(2).length, b.toString(2).length)) - 1n; i >= 0n; i--) {
        r = add(r, r);
        const bits = (a >> i & 1n) * 2n + (b >> i & 1n);
        if (bits)
            r = add(r, bits === 3n ? both : bits === 2n ? A : B);
    }
    return r;
};

export const verifyHere = (key, signature, message) => {
    const S = little(signature.subarray(32)), R = signature.subarray(0, 32);
    if (signature.length !== 64 || key.length !== 32 || S >= L)
        return false;
    const A = decode(key), r = decode(R);
    if (!A || !r || smallOrder(A) || smallOrder(r))
        return false;
    const h = little(sha512(join(R, key, message))) % L;
    const minus = [mod(-A[0]), A[1], A[2], mod(-A[3])];
    return same(encode(combine(S, BASE, h, minus)), R);
};

// true, false, or null when this browser has no Ed25519.
const verifyBrowser = async (key, signature, message) => {
    const subtle = globalThis.crypto && globalThis.crypto.subtle;
    try {
        const k = await subtle.importKey("raw", key, {name: "Ed25519"}, false, ["verify"]);
        return await subtle.verify("Ed25519", k, signature, message);
    } catch {
        return null;
    }
};

export const verify = async (key, signature, message) =>
    verifyHere(key, signature, message) && await verifyBrowser(key, signature, message) !== false;
