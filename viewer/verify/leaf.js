// SPDX-License-Identifier: GPL-3.0-or-later
// Ledger leaves and the opening (docs/FORMAT.md sections 4.1 and 4.3).
import {be, Cursor, join, refuse, same, utf8} from "./bytes.js";
import {MAX} from "./limits.js";
import {sha256} from "./sha256.js";

const STARTUP = 1, ABORT = 4, LAST = 13;
export const OPEN = 2;
export const SEAL = 3;

const zero = bytes => bytes.every(b => b === 0);

// Beyond the layout: what holds of a leaf of this type. Reserved types are not judged.
const fits = l => {
    switch (l.type) {
    case STARTUP: return l.extra.length === 0 && l.subject === l.index && zero(l.head);
    case OPEN: return l.extra.length === 4 && l.subject === l.index && zero(l.head) && new Cursor(l.extra).u32() > 0;
    case SEAL: return l.extra.length === 0 && l.subject < l.index;
    case ABORT: return l.extra.length === 1 && l.subject < l.index && zero(l.digest) && l.extra[0] >= 1 && l.extra[0] <= 3;
    default: return true;
    }
};

export const parseLeaf = (bytes, where = "leaf") => {
    const c = new Cursor(bytes, where);
    if (!same(c.take(4), utf8("PSL1")))
        refuse(where, "is no leaf");
    const l = {type: c.u8(), clock: c.u8(), reserved: c.u16(), log: c.take(16), index: c.u64(), subject: c.u64(),
               wall: c.i64(), boot: c.i64(), bootId: c.take(16), maxError: c.u32(), head: c.take(32), digest: c.take(32)};
    const extra = c.u16();
    if (142 + extra > MAX.leaf)
        refuse(where, "is longer than a leaf can be", "limit");
    l.extra = c.take(extra);
    if (c.left > 0)
        refuse(where, "has bytes after its end", "short");
    if (l.reserved !== 0)
        refuse(where, "has reserved bytes that are not 0");
    if (l.type < STARTUP || l.type > LAST)
        refuse(where, "is of an unknown type", "version");
    if (l.clock > 2)
        refuse(where, "has an unknown state of the clock");
    if (l.index > MAX.jsonInt || l.subject > MAX.jsonInt)
        refuse(where, "has an index beyond 2^53 - 1", "limit");
    if (!fits(l))
        refuse(where, "breaks the rules of its type");
    return l;
};

export const leafHash = bytes => sha256(Uint8Array.of(0), bytes);

export const logId = ledgerKey => sha256(utf8("packseal/log/v1\0"), ledgerKey).subarray(0, 16);

export const takeOf = leaf => new Cursor(leaf.extra).u32();

// The wall clock of a leaf, in milliseconds since 1970.
export const leafTime = leaf => Number(leaf.wall / 1000000n);

// ---- the opening

export const KINDS = {pack: 1, return: 2, audit: 3};
export const CODE_TYPES = {unknown: 0, waybill: 1, parcel: 2, order: 3, sku: 4};
export const ENTRIES = {scanner: 1, camera: 2, manual: 3, api: 4};

const str = s => {
    const bytes = utf8(s);
    return join(be(bytes.length, 2), bytes);
};

// A code and its token's digest come together or not at all.
const freshnessOk = f => f.code === "" ? zero(f.token) : /^[0-9A-HJKMNP-TV-Z]{8}$/.test(f.code) && !zero(f.token);

// Its bytes, from a statement that has been read.
export const openingBytes = clip => {
    const codes = clip.codes.filter(c => c.opening), cameras = clip.tracks.filter(t => t.opening).map(t => t.camera);
    if (!freshnessOk(clip.freshness))
        refuse("freshness", "a code of 8 characters and its token's digest come together or not at all");
    if (new Set(cameras).size !== cameras.length)
        refuse("tracks", "a camera stands twice in the opening");
    const bytes = join(
        utf8("packseal/open/v1\0"), clip.salt, str(clip.station), be(KINDS[clip.kind], 1), str(clip.operator), be(codes.length, 2),
        ...codes.map(c => join(str(c.value), str(c.raw), be(CODE_TYPES[c.type], 1), str(c.carrier), be(ENTRIES[c.entry], 1), str(c.device))),
        be(cameras.length, 2), ...cameras.map(str), str(clip.freshness.code), clip.freshness.token);
    if (bytes.length > MAX.opening)
        refuse("codes", "the opening is too long", "limit");
    return bytes;
};
