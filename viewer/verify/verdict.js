// SPDX-License-Identifier: GPL-3.0-or-later
// Four questions about one clip, never one lamp (docs/FORMAT.md section 9).
import {ascii, same} from "./bytes.js";
import {keptSegments, parseExcerpt} from "./excerpt.js";
import {hasNoFilm, judgeFilm, segmentPlace} from "./film.js";
import {MAX} from "./limits.js";
import {parseSignature, verifySignature} from "./minisign.js";
import {readFilm} from "./mp4.js";
import {judgeOutside, refusal} from "./outside.js";
import {sha256, sha256Source} from "./sha256.js";
import {OWN_NAMES, parseStatement, statedKey, trustedComment} from "./statement.js";

// From the best to the worst.
const CONTENT = ["intact", "excerpt", "incomplete", "altered", "unsigned", "unreadable"];
const CONTAINER = ["as-recorded", "remuxed", "unknown"];

const worse = (order, a, b) => order.indexOf(b) > order.indexOf(a) ? b : a;

export class Verdict {
    constructor(path) {
        Object.assign(this, {path, clip: "", bundle: false, content: "intact", key: "unknown", time: "self-declared", ledger: "absent",
                             container: "unknown", notBeforeNs: null, notAfterNs: null, notBefore: null, notAfter: null, excerpt: null, witnesses: [], problems: [], more: 0, statement: null, signer: null, registered: null,
                             films: [], stills: []});
    }
    // The content answer gets worse, never better; null leaves it as it is.
    problem(code, content, where, text) {
        if (content)
            this.content = worse(CONTENT, this.content, content);
        if (this.problems.length === MAX.problems)
            this.more++;
        else
            this.problems.push({code, where, text});
    }
    told(code, where) {
        return this.problems.some(p => p.code === code && p.where === where);
    }
}

const STATEMENT = "clip.json", SIGNATURE = "clip.json.minisig";

// ---- statement and signature

const loadSignature = async (v, files) => {
    const source = files.get(SIGNATURE);
    if (!source) {
        v.problem("signature-missing", "unsigned", SIGNATURE, "nobody signed this statement");
        return null;
    }
    try {
        return await source.all(MAX.minisig, SIGNATURE);
    } catch (e) {
        v.problem("signature-malformed", "altered", SIGNATURE, refusal(e).text);
        return null;
    }
};

// It reads, but breaks the rules or contradicts itself. The signature tells whether it was born so.
const brokenStatement = async (v, files, bytes, key) => {
    const raw = await loadSignature(v, files);
    if (!raw)
        return;
    let good = false;
    try {
        good = await verifySignature(parseSignature(raw), key, bytes) === "ok";
    } catch (e) {
        refusal(e);
    }
    if (!good)
        v.problem("signature-invalid", "altered", SIGNATURE, "the signature does not fit clip.json");
};

const readStatement = async (v, files) => {
    const source = files.get(STATEMENT);
    if (!source) {
        v.problem("statement-missing", "unreadable", STATEMENT, "not there");
        return null;
    }
    let bytes = null;
    try {
        bytes = await source.all(MAX.statement, STATEMENT);
        v.statement = parseStatement(bytes);
        return bytes;
    } catch (e) {
        const why = refusal(e), key = bytes && why.kind === "format" ? statedKey(bytes) : null;
        const where = bytes ? STATEMENT + " " + why.where : STATEMENT;
        v.problem(key ? "statement-broken" : "statement-unreadable", key ? "altered" : "unreadable", where, why.text);
        if (key)
            await brokenStatement(v, files, bytes, key);
        return null;
    }
};

