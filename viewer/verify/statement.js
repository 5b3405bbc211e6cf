// SPDX-License-Identifier: GPL-3.0-or-later
// clip.json: what it says, and whether it holds together (docs/FORMAT.md section 5). A Refusal of kind "format" is a
// statement that breaks the rules; of another kind, one that cannot be read.
import {ascii, hex, refuse, same, unhex, utf8} from "./bytes.js";
import {parseJson} from "./json.js";
import {CODE_TYPES, ENTRIES, KINDS, leafHash, logId, OPEN, openingBytes, parseLeaf, takeOf} from "./leaf.js";
import {MAX} from "./limits.js";
import {parseKeyText} from "./minisign.js";
import {chain, parseRecord, RECORD} from "./record.js";
import {sha256} from "./sha256.js";
import {parseTime, timeText} from "./time.js";

const END_REASONS = ["next-code", "same-code", "stop", "cancelled", "idle", "maximum", "shutdown", "power-loss", "crash",
                     "camera-lost", "disk-full", "fault"];
const LABELS = ["matched", "other", "not-seen", "not-checked"];
const CLOCKS = ["synced", "unsynced", "unknown"];

const ROOT_KEYS = ["type", "version", "crit", "salt", "station", "clip", "take", "kind", "operator", "open_leaf", "key", "ledger_key",
                   "codes", "freshness", "started", "ended", "end_reason", "label", "tracks", "originals", "events", "software"];

export const stationOk = s => /^[A-Za-z0-9][A-Za-z0-9-]{0,15}$/.test(s);

export const fileNameOk = s => s.length <= MAX.fileName && /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)?$/.test(s);

// ---- fetching: one object of the statement, with the path to it for messages

class Fields {
    constructor(map, path, crit) {
        this.map = map;
        this.path = path;
        this.crit = crit;
    }

    at(key) {
        return this.path + (this.path && !key.startsWith("[") ? "." : "") + key;
    }

    // Keys of a later version are skipped, unless the statement says that they matter.
    only(...known) {
        for (const key of this.map.keys())
            if (!known.includes(key) && this.crit.includes(key))
                refuse(this.at(key), "must be understood, and this program does not know it", "version");
        return this;
    }

    get(key, is, what) {
        if (!this.map.has(key))
            refuse(this.at(key), "is missing");
        const v = this.map.get(key);
        if (!is(v))
            refuse(this.at(key), "is not " + what);
        return v;
    }

    object(key, ...known) {
        return new Fields(this.get(key, v => v instanceof Map, "an object"), this.at(key), this.crit).only(...known);
    }

    // The elements, each through `one(value, path)`; `left` holds what remains of a bound for several lists.
    list(key, left, one) {
        const all = this.get(key, Array.isArray, "an array");
        if (all.length > left.n)
            refuse(this.at(key), "has more elements than " + left.n, "limit");
        left.n -= all.length;
        return all.map((v, i) => one(v, this.at(key) + "[" + i + "]"));
    }

    objects(key, left, known, one) {
        return this.list(key, left, (v, path) => {
            if (!(v instanceof Map))
                refuse(path, "is not an object");
            return one(new Fields(v, path, this.crit), f => f.only(...known));
        });
    }

    int(key, max = MAX.jsonInt) {
        const v = this.get(key, Number.isInteger, "an integer");
        if (v < 0 || v > max)
            refuse(this.at(key), "is not within 0 and " + max, "limit");
        return v;
    }

    bool(key) {
        return this.get(key, v => typeof v === "boolean", "true or false");
    }

    string(key) {
        return this.get(key, v => typeof v === "string", "a string");
    }

    // At most `max` bytes.
    text(key, max = MAX.name, empty = true) {
        const v = this.string(key);
        if (utf8(v).length > max)
            refuse(this.at(key), "is longer than " + max + " bytes", "limit");
        if (!empty && v === "")
            refuse(this.at(key), "is empty");
        return v;
    }

