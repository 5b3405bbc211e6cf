// SPDX-License-Identifier: GPL-3.0-or-later
// One judged film (docs/FORMAT.md section 7): an MP4 that every player shows alike, ordinary or fragmented. Which boxes
// may stand where is one table; any other is refused, for it might change the picture.
// Boxes: ISO/IEC 14496-12 and -15. A Refusal "format" breaks the rules, "short" is a file that was cut off.
import {Cursor, refuse} from "./bytes.js";
import {MAX, TICKS} from "./limits.js";

const PADDING = ["free", "skip"], REMARKS = [...PADDING, "udta", "meta"], GROUPS = ["sdtp", "sgpd", "sbgp"];

// must: exactly one; may: at most one; also: any number, not looked at; many: any number.
const CHILDREN = {
    moov: {must: ["mvhd", "trak"], may: ["mvex"], also: [...REMARKS, "uuid", "iods"]},
    trak: {must: ["tkhd", "mdia"], may: ["edts"], also: REMARKS},
    edts: {must: [], may: ["elst"], also: PADDING},
    mdia: {must: ["mdhd", "hdlr", "minf"], may: [], also: REMARKS},
    minf: {must: ["dinf", "stbl"], may: ["vmhd"], also: [...PADDING, "hdlr"]},
    stbl: {must: ["stsd", "stts", "stsc", "stsz"], may: ["stco", "co64", "stss", "ctts"], also: [...PADDING, ...GROUPS]},
    avc1: {must: ["avcC"], may: ["pasp", "colr"], many: ["fiel"], also: [...PADDING, "btrt"]},
    mvex: {must: ["trex"], may: [], also: [...PADDING, "mehd"]},
    moof: {must: ["mfhd", "traf"], may: [], also: ["free"]},
    traf: {must: ["tfhd"], may: ["tfdt"], many: ["trun"], also: ["free", ...GROUPS]},
};

const typeOf = bytes => {
    const ok = bytes.every(b => (b >= 0x20 && b <= 0x7e) || b === 0xa9);
    return ok ? String.fromCharCode(...bytes) : null;
};

// The next box inside another: {type, body}.
const nextBox = c => {
    let size = c.u32(), head = 8;
    const type = typeOf(c.take(4)) || refuse(c.where, "broken box inside");
    if (size === 1) {
        size = c.u64();
        head = 16;
    }
    if (size < head || size - head > c.left)
        refuse(c.where, "box " + type + " does not fit into it");
    return {type, body: c.sub(size - head, c.where + "/" + type)};
};

// All boxes of a parent by type, in the order of the file, checked against the table.
const children = (c, kind) => {
    const rule = CHILDREN[kind], found = {}, order = [];
    while (c.left > 0) {
        const b = nextBox(c);
        if (rule.also.includes(b.type))
            continue;
        const many = rule.many && rule.many.includes(b.type);
        if (!many && !rule.must.includes(b.type) && !rule.may.includes(b.type))
            refuse(c.where, "box " + b.type + " may not stand in a judged film");
        if (!many && found[b.type])
            refuse(["moov", "edts"].includes(kind) ? b.body.where : c.where, "there are two of this box");
        found[b.type] = b.body;
        order.push(b);
    }
    for (const type of rule.must)
        if (!found[type])
            refuse(c.where, type + " is missing");
    return Object.assign(found, {order});
};

const full = (c, versions = 1) => {
    const v = c.u32(), version = v >>> 24;
    if (version > versions)
        refuse(c.where, "unknown version");
    return {version, flags: v & 0xffffff};
};

const finish = c => {
    if (c.left !== 0)
        refuse(c.where, "bytes after its end");
};

const MATRIX = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000];

const checkMatrix = c => {
    if (MATRIX.filter(want => c.u32() === want).length !== MATRIX.length)
        refuse(c.where, "the picture is turned, moved or scaled");
};

// Where a version 1 has 64 bits.
const wide = (c, version) => version === 1 ? c.big() : BigInt(c.u32());

// ---- headers

const readMvhd = (c, film) => {
    const {version} = full(c);
    c.skip(version === 1 ? 16 : 8);
    film.movieScale = c.u32();
    film.durations.push({where: c.where, scale: film.movieScale, d: wide(c, version)});
    if (c.u32() !== 0x10000)
        refuse(c.where, "plays at another speed");
    c.skip(12);
    checkMatrix(c);
    c.skip(28);
    finish(c);
    if (film.movieScale === 0)
        refuse(c.where, "broken");
};

