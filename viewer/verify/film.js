// SPDX-License-Identifier: GPL-3.0-or-later
// One track's film against its records (docs/FORMAT.md section 9): the film is cut at its IDR pictures, each piece is
// looked for among the records, and what does not fit is named by its place.
import {hex, same} from "./bytes.js";
import {MAX} from "./limits.js";
import {nalOk, readFilm} from "./mp4.js";
import {SamplesDigest, sizeKey, timingDigest} from "./record.js";
import {sha256, sha256Source} from "./sha256.js";
import {Source} from "./source.js";
import {mediaTime} from "./time.js";

// ---- reading

const cut = film => {
    const pieces = [];
    let at = 0;
    film.samples.forEach((s, i) => {
        if (s.sync)
            pieces.push({first: i, frames: 0, bytes: 0, start: at, duration: 0, seq: null, timed: false, again: false, anchor: false});
        const p = pieces[pieces.length - 1];
        p.frames++;
        p.bytes += s.size;
        p.duration += s.ticks;
        at += s.ticks;
    });
    return pieces;
};

const SPAN = 32 << 20;

// The samples of a piece, one after the other; read together when they lie close to one another.
async function* samplesOf(source, samples) {
    const from = samples[0].offset, last = samples[samples.length - 1], size = last.offset + last.size - from;
    const all = size <= SPAN ? await source.read(from, size) : null;
    for (const s of samples)
        yield [s, all ? all.subarray(s.offset - from, s.offset - from + s.size) : await source.read(s.offset, s.size)];
}

// Digests of a piece; null when no segment can be as long.
const digests = async (job, film, piece) => {
    const samples = film.samples.slice(piece.first, piece.first + piece.frames);
    if (piece.frames > MAX.segmentFrames || piece.duration > MAX.segmentTicks)
        return null;
    const digest = new SamplesDigest(piece.bytes, piece.frames);
    let index = piece.first;
    for await (const [s, bytes] of samplesOf(job.source, samples)) {
        if (!nalOk(bytes, s.sync) && !job.nalTold) {
            job.nalTold = true;
            job.problem("film-nal", "altered", job.name + " sample " + index + " (from " + mediaTime(piece.start).split(".")[0] + ")",
                        "holds other NAL units than one coded picture may");
        }
        digest.add(bytes);
        index++;
    }
    return {timing: timingDigest(samples.map(s => s.ticks)), samples: await digest.digest()};
};

// The pictures of a piece are read only when some record has as many bytes and frames.
const matchPiece = async (job, film, piece, expected, bySize) => {
    const alike = bySize.get(sizeKey(piece)) || [];
    const d = alike.length > 0 ? await digests(job, film, piece) : null;
    await job.step(piece.bytes);
    if (!d)
        return;
    piece.digests = d;
    const pictures = alike.filter(r => same(r.samples, d.samples));
    const whole = pictures.filter(r => r.duration === piece.duration && same(r.timing, d.timing));
    const r = whole.find(x => x.seq >= expected) || whole[0] || pictures[0];
    if (!r)
        return;
    piece.seq = r.seq;
    piece.timed = whole.length > 0;
    piece.again = job.found.has(r.seq);
    job.found.add(r.seq);
};

const matchAll = async (job, film, pieces) => {
    const bySize = new Map();
    for (const r of job.track.records)
        bySize.set(sizeKey(r), [...(bySize.get(sizeKey(r)) || []), r]);
    let expected = job.run ? job.run.first : 0;
    for (const p of pieces) {
        await matchPiece(job, film, p, expected, bySize);
        expected = (p.seq === null ? expected : p.seq) + 1;
    }
};

// ---- comparing

// The most pieces whose numbers rise stand where they belong; they are the anchors for all others.
const findAnchors = pieces => {
    const tops = [], before = new Map();
    for (const p of pieces.filter(x => x.seq !== null && !x.again)) {
        let at = tops.findIndex(t => t.seq >= p.seq);
        if (at < 0)
            at = tops.length;
        before.set(p, at > 0 ? tops[at - 1] : null);
        tops[at] = p;
    }
    for (let p = tops[tops.length - 1]; p; p = before.get(p))
        p.anchor = true;
};

// What a piece that matches no record says, standing in the place of one.
const insteadOf = (piece, record) => {
    const alike = piece.bytes === record.bytes, times = piece.digests && same(piece.digests.timing, record.timing);
    if (piece.frames !== record.frames)
        return ["segment-altered", "holds " + piece.frames + " pictures, " + record.frames + " were recorded"];
    if (!alike)
        return ["segment-foreign", "other pictures stand in the place of those recorded"];
    return ["segment-altered", times ? "the pictures are not those recorded; their times are" : "pictures and times are not those recorded"];
};

// Problems of neighbours that say the same become one.
class Findings {
    constructor(job) {
        this.job = job;
        this.run = null;
    }
    tell(code, number, start, duration, text, inFilm = false) {
        const r = this.run;
        if (!inFilm)
            this.job.states[number] = code;
        if (r && r.code === code && r.text === text && number === r.last + 1) {
            r.last = number;
            r.to = start + duration;
            return;
        }
        this.flush();
        this.run = {code, text, first: number, last: number, from: start, to: start + duration};
    }
    record(code, r, text) {
        this.tell(code, r.seq, r.start, r.duration, text);
    }
    flush() {
        const r = this.run;
        this.run = null;
        if (r)
            this.job.problem(r.code, r.code === "segment-missing" ? "incomplete" : "altered",
                             segmentPlace(this.job.name, r.first, r.last, r.from, r.to), r.text);
    }
}

export const segmentPlace = (file, first, last, from, to) =>
    file + " segment" + (first === last ? " " + first : "s " + first + "-" + last) + " (" + mediaTime(from) + "-" + mediaTime(to) + ")";