    word(key, words) {
        const v = this.string(key);
        if (!words.includes(v))
            refuse(this.at(key), "is not a word of this format");
        return v;
    }

    hex(key, n) {
        return unhex(this.string(key), n) || refuse(this.at(key), "is not " + 2 * n + " lower-case hexadecimal digits");
    }

    wall(key) {
        const t = parseTime(this.string(key));
        return t === null ? refuse(this.at(key), "is not a time like 2026-11-21T08:15:30.123Z") : t;
    }

    time(key) {
        const f = this.object(key, "wall", "boot_ms", "clock", "max_error_us");
        return {wall: f.wall("wall"), boot: f.int("boot_ms"), clock: f.word("clock", CLOCKS), maxError: f.int("max_error_us", 0xffffffff)};
    }

    file() {
        const f = this.object("file", "name", "size", "sha256"), name = f.text("name", MAX.fileName, false);
        if (!fileNameOk(name))
            refuse(f.at("name"), "is not a plain file name");
        return {name, size: f.int("size"), sha256: f.hex("sha256", 32)};
    }
}

// ---- the parts, in the order of the format

const readCrit = root => {
    const crit = root.list("crit", {n: 64}, (v, path) => {
        if (typeof v !== "string")
            refuse(path, "is not a string");
        if (!ROOT_KEYS.includes(v))
            refuse(path, "names what this program does not know", "version");
        return v;
    });
    root.crit = crit;
};

const readIdentity = (root, clip) => {
    clip.salt = root.hex("salt", 16);
    const station = root.object("station", "id", "name");
    clip.station = station.text("id", MAX.stationId, false);
    if (!stationOk(clip.station))
        refuse("station.id", "is not made of A-Z, a-z, 0-9 and -");
    clip.stationName = station.text("name");
    clip.number = root.int("clip");
    clip.take = root.int("take", 0xffffffff);
    clip.kind = root.word("kind", Object.keys(KINDS));
    clip.operator = root.text("operator");
    const leaf = root.string("open_leaf");
    if (Math.floor(leaf.length / 2) > MAX.leaf)
        refuse("open_leaf", "is longer than " + MAX.leaf + " bytes", "limit");
    clip.openLeaf = unhex(leaf, Math.floor(leaf.length / 2)) || refuse("open_leaf", "is not lower-case hexadecimal");
    clip.key = parseKeyText(root.string("key")) || refuse("key", "is not a minisign public key");
    clip.ledgerKey = root.hex("ledger_key", 32);
};

const readCodes = root => {
    let added = false;
    return root.objects("codes", {n: MAX.codes}, ["value", "raw", "type", "carrier", "entry", "device", "at", "opening"], (f, only) => {
        const opening = f.bool("opening");
        if (opening && added)
            refuse(f.at("opening"), "comes after a code that was added later");
        added = added || !opening;
        only(f);
        return {opening, value: f.text("value", MAX.code, false), raw: f.text("raw", MAX.code), type: f.word("type", Object.keys(CODE_TYPES)),
                carrier: f.text("carrier"), entry: f.word("entry", Object.keys(ENTRIES)), device: f.text("device"), at: f.wall("at")};
    });
};

const readRanges = (f, key, left) => f.list(key, left, (pair, path) => {
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every(Number.isInteger))
        refuse(path, "is not [first,last]");
    if (pair.some(n => n < 0 || n >= MAX.segments))
        refuse(path, "is no sequence number", "limit");
    return {first: pair[0], last: pair[1]};
});

const readSegments = (f, left) => f.list("segments", left, (v, path) => {
    if (typeof v !== "string")
        refuse(path, "is not a string");
    return unhex(v, RECORD) || refuse(path, "is not " + 2 * RECORD + " lower-case hexadecimal digits");
});

const readPlace = f => ({x: f.int("x", MAX.picture), y: f.int("y", MAX.picture), w: f.int("w", MAX.picture), h: f.int("h", MAX.picture),
                         fields: f.text("fields", MAX.fields)});