const readTkhd = (c, film) => {
    const {version, flags} = full(c);
    c.skip(version === 1 ? 16 : 8);
    film.trackId = c.u32();
    c.skip(4);
    film.durations.push({where: c.where, movie: true, d: wide(c, version)});
    c.skip(16);
    checkMatrix(c);
    film.shown = [c.u32(), c.u32()];
    finish(c);
    if (film.trackId === 0)
        refuse(c.where, "broken");
    if ((flags & 1) === 0)
        refuse(c.where, "the track is disabled");
};

const readMdhd = (c, film) => {
    const {version} = full(c);
    c.skip(version === 1 ? 16 : 8);
    film.scale = c.u32();
    film.durations.push({where: c.where, scale: film.scale, d: wide(c, version)});
    c.skip(4);
    finish(c);
    if (film.scale === 0)
        refuse(c.where, "broken");
};

const readEdit = (c, film) => {
    const {version} = full(c);
    if (c.u32() !== 1)
        refuse(c.where, "an edit list: parts of the film are left out or repeated");
    film.durations.push({where: c.where, movie: true, d: wide(c, version)});
    const start = wide(c, version), rate = c.u32();
    finish(c);
    if (start !== 0n || rate !== 0x10000)
        refuse(c.where, "an edit list that shifts the film or changes its speed");
};

// One reference to the samples, and it is to this very file.
const readDinf = c => {
    const dref = nextBox(c);
    if (dref.type !== "dref" || c.left !== 0)
        refuse(c.where, "dref and nothing else is expected");
    full(dref.body, 255);
    const n = dref.body.u32(), one = nextBox(dref.body);
    if (n !== 1 || dref.body.left !== 0)
        refuse(c.where, "more than one place for the samples");
    if ((full(one.body, 255).flags & 1) === 0)
        refuse(c.where, "the samples are in another file");
};

// ---- sample entry

const readAvcc = (c, film) => {
    if (c.left > 1024)
        refuse(c.where, "too large", "limit");
    film.avcc = c.bytes.slice(c.at, c.end);
    const version = c.u8();
    c.skip(3);
    const length = c.u8() & 3, sps = c.u8() & 31;
    for (let i = 0; i < sps; i++)
        c.skip(c.u16());
    const pps = c.u8();
    for (let i = 0; i < pps; i++)
        c.skip(c.u16());
    if (version !== 1 || length !== 3 || sps === 0 || pps === 0)
        refuse(c.where, "broken, or with NAL lengths of other than 4 bytes");
};

const readEntry = (c, film) => {
    c.skip(6);
    const place = c.u16();
    c.skip(16);
    film.width = c.u16();
    film.height = c.u16();
    c.skip(12);
    const frames = c.u16();
    c.skip(34);
    if (c.u16() !== 0xffff || place !== 1 || frames !== 1)
        refuse(c.where, "broken");
    if (film.width === 0 || film.height === 0 || film.width > MAX.picture || film.height > MAX.picture)
        refuse(c.where, "picture of " + film.width + " x " + film.height, "limit");
    const boxes = children(c, "avc1");
    readAvcc(boxes.avcC, film);
    if (boxes.pasp) {
        const h = boxes.pasp.u32(), v = boxes.pasp.u32();
        finish(boxes.pasp);
        if (h !== v || h === 0)
            refuse(boxes.pasp.where, "pixels that are not square");
    }
    for (const b of boxes.order)
        if (b.type === "fiel" && b.body.left > 0 && b.body.u8() > 1)
            refuse(b.body.where, "pictures made of fields");
};

const readStsd = (c, film) => {
    full(c, 255);
    const n = c.u32(), entry = nextBox(c);
    if (n !== 1 || c.left !== 0)
        refuse(c.where, "not exactly one sample entry");
    if (entry.type !== "avc1")
        refuse(c.where, "sample entry " + entry.type + ", expected avc1");
    readEntry(entry.body, film);
};

// ---- samples

const addSample = (film, where, offset, size, units, sync) => {
    const n = film.samples.length;
    if (n >= MAX.samples)
        refuse(where, "more than " + MAX.samples + " samples", "limit");
    if (size === 0)
        refuse(where, "sample " + n + " is empty");
    if (size > MAX.sample)
        refuse(where, "sample " + n + " has " + size + " bytes", "limit");
    if (offset > film.size || size > film.size - offset)
        refuse(where, "sample " + n + " lies behind the end of the file", "short");
    if (offset < film.dataEnd)
        refuse(where, "sample " + n + " overlaps, or is not in file order");
    if (units * TICKS % film.scale !== 0)
        refuse(where, "sample " + n + " does not last whole ticks of 1/90000 s");
    const ticks = units * TICKS / film.scale;
    if (film.duration + ticks > 2 * MAX.clipTicks)
        refuse(where, "longer than a clip can be", "limit");
    film.samples.push({offset, size, ticks, sync});
    film.duration += ticks;
    film.decoded += units;
    film.dataEnd = offset + size;
};