const checkSignature = async (v, files, bytes) => {
    const raw = await loadSignature(v, files), clip = v.statement;
    if (!raw)
        return;
    let s;
    try {
        s = parseSignature(raw);
    } catch (e) {
        v.problem("signature-malformed", "altered", SIGNATURE, refusal(e).text);
        return;
    }
    const answer = await verifySignature(s, clip.key, bytes);
    if (answer === "key")
        v.problem("signature-key", "altered", SIGNATURE, "made with another key than the statement states");
    else if (answer !== "ok")
        v.problem("signature-invalid", "altered", SIGNATURE, "the signature does not fit clip.json: one of both was changed");
    else if (ascii(s.comment) !== trustedComment(clip, sha256(bytes)))
        v.problem("signature-comment", "altered", SIGNATURE, "the trusted comment is not made from this statement");
    else
        v.signer = clip.key;
};

// ---- films and photographs

const unreadableFile = (v, name, e) => {
    refusal(e);
    v.problem("file-unreadable", "unreadable", name, e.text);
};

const judgeTrack = async (v, files, track, run, step) => {
    const name = track.file.name, source = files.get(name), film = {track, name, source, run, container: "unknown", states: []};
    v.films.push(film);
    if (!source || (hasNoFilm(track) && source.size === 0)) {
        if (!hasNoFilm(track)) {
            v.container = "unknown";
            v.problem("file-missing", "incomplete", name, "the statement names it, and it is not there");
        }
        return;
    }
    const before = v.problems.length + v.more;
    try {
        Object.assign(film, await judgeFilm({track, run, name, source, step, problem: (...p) => v.problem(...p)}));
        v.container = worse(CONTAINER, v.container, film.container);
    } catch (e) {
        v.container = "unknown";
        unreadableFile(v, name, e);
    }
    // Shown is only a film whose every byte was compared: as it was recorded, or nothing found but that a part is missing.
    const found = v.problems.slice(before).map(p => p.code);
    film.playable = film.inFilm !== undefined && v.signer !== null && v.more === 0 && found.every(code => code === "segment-missing");
};

const KEEP = 16 << 20;

const judgeOriginal = async (v, files, original, step) => {
    const {name, size, sha256: want} = original.file, source = files.get(name);
    if (!source) {
        v.problem("file-missing", "incomplete", name, "the statement names it, and it is not there");
        return;
    }
    try {
        const kept = [];
        const got = source.size !== size ? null : await sha256Source(source, async bytes => {
            if (size <= KEEP)
                kept.push(bytes);
            await step(bytes.length);
        });
        if (!got || !same(got, want))
            v.problem("original-altered", "altered", name, "another file than the statement names");
        else if (kept.length > 0 && v.signer)
            v.stills.push({original, blob: new Blob(kept, {type: "image/jpeg"})}); // of the very bytes that were hashed
    } catch (e) {
        unreadableFile(v, name, e);
    }
};

// Wall clock against boot clock, from start to end: a steered clock gains or loses a thousandth at most.
const tellClock = (v, a, b) => {
    const took = b.boot - a.boot, step = b.wall - a.wall - took;
    if (Math.abs(step) > 1000 + Math.floor(took / 1000))
        v.problem("clock-step", null, "clip.json ended.wall", "the station's clock was moved by " + (step > 0 ? "+" : "") +
                  (step / 1000).toFixed(3) + " s while it recorded: its own times mean little");
};

// What the statement itself says of its segments: told after all that was found.
const tellStated = (v, t) => {
    const tell = (ranges, code, text) => {
        for (const r of ranges)
            v.problem(code, null, segmentPlace(t.file.name, r.first, r.last, t.records[r.first].start,
                                               t.records[r.last].start + t.records[r.last].duration), text);
    };
    tell(t.lost, "segment-lost-stated", "recorded and then lost by the station's disk: the statement says so");
    tell(t.preroll > 0 ? [{first: 0, last: t.preroll - 1}] : [], "segments-preroll",
         "recorded before the clip was opened (pre-roll): the signer did not see these");
    tell(t.unwitnessed.map(r => ({first: Math.max(r.first, t.preroll), last: r.last})).filter(r => r.first <= r.last),
         "segments-unwitnessed", "the signer did not see these as they were recorded");
};

export const workOf = clip => clip.tracks.reduce((n, t) => n + 2 * t.file.size, 0) + clip.originals.reduce((n, o) => n + o.file.size, 0);