const readBanner = track => {
    const f = track.object("banner", "layout", "x", "y", "w", "h", "fields");
    return {layout: f.text("layout"), ...readPlace(f)};
};

// Missing where it never changed.
const readBanners = track => {
    if (!track.map.has("banners"))
        return [];
    const left = {n: MAX.banners};
    if (track.get("banners", Array.isArray, "an array").length < 2)
        refuse(track.at("banners"), "has less than two elements");
    return track.objects("banners", left, ["from", "x", "y", "w", "h", "fields", "text"], (f, only) => {
        only(f);
        return {from: f.int("from", MAX.segments), ...readPlace(f), text: f.text("text", MAX.code)};
    });
};

const readCounts = track => {
    const names = ["captured", "encoded", "dropped", "damaged", "repeated"], f = track.object("counts", ...names);
    return Object.fromEntries(names.map(n => [n, f.int(n)]));
};

const TRACK_KEYS = ["camera", "opening", "model", "serial", "path", "driver", "source_format", "file", "codec", "width", "height", "banner",
                    "banners", "first", "counts", "gaps", "segments", "unwitnessed", "lost", "preroll", "head"];

const readTracks = root => {
    const segments = {n: MAX.segments}, ranges = {n: MAX.ranges}, gaps = {n: MAX.gaps};
    let added = false;
    return root.objects("tracks", {n: MAX.tracks}, TRACK_KEYS, (f, only) => {
        const opening = f.bool("opening");
        if (opening && added)
            refuse(f.at("opening"), "comes after a track that was added later");
        added = added || !opening;
        only(f);
        const t = {opening, camera: f.text("camera", MAX.name, false)};
        for (const key of ["model", "serial", "path", "driver", "source_format"])
            t[key] = f.text(key);
        t.file = f.file();
        t.codec = f.text("codec");
        t.width = f.int("width", MAX.picture);
        t.height = f.int("height", MAX.picture);
        t.banner = readBanner(f);
        t.banners = readBanners(f);
        t.first = f.time("first");
        t.counts = readCounts(f);
        t.gaps = f.objects("gaps", gaps, ["start", "duration", "frames", "reason"], (g, known) => {
            known(g);
            return {start: g.int("start"), duration: g.int("duration"), frames: g.int("frames"), reason: g.text("reason", MAX.name, false)};
        });
        t.raw = readSegments(f, segments);
        t.unwitnessed = readRanges(f, "unwitnessed", ranges);
        t.lost = readRanges(f, "lost", ranges);
        t.preroll = f.map.has("preroll") ? f.int("preroll", MAX.segments) : 0;
        t.head = f.hex("head", 32);
        return t;
    });
};

const readRest = (root, clip) => {
    clip.originals = root.objects("originals", {n: MAX.originals}, ["file", "track", "ticks", "why"], (f, only) => {
        only(f);
        return {file: f.file(), track: f.int("track", MAX.tracks - 1), ticks: f.int("ticks"), why: f.text("why", MAX.name, false)};
    });
    clip.events = root.objects("events", {n: MAX.events}, ["ms", "what", "text"], (f, only) => {
        only(f);
        return {ms: f.int("ms"), what: f.text("what", MAX.name, false), text: f.text("text", MAX.code)};
    });
    const s = root.object("software", "name", "recorder_sha256", "signer_sha256");
    clip.software = {name: s.text("name", MAX.name, false), recorder: s.hex("recorder_sha256", 32), signer: s.hex("signer_sha256", 32)};
};

// ---- what must hold between the fields

const checkLeaf = clip => {
    const leaf = parseLeaf(clip.openLeaf, "open_leaf");
    if (leaf.type !== OPEN)
        refuse("open_leaf", "is not an open leaf");
    if (leaf.index !== clip.number)
        refuse("clip", "is not the index of the open leaf");
    if (takeOf(leaf) !== clip.take)
        refuse("take", "is not the take of the open leaf");
    if (!same(logId(clip.ledgerKey), leaf.log))
        refuse("ledger_key", "is not the key of the open leaf's ledger");
    return leaf;
};

