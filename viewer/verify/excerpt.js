// SPDX-License-Identifier: GPL-3.0-or-later
// excerpt.json: which run of segments each film of an excerpt holds (docs/FORMAT.md section 11). Nobody signs it; the records
// show whether it is so.
import {hex, refuse} from "./bytes.js";
import {parseJson} from "./json.js";
import {MAX} from "./limits.js";

const KEYS = ["type", "version", "crit", "statement_sha256", "tracks", "originals"];

const lostFrom = t => t.lost.length > 0 ? t.lost[0].first : t.records.length;

export const keptSegments = lostFrom;

const readTrack = (v, path, clip, crit) => {
    const known = ["track", "first", "last", "file"];
    if (!(v instanceof Map) || known.some(k => !v.has(k)) || [...v.keys()].some(k => !known.includes(k) && crit.includes(k)))
        refuse(path, "is no track of an excerpt");
    const [track, first, last, file] = known.map(k => v.get(k)), t = clip.tracks[track];
    if (![track, first, last].every(n => Number.isInteger(n) && n >= 0) || last < first)
        refuse(path, "has numbers that cannot be");
    if (!t || file !== t.file.name || last >= lostFrom(t))
        refuse(path, "is not in the statement, or stated as lost");
    return {track, first, last, file};
};

// {runs: Map of track -> {first, last}, originals: Set of names}
export const parseExcerpt = (bytes, clip, statementDigest) => {
    if (bytes.length > MAX.excerpt)
        refuse("", "is too long", "limit");
    const root = parseJson(bytes), crit = root.get("crit"), tracks = root.get("tracks"), originals = root.get("originals");
    if (root.get("type") !== "packseal-excerpt" || root.get("version") !== 1)
        refuse("type", "is another, or of another version");
    if (!Array.isArray(crit) || crit.some(k => !KEYS.includes(k)))
        refuse("crit", "names what this program does not know");
    if (root.get("statement_sha256") !== hex(statementDigest))
        refuse("statement_sha256", "an excerpt of another clip");
    if (!Array.isArray(tracks) || tracks.length === 0 || tracks.length > MAX.tracks)
        refuse("tracks", "is no list, or has no element, or too many");
    const runs = tracks.map((v, i) => readTrack(v, "tracks[" + i + "]", clip, crit));
    if (runs.some((r, i) => i > 0 && r.track <= runs[i - 1].track))
        refuse("tracks", "is out of order, or names a track twice");
    const stated = clip.originals.map(o => o.file.name);
    if (!Array.isArray(originals) || originals.some((n, i) => !stated.includes(n) || originals.indexOf(n) !== i))
        refuse("originals", "names what the statement does not, or one twice");
    return {runs: new Map(runs.map(r => [r.track, r])), originals: new Set(originals)};
};