// The entries of a table: its count, and exactly that many.
const rows = (c, fields, take = () => c.u32()) => {
    const n = c.u32();
    if (c.left !== n * fields * (take.width || 4))
        refuse(c.where, "the count is not what the box holds");
    return Array.from({length: n}, () => fields === 1 ? take() : Array.from({length: fields}, take));
};

const expand = (runs, n, where) => {
    const out = [];
    for (const [count, value] of runs) {
        if (count === 0 || count > n - out.length)
            refuse(where, "not for each sample");
        for (let i = 0; i < count; i++)
            out.push(value);
    }
    if (out.length !== n)
        refuse(where, "not for each sample");
    return out;
};

// How many samples each chunk holds.
const perChunk = (runs, chunks, where) => {
    const out = [];
    runs.forEach(([first, per, entry], i) => {
        const until = i + 1 < runs.length ? runs[i + 1][0] : chunks + 1;
        if (first !== out.length + 1 || until <= first || until > chunks + 1 || per === 0 || entry !== 1)
            refuse(where, "chunks that do not hold the samples");
        while (out.length + 1 < until)
            out.push(per);
    });
    return out;
};

const readTables = (t, film) => {
    for (const type of ["stts", "stsc", "stsz", "stco", "co64", "stss", "ctts"])
        if (t[type])
            full(t[type]);
    if (!t.stco === !t.co64)
        refuse("moov/trak/mdia/minf/stbl", "one table of chunks is expected");
    const alike = t.stsz.u32();
    let sizes = null, n;
    if (alike === 0) {
        sizes = rows(t.stsz, 1);
        n = sizes.length;
    } else {
        n = t.stsz.u32();
        finish(t.stsz);
        if (n > film.size / alike)
            refuse(t.stsz.where, "more samples than the file can hold", "short");
    }
    const stts = rows(t.stts, 2), stsc = rows(t.stsc, 3);
    const c = t.co64 || t.stco;
    const chunks = rows(c, 1, t.co64 ? Object.assign(() => c.u64(), {width: 8}) : undefined);
    const marks = t.stss ? rows(t.stss, 1) : null;
    if (film.fragments) {
        if (n + stts.length + stsc.length + chunks.length > 0)
            refuse("moov", "sample tables and mvex: two descriptions compete");
        return;
    }
    if (n > MAX.samples)
        refuse(t.stsz.where, "more than " + MAX.samples + " samples", "limit");
    const units = expand(stts, n, t.stts.where), per = perChunk(stsc, chunks.length, t.stsc.where);
    if (per.length !== chunks.length || per.reduce((sum, k) => sum + k, 0) !== n)
        refuse(t.stsc.where, "chunks that do not hold the samples");
    if (marks && marks.some((m, i) => m < 1 || m > n || (i > 0 && m <= marks[i - 1])))
        refuse(t.stss.where, "not in order, or marks samples that are not there");
    const sync = marks && new Set(marks);
    let i = 0;
    chunks.forEach((offset, chunk) => {
        for (let k = 0, at = offset; k < per[chunk]; k++, i++) {
            const size = sizes ? sizes[i] : alike;
            addSample(film, t.stsz.where, at, size, units[i], !sync || sync.has(i + 1));
            at += size;
        }
    });
    if (!t.ctts)
        return;
    const shifts = rows(t.ctts, 2);
    if (shifts.some(([, shift]) => shift !== 0))
        refuse(t.ctts.where, "pictures are shown at other times than coded");
    if (shifts.reduce((sum, [count]) => sum + count, 0) !== n)
        refuse(t.ctts.where, "not for each sample");
};

const readTrack = (c, film) => {
    const trak = children(c, "trak");
    readTkhd(trak.tkhd, film);
    const mdia = children(trak.mdia, "mdia");
    readMdhd(mdia.mdhd, film);
    mdia.hdlr.skip(8);
    if (mdia.hdlr.u32() !== 0x76696465)
        refuse(mdia.hdlr.where, "not a video track");
    const minf = children(mdia.minf, "minf");
    readDinf(minf.dinf);
    film.tables = children(minf.stbl, "stbl");
    readStsd(film.tables.stsd, film);
    if (trak.edts) {
        const edts = children(trak.edts, "edts");
        if (edts.elst)
            readEdit(edts.elst, film);
    }
    if (film.shown[0] !== film.width * 65536 || film.shown[1] !== film.height * 65536)
        refuse(trak.tkhd.where, "the picture is shown in another size than it was coded");
};