const checkCounts = (n, path) => {
    if (n.dropped + n.damaged > n.captured || n.encoded !== n.captured - n.dropped - n.damaged + n.repeated)
        refuse(path + ".counts", "encoded is not captured - dropped - damaged + repeated");
};

// The records follow one another, and the chain over them ends in the head. Gives the track's length in ticks.
const checkRecords = (clip, t, index, path) => {
    let ticks = 0, frames = 0, head = leafHash(clip.openLeaf);
    t.records = t.raw.map((bytes, seq) => {
        const where = path + ".segments[" + seq + "]", r = parseRecord(bytes) || refuse(where, "a field is out of bounds", "limit");
        if (r.track !== index)
            refuse(where, "is of another track");
        if (r.seq !== seq)
            refuse(where, "is out of sequence");
        if (r.start !== ticks)
            refuse(where, "does not start where the one before ends");
        ticks += r.duration;
        frames += r.frames;
        head = chain(head, bytes);
        return r;
    });
    if (!same(head, t.head))
        refuse(path + ".head", "is not the head of these segments");
    if (frames !== t.counts.encoded)
        refuse(path + ".counts.encoded", "is not the sum of the segments' frames");
    return ticks;
};

const checkRanges = (ranges, n, path) => {
    let before = -1;
    ranges.forEach((r, i) => {
        if (r.first > r.last || r.last >= n || r.first <= before)
            refuse(path + "[" + i + "]", "is out of order, overlaps, or lies beyond the segments");
        before = r.last;
    });
};

const checkPicture = (t, path) => {
    const b = t.banner;
    if (b.x + b.w > t.width || b.y + b.h > t.height)
        refuse(path + ".banner", "is not inside the picture");
    if (t.raw.length > 0 && (t.width === 0 || t.height === 0))
        refuse(path + (t.width === 0 ? ".width" : ".height"), "is 0");
    if (t.raw.length > 0 && !t.codec.startsWith("avc1."))
        refuse(path + ".codec", "is not avc1");
};

// What came before the clip was opened: the first segments of a camera's first track, and the signer saw none of them.
const checkPreroll = (t, where) => {
    if (t.preroll === 0)
        return;
    if (!t.opening)
        refuse(where, "is of a track that was added later");
    if (t.preroll > t.records.length)
        refuse(where, "is beyond the segments");
    let late = 0;
    for (const r of t.unwitnessed)
        late = r.first === late ? r.last + 1 : late;
    if (late < t.preroll)
        refuse(where, "is not all among the unwitnessed");
    const last = t.records[t.preroll - 1];
    if (last.start + last.duration > MAX.prerollTicks)
        refuse(where, "is longer than 30 s", "limit");
};

const checkBanners = (clip, t, path) => {
    const all = t.banner;
    t.banners.forEach((b, i) => {
        const where = path + ".banners[" + i + "]";
        if (i === 0 ? b.from !== 0 : b.from <= t.banners[i - 1].from)
            refuse(where, "is out of order");
        if (b.from >= t.records.length)
            refuse(where, "is beyond the segments");
        if (b.x < all.x || b.y < all.y || b.x + b.w > all.x + all.w || b.y + b.h > all.y + all.h)
            refuse(where, "is not inside the banner");
        if (b.text !== "" && !clip.codes.some(c => c.value === b.text))
            refuse(where, "shows what is no code of the clip");
    });
};

