// SPDX-License-Identifier: GPL-3.0-or-later
// BLAKE2b-512 without key (RFC 7693), in halves of 32 bits: a statement may have 4 MiB, too much for BigInt.
import {bigRoot, primes} from "./primes.js";

// The initial value is SHA-512's: [low, high] of each word.
const IV = new Uint32Array(16);
primes(8).forEach((p, i) => {
    const word = BigInt.asUintN(64, bigRoot(BigInt(p) << 128n, 2));
    IV[2 * i] = Number(word & 0xffffffffn);
    IV[2 * i + 1] = Number(word >> 32n);
});

// RFC 7693 section 2.7, one hexadecimal digit a message word.
const SIGMA = ["0123456789abcdef", "ea489fd61c02b753", "b8c052fdae367194", "7931dcbe265a40f8", "905724afe1bc683d",
               "2c6a0b834d75fe19", "c51fed4a0763928b", "db7ec13950f4862a", "6fe9b308c2d714a5", "a2847615fb9e3cd0"]
    .map(row => Array.from(row, digit => 2 * parseInt(digit, 16)));

// Which words of the working vector a step mixes: four columns, four diagonals.
const MIX = [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15], [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]]
    .map(step => step.map(i => 2 * i));

const v = new Uint32Array(32), m = new Uint32Array(32);

// v[a] += v[b] + (low, high)
const add = (a, b, low, high) => {
    const sum = v[a] + v[b] + low;
    v[a + 1] = v[a + 1] + v[b + 1] + high + Math.floor(sum / 0x100000000);
    v[a] = sum;
};

// v[a] = (v[a] ^ v[b]) >>> n, n of 16, 24, 32, 63
const turn = (a, b, n) => {
    const low = v[a] ^ v[b], high = v[a + 1] ^ v[b + 1];
    if (n === 32) {
        v[a] = high;
        v[a + 1] = low;
    } else if (n === 63) {
        v[a] = low << 1 | high >>> 31;
        v[a + 1] = high << 1 | low >>> 31;
    } else {
        v[a] = low >>> n | high << 32 - n;
        v[a + 1] = high >>> n | low << 32 - n;
    }
};

const compress = (h, block, total, last) => {
    for (let i = 0; i < 32; i++)
        m[i] = block.getUint32(4 * i, true);
    v.set(h);
    v.set(IV, 16);
    v[24] ^= total;
    v[25] ^= Math.floor(total / 0x100000000);
    if (last) {
        v[28] = ~v[28];
        v[29] = ~v[29];
    }
    for (let round = 0; round < 12; round++) {
        const s = SIGMA[round % 10];
        for (let i = 0; i < 8; i++) {
            const [a, b, c, d] = MIX[i], x = s[2 * i], y = s[2 * i + 1];
            add(a, b, m[x], m[x + 1]);
            turn(d, a, 32);
            add(c, d, 0, 0);
            turn(b, c, 24);
            add(a, b, m[y], m[y + 1]);
            turn(d, a, 16);
            add(c, d, 0, 0);
            turn(b, c, 63);
        }
    }
    for (let i = 0; i < 16; i++)
        h[i] ^= v[i] ^ v[i + 16];
};

export const blake2b512 = bytes => {
    const h = IV.slice();
    h[0] ^= 0x01010000 ^ 64; // no key, one tree, 64 bytes of digest
    let at = 0;
    for (; bytes.length - at > 128; at += 128)
        compress(h, new DataView(bytes.buffer, bytes.byteOffset + at, 128), at + 128, false);
    const end = new Uint8Array(128);
    end.set(bytes.subarray(at));
    compress(h, new DataView(end.buffer), bytes.length, true);
    const out = new Uint8Array(64), view = new DataView(out.buffer);
    h.forEach((word, i) => view.setUint32(4 * i, word, true));
    return out;
};