// Between two anchors: as many pieces as records stand for each other; else those that are alike in size do, in order.
const compareStretch = (out, strangers, absent) => {
    const gone = r => out.job.run ? out.record("excerpt-broken", r, "excerpt.json lists it, and it is not in this film")
                                  : out.record("segment-missing", r, "recorded and signed, but not in this film");
    let k = 0;
    for (const [index, p] of strangers) {
        const hit = strangers.length === absent.length ? k : absent.findIndex((r, i) => i >= k && sizeKey(r) === sizeKey(p));
        if (hit < 0) {
            out.tell("segment-foreign", index, p.start, p.duration, "in this film, but not recorded in this clip", true);
            continue;
        }
        absent.slice(k, hit).forEach(gone);
        const [code, text] = insteadOf(p, absent[hit]);
        out.record(code, absent[hit], text);
        k = hit + 1;
    }
    absent.slice(k).forEach(gone);
};

const compare = (job, pieces) => {
    const out = new Findings(job), records = job.track.records;
    const lost = seq => job.track.lost.some(r => seq >= r.first && seq <= r.last);
    const listed = seq => !job.run || (seq >= job.run.first && seq <= job.run.last);
    const absentBetween = (from, to) => records.slice(from, to).filter(r => listed(r.seq) && !job.found.has(r.seq) && !lost(r.seq));
    let strangers = [], next = 0;
    findAnchors(pieces);
    pieces.forEach((p, index) => {
        const r = p.seq === null ? null : records[p.seq];
        if (!r) {
            strangers.push([index, p]);
        } else if (!p.anchor) {
            out.record("segment-order", r, "stands " + (p.again ? "once more " : "") + "at " + mediaTime(p.start) + " of this film, out of order");
        } else {
            compareStretch(out, strangers, absentBetween(next, p.seq));
            strangers = [];
            next = p.seq + 1;
            if (!listed(p.seq))
                out.record("excerpt-broken", r, "in this film, and excerpt.json does not list it");
            if (!p.timed)
                out.record("segment-altered", r, "the pictures are those recorded, their times are not");
        }
    });
    compareStretch(out, strangers, absentBetween(next, records.length));
    out.flush();
};

// What the decoder is told before the first picture belongs to each record.
const checkParameters = (job, film, pieces) => {
    const avcc = sha256(film.avcc), t = job.track;
    if (pieces.some(p => p.seq !== null && !same(t.records[p.seq].avcc, avcc)))
        job.problem("film-parameters", "altered", job.name + " avcC", "the decoder's parameters are not those recorded");
    if (film.width !== t.width || film.height !== t.height)
        job.problem("film-rules", "altered", job.name + " moov", "picture of " + film.width + " x " + film.height +
                    ", the statement says " + t.width + " x " + t.height);
};

// A film that can be judged, or null after a problem. A fragmented film that was cut off: what is whole is compared.
const open = async job => {
    let why;
    try {
        return await readFilm(job.source);
    } catch (e) {
        why = e;
    }
    if (why.kind === undefined || why.kind === "io")
        throw why;
    if (why.kind === "short") {
        try {
            const film = await readFilm(job.source, true);
            const next = job.source.size - film.tail >= 8 ? hex(await job.source.read(film.tail + 4, 4)) : "";
            if (film.samples.length > 0 && next !== "6d6f6f76") { // moov: a second description
                job.problem("film-torn", "incomplete", job.name + " " + why.where, why.text);
                return film;
            }
        } catch (e) {
            if (e.kind === undefined || e.kind === "io")
                throw e;
        }
    }
    job.problem(why.kind === "format" ? "film-rules" : "film-unreadable", "altered", job.name + " " + why.where, why.text);
    return null;
};

// The statement itself says that there is no film: nothing was recorded, or all of it was lost.
export const hasNoFilm = t => t.records.length === 0 ? t.file.size === 0 : t.lost.length === 1 && t.lost[0].first === 0;

// job: {track, run (of an excerpt, or nothing), name, source, problem(code, content, where, text), step(bytes)}. Gives {container, states, sha256}: the
// digest is of the whole file, null unless it was read; states names, by number, what was found of each record.
export const judgeFilm = async job => {
    const t = job.track, out = {container: "remuxed", states: [], sha256: null, shown: false};
    Object.assign(job, {states: out.states, found: new Set(), nalTold: false});
    if (job.source.size === t.file.size) {
        out.sha256 = await sha256Source(job.source, bytes => job.step(bytes.length));
        if (same(out.sha256, t.file.sha256))
            out.container = "as-recorded";
    }
    const film = await open(job);
    if (!film)
        return out;
    const pieces = cut(film);
    await matchAll(job, film, pieces);
    checkParameters(job, film, pieces);
    compare(job, pieces);
    out.inFilm = pieces.map(p => ({start: p.start, duration: p.duration, seq: p.seq}));
    out.duration = film.duration;
    return out;
};

// A copy of a film that was found whole, made of the very bytes that were hashed or compared just now: the file may have
// changed since it was judged, the copy cannot. Null when it is no longer what it was.
export const verifiedCopy = async (film, step = async () => {}) => {
    const parts = [], digest = await sha256Source(film.source, async bytes => {
        parts.push(new Blob([bytes]));
        await step(bytes.length);
    });
    const blob = new Blob(parts, {type: "video/mp4"});
    if (film.container === "as-recorded")
        return same(digest, film.track.file.sha256) ? blob : null;
    const found = [];
    await judgeFilm({track: film.track, run: film.run, name: film.name, source: new Source(blob), step: async () => {}, problem: code => found.push(code)});
    return found.every(code => code === "segment-missing") ? blob : null;
};