const checkTrack = (clip, t, index) => {
    const path = "tracks[" + index + "]", cameras = clip.tracks.filter(o => o.opening).map(o => o.camera);
    if (t.opening ? cameras.indexOf(t.camera) !== index : !cameras.includes(t.camera))
        refuse(path + ".camera", "is not the camera of the opening");
    checkPicture(t, path);
    checkCounts(t.counts, path);
    const ticks = checkRecords(clip, t, index, path);
    let before = 0;
    t.gaps.forEach((g, i) => {
        if (g.start > ticks || g.duration > ticks - g.start || g.start < before)
            refuse(path + ".gaps[" + i + "]", "is out of order, or beyond the segments");
        before = g.start;
    });
    checkRanges(t.unwitnessed, t.raw.length, path + ".unwitnessed");
    checkRanges(t.lost, t.raw.length, path + ".lost");
    if (t.lost.length > 1 || (t.lost.length === 1 && t.lost[0].last + 1 !== t.raw.length))
        refuse(path + ".lost", "is not the tail of the segments");
    checkPreroll(t, path + ".preroll");
    checkBanners(clip, t, path);
};

// Files of a clip's folder that are judged by rules of their own; no film or photograph may be called so.
export const OWN_NAMES = ["clip.json", "clip.json.minisig", "checkpoint", "open.tlog-proof", "seal.tlog-proof", "excerpt.json"];

// Neither equal, when cases are not told apart, nor one the folder of the other.
const collide = (a, b) => {
    const x = a.toLowerCase(), y = b.toLowerCase();
    return x === y || x.startsWith(y + "/") || y.startsWith(x + "/");
};

const checkFiles = clip => {
    const taken = [...OWN_NAMES];
    for (const list of ["tracks", "originals"])
        clip[list].forEach((o, i) => {
            if (taken.some(name => collide(name, o.file.name)))
                refuse(list + "[" + i + "].file.name", "is the name of another file");
            taken.push(o.file.name);
        });
    clip.originals.forEach((o, i) => {
        if (o.track >= clip.tracks.length)
            refuse("originals[" + i + "].track", "is no track");
    });
};

const check = clip => {
    if (!clip.tracks.some(t => t.opening))
        refuse("tracks", "has no track of the opening");
    if (clip.started.boot > clip.ended.boot)
        refuse("ended.boot_ms", "is before the start");
    clip.leaf = checkLeaf(clip);
    clip.tracks.forEach((t, i) => checkTrack(clip, t, i));
    if (!same(sha256(openingBytes(clip)), clip.leaf.digest))
        refuse("open_leaf", "is not the leaf of this opening");
    checkFiles(clip);
};

export const parseStatement = bytes => {
    const root = new Fields(parseJson(bytes), "", []), clip = {};
    if (root.text("type", 31) !== "packseal-clip")
        refuse("type", "is not packseal-clip");
    if (root.int("version") !== 1)
        refuse("version", "is not 1", "version");
    readCrit(root);
    readIdentity(root, clip);
    clip.codes = readCodes(root);
    const f = root.object("freshness", "code", "token_sha256");
    clip.freshness = {code: f.text("code", 8), token: f.hex("token_sha256", 32)};
    clip.started = root.time("started");
    clip.ended = root.time("ended");
    clip.endReason = root.word("end_reason", END_REASONS);
    clip.label = root.word("label", LABELS);
    clip.tracks = readTracks(root);
    readRest(root, clip);
    check(clip);
    return clip;
};

// The key that a broken statement states, if it is one of ours at all; else null.
export const statedKey = bytes => {
    try {
        const root = parseJson(bytes), key = root.get("key");
        return root.get("type") === "packseal-clip" && root.get("version") === 1 && typeof key === "string" ? parseKeyText(key) : null;
    } catch {
        return null;
    }
};

export const clipName = clip => clip.station + "-" + String(clip.number).padStart(7, "0");

// The signed comment that belongs to this statement (section 6).
export const trustedComment = (clip, digest) =>
    "packseal v1 clip " + clipName(clip) + " ended " + timeText(clip.ended.wall) + " sha256 " + hex(digest);

export const commentText = bytes => ascii(bytes);
