// SPDX-License-Identifier: GPL-3.0-or-later
// SHA-512 (FIPS 180-4) with BigInt: Ed25519 needs it for a few hundred bytes.
import {bigRoot, primes} from "./primes.js";

const U64 = (1n << 64n) - 1n;
const K = primes(80).map(p => bigRoot(BigInt(p) << 192n, 3) & U64);
const H = primes(8).map(p => bigRoot(BigInt(p) << 128n, 2) & U64);

const turn = (x, n) => (x >> n | x << 64n - n) & U64;
const sigma = (x, a, b, c) => turn(x, a) ^ turn(x, b) ^ x >> c;
const sum = (x, a, b, c) => turn(x, a) ^ turn(x, b) ^ turn(x, c);

export const sha512 = bytes => {
    const padded = new Uint8Array((bytes.length + 17 + 127) & ~127), view = new DataView(padded.buffer);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n);
    let h = H.slice();
    for (let at = 0; at < padded.length; at += 128) {
        const w = [];
        for (let i = 0; i < 80; i++)
            w.push(i < 16 ? view.getBigUint64(at + 8 * i)
                          : (sigma(w[i - 15], 1n, 8n, 7n) + w[i - 7] + sigma(w[i - 2], 19n, 61n, 6n) + w[i - 16]) & U64);
        let [a, b, c, d, e, f, g, k] = h;
        for (let i = 0; i < 80; i++) {
            const t = k + sum(e, 14n, 18n, 41n) + (g ^ e & (f ^ g)) + K[i] + w[i];
            const u = sum(a, 28n, 34n, 39n) + (a & b ^ c & (a ^ b));
            [a, b, c, d, e, f, g, k] = [t + u & U64, a, b, c, d + t & U64, e, f, g];
        }
        h = [a, b, c, d, e, f, g, k].map((x, i) => x + h[i] & U64);
    }
    const out = new Uint8Array(64), to = new DataView(out.buffer);
    h.forEach((word, i) => to.setBigUint64(8 * i, word));
    return out;
};