// ---- excerpts

const EXCERPT = "excerpt.json";

// One that does not hold for this statement counts as none.
const readExcerpt = async (v, files, digest) => {
    const source = files.get(EXCERPT);
    if (!source)
        return;
    try {
        v.excerpt = parseExcerpt(await source.all(MAX.excerpt, ""), v.statement, digest);
        v.content = worse(CONTENT, v.content, "excerpt");
    } catch (e) {
        if (refusal(e).kind === "io")
            unreadableFile(v, EXCERPT, e);
        else
            v.problem("excerpt-broken", "altered", (EXCERPT + " " + e.where).trim(), e.text);
    }
};

// What an excerpt leaves out is not there.
const leftOut = (v, files, name, listed) => {
    if (!v.excerpt || listed)
        return false;
    if (files.has(name))
        v.problem("excerpt-broken", "altered", name, "is in the folder, but excerpt.json does not list it");
    return true;
};

const tellExcerpt = v => {
    let some = false;
    v.statement.tracks.forEach((t, i) => {
        const run = v.excerpt.runs.get(i), kept = keptSegments(t), tell = (from, to, text) => {
            if (from >= to)
                return;
            some = true;
            v.problem("excerpt", null, segmentPlace(t.file.name, from, to - 1, t.records[from].start,
                                                    t.records[to - 1].start + t.records[to - 1].duration), text);
        };
        tell(0, run ? run.first : kept, run ? "left out: before the excerpt" : "left out: this film is not in the excerpt");
        if (run)
            tell(run.last + 1, kept, "left out: after the excerpt");
    });
    const all = v.statement.originals.length, left = all - v.excerpt.originals.size;
    if (left > 0)
        v.problem("excerpt", null, "originals", "left out: " + left + " of " + all);
    else if (!some)
        v.problem("excerpt", null, EXCERPT, "nothing is left out: a cut of the whole clip");
};

// files: Map of name in the clip's folder -> source; shared: the same of the bundle's data/, or null without a bundle.
// progress(done, total) may be asynchronous.
export const judgeClip = async (path, files, shared, trust, progress = async () => {}) => {
    const v = new Verdict(path), bytes = await readStatement(v, files), clip = v.statement;
    if (!bytes)
        return v;
    const digest = sha256(bytes);
    await checkSignature(v, files, bytes);
    if (v.signer)
        await judgeOutside(v, files, shared, trust, digest); // a statement whose signature does not hold states no key to follow
    let done = 0;
    const total = workOf(clip), step = n => progress(Math.min(done += n, total), total);
    v.container = "as-recorded";
    await readExcerpt(v, files, digest);
    for (const [i, t] of clip.tracks.entries()) {
        const run = v.excerpt ? v.excerpt.runs.get(i) : null;
        if (!leftOut(v, files, t.file.name, run))
            await judgeTrack(v, files, t, run, step);
    }
    for (const o of clip.originals)
        if (!leftOut(v, files, o.file.name, v.excerpt && v.excerpt.originals.has(o.file.name)))
            await judgeOriginal(v, files, o, step);
    if (v.excerpt)
        tellExcerpt(v);
    tellClock(v, clip.started, clip.ended);
    for (const t of clip.tracks)
        tellStated(v, t);
    const named = new Set([...OWN_NAMES, ...clip.tracks.map(t => t.file.name), ...clip.originals.map(o => o.file.name)]);
    for (const name of files.keys())
        if (!named.has(name))
            v.problem("unauthenticated", null, name, "lies in the clip's folder, but the statement does not name it");
    return v;
};

// A film alone: nothing says what was recorded.
export const judgeLoneFilm = async (path, source) => {
    const v = new Verdict(path);
    try {
        await readFilm(source);
        v.problem("statement-missing", "unsigned", STATEMENT, "a film alone: nothing says what was recorded");
    } catch (e) {
        v.problem("film-unreadable", "unreadable", refusal(e).where, e.text);
    }
    return v;
};
