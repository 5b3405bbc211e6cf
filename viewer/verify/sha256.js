// SPDX-License-Identifier: GPL-3.0-or-later
// SHA-256 (FIPS 180-4). Whole buffers go to WebCrypto where the browser has it; what is read piece by piece is hashed
// here, for WebCrypto knows no streams.
import {bigRoot, primes} from "./primes.js";

const K = new Int32Array(64);
const H0 = new Int32Array(8);
primes(64).forEach((p, i) => {
    K[i] = Number(BigInt.asIntN(32, bigRoot(BigInt(p) << 96n, 3)));
    if (i < 8)
        H0[i] = Number(BigInt.asIntN(32, bigRoot(BigInt(p) << 64n, 2)));
});

const W = new Int32Array(64);

// `n` blocks of 64 bytes from `at`.
const compress = (h, view, at, n) => {
    let h0 = h[0], h1 = h[1], h2 = h[2], h3 = h[3], h4 = h[4], h5 = h[5], h6 = h[6], h7 = h[7];
    for (; n > 0; n--, at += 64) {
        for (let i = 0; i < 16; i++)
            W[i] = view.getInt32(at + 4 * i);
        for (let i = 16; i < 64; i++) {
            const x = W[i - 15], y = W[i - 2];
            W[i] = (((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + W[i - 7] +
                    ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10) + W[i - 16]) | 0;
        }
        let a = h0, b = h1, c = h2, d = h3, e = h4, f = h5, g = h6, k = h7;
        for (let i = 0; i < 64; i++) {
            const t = (k + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (g ^ e & (f ^ g)) + K[i] + W[i]) | 0;
            const u = (((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ c & (a ^ b))) | 0;
            k = g;
            g = f;
            f = e;
            e = (d + t) | 0;
            d = c;
            c = b;
            b = a;
            a = (t + u) | 0;
        }
        h0 = (h0 + a) | 0;
        h1 = (h1 + b) | 0;
        h2 = (h2 + c) | 0;
        h3 = (h3 + d) | 0;
        h4 = (h4 + e) | 0;
        h5 = (h5 + f) | 0;
        h6 = (h6 + g) | 0;
        h7 = (h7 + k) | 0;
    }
    h.set([h0, h1, h2, h3, h4, h5, h6, h7]);
};

const viewOf = bytes => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

export class Sha256 {
    constructor() {
        this.h = H0.slice();
        this.part = new Uint8Array(64);
        this.n = 0; // bytes in part
        this.total = 0;
    }

    update(bytes) {
        let at = 0;
        this.total += bytes.length;
        if (this.n > 0) {
            at = Math.min(64 - this.n, bytes.length);
            this.part.set(bytes.subarray(0, at), this.n);
            this.n += at;
            if (this.n < 64)
                return this;
            compress(this.h, viewOf(this.part), 0, 1);
            this.n = 0;
        }
        const blocks = Math.floor((bytes.length - at) / 64);
        if (blocks > 0)
            compress(this.h, viewOf(bytes), at, blocks);
        at += blocks * 64;
        this.part.set(bytes.subarray(at));
        this.n = bytes.length - at;
        return this;
    }

    digest() {
        const end = new Uint8Array(this.n < 56 ? 64 : 128), view = viewOf(end), out = new Uint8Array(32);
        end.set(this.part.subarray(0, this.n));
        end[this.n] = 0x80;
        view.setBigUint64(end.length - 8, BigInt(this.total) * 8n);
        compress(this.h, view, 0, end.length / 64);
        this.h.forEach((word, i) => viewOf(out).setInt32(4 * i, word));
        return out;
    }
}

// At once, for what is small.
export const sha256 = (...parts) => {
    const h = new Sha256();
    for (const p of parts)
        h.update(p);
    return h.digest();
};

// Only in a secure context; file: and localhost are such.
const webCrypto = () => globalThis.crypto && globalThis.crypto.subtle;

// The same for a large piece.
export const sha256Large = async bytes => {
    const subtle = webCrypto();
    if (subtle && bytes.length >= 4096) {
        try {
            return new Uint8Array(await subtle.digest("SHA-256", bytes));
        } catch {
            // Not offered after all: ours.
        }
    }
    return sha256(bytes);
};

const WHOLE = 48 << 20; // read and hashed in one piece up to here
const PIECE = 4 << 20;

// Of a source; `each` sees the bytes as they were hashed, and how many.
export const sha256Source = async (source, each = () => {}) => {
    if (source.size <= WHOLE && webCrypto()) {
        const bytes = await source.slice(0, source.size), digest = await sha256Large(bytes);
        await each(bytes);
        return digest;
    }
    const h = new Sha256();
    for (let at = 0; at < source.size; at += PIECE) {
        const bytes = await source.slice(at, Math.min(PIECE, source.size - at));
        h.update(bytes);
        await each(bytes);
    }
    return h.digest();
};
