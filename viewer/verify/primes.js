// SPDX-License-Identifier: GPL-3.0-or-later
// The constants of SHA-2 are the first bits behind the point of square and cube roots of the first primes; computing
// them leaves no table to mistype.

export const primes = n => {
    const out = [];
    for (let p = 2; out.length < n; p++)
        if (out.every(q => p % q !== 0))
            out.push(p);
    return out;
};

// The largest r with r^k <= x.
export const bigRoot = (x, k) => {
    const e = BigInt(k);
    let lo = 0n, hi = 1n << BigInt(Math.ceil(x.toString(2).length / k) + 1);
    while (hi - lo > 1n) {
        const mid = (lo + hi) >> 1n;
        if (mid ** e <= x)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
};
