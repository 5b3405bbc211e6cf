// SPDX-License-Identifier: GPL-3.0-or-later
// What a dropped file is, and the verdicts on it: one a clip, and one on the bundle itself when there is something to tell.
import {ascii, same} from "./bytes.js";
import {openBag} from "./bag.js";
import {sha256Source} from "./sha256.js";
import {Source, Tree} from "./source.js";
import {clipName} from "./statement.js";
import {judgeClip, judgeLoneFilm, Verdict} from "./verdict.js";
import {openZip} from "./zip.js";

const unreadable = (path, code, e) => {
    if (e.kind === undefined)
        throw e;
    const v = new Verdict(path);
    v.problem(code, "unreadable", e.where, e.text);
    return v;
};

// A clip is where a clip.json lies, or is listed, or where one was signed: names of folders, each ending in "/".
const findClips = bag => {
    const names = [...bag.files.keys(), ...bag.entries.map(e => e.name)];
    const folders = names.map(n => /^(data\/(?:.*\/)?)clip\.json(?:\.minisig)?$/.exec(n)).filter(Boolean).map(m => m[1]);
    return [...new Set(folders)].sort();
};

// A film whose digest the verdict has just compared is not read once more; one of another size than the statement's
// had only its pictures compared. Gives the code of a problem, or null.
const checkEntry = async (bag, v, name, entry) => {
    const film = v.films.find(f => f.name === name), source = bag.files.get(entry.name);
    if (film && v.container === "as-recorded")
        return same(film.track.file.sha256, entry.sha256) ? null : "manifest-mismatch";
    const cut = v.content === "excerpt" && source.size <= (film ? film.track.file.size : 0); // smaller than recorded, as it should be
    if (film && source.size !== film.track.file.size && !cut)
        return same(film.track.file.sha256, entry.sha256) ? "manifest-mismatch" : "manifest-unchecked";
    const digest = film && film.sha256 || await sha256Source(source);
    return same(digest, entry.sha256) ? null : "manifest-mismatch";
};

const tellEntry = async (bag, v, name, entry) => {
    if (!bag.files.has(entry.name)) {
        if (!v.told("file-missing", name))
            v.problem("file-missing", "incomplete", name, "the manifest lists it, and it is not there");
        return;
    }
    try {
        const code = await checkEntry(bag, v, name, entry);
        if (code === "manifest-mismatch")
            v.problem(code, "altered", name, "another file than manifest-sha256.txt lists");
        else if (code)
            v.problem(code, null, name, "not of the recorded size; only its pictures were compared");
    } catch (e) {
        if (e.kind === undefined)
            throw e;
        v.problem("file-unreadable", "unreadable", name, e.text);
    }
};

// Entries and unlisted files below one clip's folder, or (prefix "") below none.
const tellManifest = async (bag, v, prefix, clips) => {
    const mine = name => prefix !== "" ? name.startsWith(prefix) : !clips.some(c => name.startsWith(c));
    for (const e of bag.entries)
        if (mine(e.name)) {
            await tellEntry(bag, v, e.name.slice(prefix.length), e);
            if (prefix === "" && bag.files.has(e.name) && e.name.startsWith("data/report/"))
                v.problem("unauthenticated", null, e.name, "a report for people: no statement names it, whatever it says");
            else if (prefix === "" && bag.files.has(e.name) && e.name.startsWith("data/intake/"))
                v.problem("unauthenticated", null, e.name, "of photographs that were taken in: no clip's statement " +
                    "names them, and their own proof is not judged here");
        }
    for (const name of bag.unlisted)
        if (mine(name))
            v.problem("bag-unlisted", null, name.slice(prefix.length), "in the bundle, but in no manifest");
};

