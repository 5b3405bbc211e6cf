# SPDX-License-Identifier: GPL-3.0-or-later
"""Ed25519 verification from RFC 8032 section 5.1, by plain integers: a second opinion, not a fast one."""
import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
BASE_Y = 4 * pow(5, P - 2, P) % P


def decode(data):
    """A point (x, y); None when there is none."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square or (x == 0 and sign):
        return None
    return (P - x if x & 1 != sign else x, y)


def add(a, b):
    """Projective points (X, Y, Z), the complete addition law of the twisted Edwards curve."""
    x1, y1, z1 = a
    x2, y2, z2 = b
    z = z1 * z2 % P
    xx, yy = x1 * x2 % P, y1 * y2 % P
    e = D * xx * yy % P
    f, g = (z * z - e) % P, (z * z + e) % P
    return (z * f * ((x1 + y1) * (x2 + y2) - xx - yy) % P, z * g * (yy + xx) % P, f * g % P)


def times(n, point):
    out, run = (0, 1, 1), (point[0], point[1], 1)
    while n:
        if n & 1:
            out = add(out, run)
        run = add(run, run)
        n >>= 1
    return out


def verify(key, signature, message):
    a, r = decode(key), decode(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if len(key) != 32 or len(signature) != 64 or a is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = times(s, decode(BASE_Y.to_bytes(32, "little"))), add((r[0], r[1], 1), times(k, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0
