// SPDX-License-Identifier: GPL-3.0-or-later
// excerpt.json: which run of segments each film of an excerpt holds (docs/FORMAT.md section 11). Nobody signs it; the records
// show whether it is so.
import {hex, refuse, unhex, utf8} from "./bytes.js";
import {parseJson} from "./json.js";
import {MAX} from "./limits.js";

const KEYS = ["type", "version", "crit", "statement_sha256", "tracks", "originals"];

const isName = s => typeof s === "string" && s !== "" && utf8(s).length <= MAX.fileName;

const lostFrom = t => t.lost.length > 0 ? t.lost[0].first : t.records.length;

export const keptSegments = lostFrom;

const readNumber = (v, path, key, below) => {
    const n = v.get(key);
    if (!Number.isInteger(n) || n < 0 || n >= below)
        refuse(path + "." + key, "is missing, no integer, negative or too large");
    return n;
};

// What the list says by itself; whether the statement has it is asked when all of the text has been read.
const readTrack = (v, path, crit, before) => {
    if (!(v instanceof Map))
        refuse(path + ".track", "is not in an object");
    for (const key of v.keys())
        if (!["track", "first", "last", "file"].includes(key) && crit.includes(key))
            refuse(path + "." + key, "must be understood, and this program does not know it", "version");
    const track = readNumber(v, path, "track", MAX.tracks), first = readNumber(v, path, "first", MAX.segments);
    const last = readNumber(v, path, "last", MAX.segments), file = v.get("file");
    if (!isName(file))
        refuse(path + ".file", "is not a file name");
    if (last < first)
        refuse(path + ".last", "is before the first");
    if (track <= before)
        refuse(path + ".track", "is out of order, or stands twice");
    return {track, first, last, file};
};

const checkTrack = (r, path, clip) => {
    const t = clip.tracks[r.track];
    if (!t || r.file !== t.file.name || r.last >= lostFrom(t))
        refuse(path, "is not in the statement, or stated as lost");
};

// Its originals, or a refusal.
const readOriginals = list => {
    if (!Array.isArray(list) || list.length > MAX.originals)
        refuse("originals", "is no list, or has too many elements");
    list.forEach((n, i) => {
        if (!isName(n) || list.indexOf(n) !== i)
            refuse("originals[" + i + "]", "is not a file name, or stands twice");
    });
    return list;
};

// {runs: Map of track -> {first, last}, originals: Set of names}
export const parseExcerpt = (bytes, clip, statementDigest) => {
    if (bytes.length > MAX.excerpt)
        refuse("", "is too long", "limit");
    const root = parseJson(bytes), crit = root.get("crit"), tracks = root.get("tracks"), originals = root.get("originals");
    if (root.get("type") !== "packseal-excerpt")
        refuse("type", "is not packseal-excerpt");
    if (root.get("version") !== 1)
        refuse("version", "is not 1", "version");
    if (!Array.isArray(crit) || crit.some(k => !KEYS.includes(k)))
        refuse("crit", "names what this program does not know", "version");
    const digest = root.get("statement_sha256");
    if (typeof digest !== "string" || !unhex(digest, 32))
        refuse("statement_sha256", "is not 64 lower-case hexadecimal digits");
    if (!Array.isArray(tracks) || tracks.length === 0 || tracks.length > MAX.tracks)
        refuse("tracks", "is no list, or has no element, or too many");
    const runs = [];
    tracks.forEach((v, i) => runs.push(readTrack(v, "tracks[" + i + "]", crit, i > 0 ? runs[i - 1].track : -1)));
    readOriginals(originals);
    if (digest !== hex(statementDigest))
        refuse("statement_sha256", "an excerpt of another clip");
    runs.forEach((r, i) => checkTrack(r, "tracks[" + i + "]", clip));
    const stated = clip.originals.map(o => o.file.name);
    originals.forEach((n, i) => {
        if (!stated.includes(n))
            refuse("originals[" + i + "]", "the statement names no such original");
    });
    return {runs: new Map(runs.map(r => [r.track, r])), originals: new Set(originals)};
};