const readMoov = (c, film) => {
    const moov = children(c, "moov");
    readMvhd(moov.mvhd, film);
    readTrack(moov.trak, film);
    film.fragments = Boolean(moov.mvex);
    if (moov.mvex) {
        const trex = children(moov.mvex, "mvex").trex;
        full(trex, 255);
        const id = trex.u32(), entry = trex.u32();
        film.defaults = {ticks: trex.u32(), size: trex.u32(), flags: trex.u32()};
        finish(trex);
        if (id !== film.trackId || entry !== 1)
            refuse(trex.where, "for another track");
    }
    readTables(film.tables, film);
};

// ---- fragments

const TFHD = {base: 0x1, entry: 0x2, ticks: 0x8, size: 0x10, flags: 0x20, known: 0x2003b};
const TRUN = {offset: 0x1, first: 0x4, ticks: 0x100, size: 0x200, flags: 0x400, shift: 0x800, known: 0xf05};
const NOT_SYNC = 0x10000;

const readTfhd = (c, film, at) => {
    const {flags} = full(c, 0), has = bit => (flags & bit) !== 0;
    if ((flags & ~TFHD.known) !== 0)
        refuse(c.where, "unknown flags");
    if (c.u32() !== film.trackId)
        refuse(c.where, "for another track");
    const base = has(TFHD.base) ? c.u64() : at;
    if (has(TFHD.entry) && c.u32() !== 1)
        refuse(c.where, "another sample entry");
    const f = {base, next: null, ticks: has(TFHD.ticks) ? c.u32() : film.defaults.ticks, size: has(TFHD.size) ? c.u32() : film.defaults.size,
               flags: has(TFHD.flags) ? c.u32() : film.defaults.flags};
    finish(c);
    return f;
};

const readTrun = (c, film, f) => {
    const {flags} = full(c), has = bit => (flags & bit) !== 0, n = c.u32();
    if ((flags & ~TRUN.known) !== 0 || (has(TRUN.first) && has(TRUN.flags)))
        refuse(c.where, "unknown flags");
    if (has(TRUN.offset))
        f.next = f.base + c.i32();
    if (f.next === null || f.next < 0)
        refuse(c.where, "no data offset, or one outside the file");
    const first = has(TRUN.first) ? c.u32() : null;
    const fields = [TRUN.ticks, TRUN.size, TRUN.flags, TRUN.shift].filter(has).length;
    if (c.left !== 4 * fields * n)
        refuse(c.where, "the count is not what the box holds");
    for (let i = 0; i < n; i++) {
        const units = has(TRUN.ticks) ? c.u32() : f.ticks, size = has(TRUN.size) ? c.u32() : f.size;
        const own = has(TRUN.flags) ? c.u32() : i === 0 && first !== null ? first : f.flags;
        if (has(TRUN.shift) && c.u32() !== 0)
            refuse(c.where, "pictures are shown at other times than coded");
        addSample(film, c.where, f.next, size, units, (own & NOT_SYNC) === 0);
        f.next += size;
    }
};

const readMoof = (c, film, at) => {
    const traf = children(c, "moof").traf, boxes = children(traf, "traf").order;
    if (boxes[0].type !== "tfhd")
        refuse(traf.where, "does not begin with tfhd");
    const f = readTfhd(boxes[0].body, film, at);
    let runs = 0;
    for (const b of boxes.slice(1)) {
        if (b.type === "tfdt") {
            const {version} = full(b.body), t = wide(b.body, version);
            finish(b.body);
            if (runs > 0 || t !== BigInt(film.decoded))
                refuse(b.body.where, "the fragment does not begin where the one before ends");
        } else {
            readTrun(b.body, film, f);
            runs++;
        }
    }
};

// ---- the file's own boxes

const topBox = async (file, off) => {
    const where = "byte " + off, left = file.size - off, c = new Cursor(await file.read(off, Math.min(16, left)), where);
    let size = c.u32(), body = 8;
    const type = typeOf(c.take(4)) || refuse(where, "no box begins here");
    if (size === 1) {
        size = c.u64();
        body = 16;
    } else if (size === 0 && type === "mdat") {
        size = left; // to the end of the file
    }
    if (size < body)
        refuse(where, "box with an impossible size");
    if (size > left)
        refuse(where, "the file ends inside a box", "short");
    return {type, off, body: off + body, end: off + size};
};

const inMemory = async (file, b) => {
    if (b.end - b.body > MAX.box)
        refuse("byte " + b.off, "box is too large", "limit");
    return new Cursor(await file.slice(b.body, b.end - b.body), b.type, "format");
};