const judgeBundle = async (path, tree, trust, progress) => {
    let bag;
    try {
        bag = await openBag(tree);
    } catch (e) {
        return [unreadable(path, "bag-refused", e)];
    }
    const clips = findClips(bag), out = [], shared = new Map();
    for (const [name, source] of bag.files)
        if (name.startsWith("data/"))
            shared.set(name.slice(5), source);
    if (clips.length === 0)
        return [unreadable(path, "bag-refused", {kind: "format", where: "data/", text: "no clip in this bundle"})];
    for (const [i, prefix] of clips.entries()) {
        const files = new Map([...bag.files].filter(([n]) => n.startsWith(prefix)).map(([n, s]) => [n.slice(prefix.length), s]));
        const v = await judgeClip(path, files, shared, trust, (done, total) => progress((i + done / (total || 1)) / clips.length));
        await tellManifest(bag, v, prefix, clips);
        v.clip = v.statement ? clipName(v.statement) : prefix.slice(0, -1).split("/").pop();
        out.push(v);
    }
    const own = new Verdict(path);
    own.bundle = true;
    for (const t of bag.tags)
        own.problem(t.missing ? "file-missing" : "manifest-mismatch", t.missing ? "incomplete" : "altered", t.name,
                    t.missing ? "tagmanifest-sha256.txt lists it, and it is not there" : "another file than tagmanifest-sha256.txt lists");
    await tellManifest(bag, own, "", clips);
    return own.problems.length > 0 ? [...out, own] : out;
};

const judgeFolder = async (path, tree, trust, progress) => {
    if (!tree.find("clip.json") && !tree.find("clip.json.minisig")) {
        if (tree.entries.some(e => /^([^/]*\/)?bagit\.txt$/.test(e.name)))
            return judgeBundle(path, tree, trust, progress);
        return [unreadable(path, "format-unknown", {kind: "format", where: "clip.json", text: "not there: neither a clip's folder nor an unpacked bundle"})];
    }
    const v = await judgeClip(path, new Map(tree.entries.map(e => [e.name, e.source])), null, trust, (done, total) => progress(done / (total || 1)));
    v.clip = v.statement ? clipName(v.statement) : "";
    return [v];
};

// What a file is, its first bytes say, else its name: a torn zip is still to be called a zip.
const judgeFile = async (path, blob, trust, progress) => {
    const source = new Source(blob);
    let head;
    try {
        head = ascii(await source.slice(0, Math.min(8, source.size)));
    } catch (e) {
        return [unreadable(path, "file-unreadable", e)];
    }
    if (head.startsWith("PK") || path.endsWith(".zip")) {
        let tree;
        try {
            tree = await openZip(source);
        } catch (e) {
            return [unreadable(path, "zip-refused", e)];
        }
        return judgeBundle(path, tree, trust, progress);
    }
    if (head.slice(4) === "ftyp" || path.endsWith(".mp4")) {
        await progress(0.5);
        return [await judgeLoneFilm(path, source)];
    }
    return [unreadable(path, "format-unknown", {kind: "format", where: "byte 0", text: "neither a zip nor an MP4 film"})];
};

// items: [{path, blob}] as dropped or picked, a folder's files with their path below it. Files of one folder are judged
// together, others each by itself. progress(0…1).
export const judgeAll = async (items, trust, progress = async () => {}) => {
    const folders = new Map(), out = [];
    for (const item of items) {
        const cut = item.path.indexOf("/"), folder = cut < 0 ? "" : item.path.slice(0, cut);
        folders.set(folder, [...(folders.get(folder) || []), {...item, name: item.path.slice(cut + 1)}]);
    }
    const loose = folders.get("") || [], asClip = loose.some(f => f.name === "clip.json");
    const jobs = loose.filter(f => !asClip || f.name.endsWith(".zip")).map(f => p => judgeFile(f.path, f.blob, trust, p));
    if (asClip)
        folders.set("clip.json", loose.filter(f => !f.name.endsWith(".zip")));
    folders.delete("");
    for (const [folder, files] of folders)
        jobs.push(p => judgeFolder(folder, new Tree(files.map(f => ({name: f.name, source: new Source(f.blob)}))), trust, p));
    for (const [i, job] of jobs.entries())
        out.push(...await job(share => progress((i + share) / jobs.length)));
    await progress(1);
    return out;
};