const oneTop = async (file, film, b, pending) => {
    const where = "byte " + b.off;
    if (b.off === 0 && b.type !== "ftyp")
        refuse(where, "not an MP4 file");
    if (b.type === "moov") {
        if (film.tables)
            refuse(where, "a second moov: two descriptions compete");
        readMoov(await inMemory(file, b), film);
    } else if (b.type === "moof") {
        if (!film.tables || !film.fragments || pending)
            refuse(where, "moof before moov, beside complete sample tables, or without an mdat between");
        readMoof(await inMemory(file, b), film, b.off);
    } else if (b.type === "mdat") {
        film.mdats.push([b.body, b.end]);
    }
};

// With `torn`, a fragmented film ends before the first thing that is not whole.
const readBoxes = async (file, film, torn) => {
    let off = 0, pending = null; // samples and duration before a moof that waits for its mdat
    for (let n = 0; off < file.size; n++) {
        let b;
        if (n === MAX.boxes)
            refuse("byte " + off, "too many boxes", "limit");
        try {
            b = await topBox(file, off);
        } catch (e) {
            if (torn && film.fragments && (e.kind === "short" || e.kind === "format"))
                break;
            throw e;
        }
        if (torn && film.fragments && b.type === "moov")
            break;
        const before = {samples: film.samples.length, duration: film.duration};
        try {
            await oneTop(file, film, b, pending);
        } catch (e) {
            if (!(torn && film.fragments && b.type === "moof" && e.kind === "short"))
                throw e;
            pending = before;
            break;
        }
        if (b.type === "moof")
            pending = before;
        else if (b.type === "mdat")
            pending = null;
        off = b.end;
        if (!pending)
            film.tail = off;
    }
    if (!film.tables)
        refuse("byte " + off, "no moov: not a film");
    if (pending && !torn)
        refuse("byte " + off, "the last moof has no mdat", "short");
    if (pending) {
        film.samples.length = pending.samples;
        film.duration = pending.duration;
    }
};

const checkInside = film => {
    let k = 0;
    for (const s of film.samples) {
        while (k < film.mdats.length && film.mdats[k][1] <= s.offset)
            k++;
        if (k === film.mdats.length || s.offset < film.mdats[k][0] || s.offset + s.size > film.mdats[k][1])
            refuse("byte " + s.offset, "a sample lies outside the mdat boxes");
    }
};

const UNKNOWN = [0n, 0xffffffffn, 0xffffffffffffffffn];

// Each stated duration is the samples', to one unit.
const checkDurations = film => {
    const want = ticks => BigInt(ticks);
    for (const x of film.durations) {
        const difference = x.d * BigInt(TICKS) - want(film.duration) * BigInt(x.movie ? film.movieScale : x.scale);
        if ((difference < 0n ? -difference : difference) > BigInt(TICKS) && !(film.fragments && UNKNOWN.includes(x.d)))
            refuse(x.where, "another duration than the samples'");
    }
};

// {width, height, avcc, fragments, tail, duration, samples: [{offset, size, ticks, sync}]}
export const readFilm = async (file, torn = false) => {
    const film = {size: file.size, samples: [], duration: 0, decoded: 0, dataEnd: 0, durations: [], mdats: [], tables: null, fragments: false,
                  tail: 0};
    await readBoxes(file, film, torn);
    checkInside(film);
    if (film.samples.length === 0 && !torn)
        refuse("moov", "a film without a picture");
    if (film.samples.length > 0 && !film.samples[0].sync)
        refuse("sample 0", "does not begin with a sync sample");
    if (film.samples.length > 0 && film.duration === 0)
        refuse("samples", "no sample lasts any time");
    if (!(torn && film.fragments))
        checkDurations(film);
    return film;
};

// NAL units, each with its length before it, that fill the sample: slices, SEI, AUD and filler only; an IDR slice
// exactly in a sync sample.
export const nalOk = (sample, sync) => {
    const view = new DataView(sample.buffer, sample.byteOffset, sample.length);
    let at = 0, slice = false;
    while (at < sample.length) {
        if (sample.length - at < 5)
            return false;
        const length = view.getUint32(at), type = sample[at + 4] & 0x1f;
        if (length === 0 || length > sample.length - at - 4 || (sample[at + 4] & 0x80) !== 0)
            return false;
        if (type === 1 || type === 5) {
            if ((type === 5) !== sync)
                return false;
            slice = true;
        } else if (type !== 6 && type !== 9 && type !== 12) {
            return false;
        }
        at += 4 + length;
    }
    return slice;
};
