// SPDX-License-Identifier: GPL-3.0-or-later
// A BagIt bag (RFC 8493) inside a tree (docs/FORMAT.md section 11).
import {ascii, refuse, same, unhex} from "./bytes.js";
import {MAX} from "./limits.js";
import {sha256} from "./sha256.js";
import {nameOk} from "./zip.js";

const DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
const MANIFEST = "manifest-sha256.txt", TAGS = "tagmanifest-sha256.txt";

// "" or "name/": bagit.txt lies directly in it, and all files do.
const findBase = tree => {
    const first = tree.entries.length > 0 && !tree.find("bagit.txt") ? tree.entries[0].name : "";
    const base = first.slice(0, first.indexOf("/") + 1);
    for (const e of tree.entries) {
        if (!nameOk(e.name))
            refuse(e.name, "a name that is not allowed in a bag");
        if (!e.name.startsWith(base))
            refuse(e.name, "lies beside the bag");
    }
    return base;
};

const load = (files, name) => (files.get(name) || refuse(name, "not in the bag")).all(MAX.manifest, name);

// Lines of "64 hex, two blanks (or blank and star), name".
const readManifest = async (files, name) => {
    const s = ascii(await load(files, name)), lines = s.split("\n"), list = new Map();
    if (lines.pop() !== "")
        refuse(name, "the last line does not end");
    if (lines.length > MAX.zipEntries)
        refuse(name, "too many lines", "limit");
    lines.forEach((line, i) => {
        const m = /^([0-9a-f]{64}) [ *]([^]+)$/.exec(line);
        if (!m || !nameOk(m[2]))
            refuse(name, "line " + (i + 1) + " is not a digest and a name");
        if (list.has(m[2]))
            refuse(name, m[2] + " stands twice");
        list.set(m[2], unhex(m[1], 32));
    });
    return list;
};

// {base, files: name below the base -> source, entries: [{name, sha256}] of data/, unlisted: [name],
//  tags: [{name, missing}] that do not hold}
export const openBag = async tree => {
    const base = findBase(tree), files = new Map(tree.entries.map(e => [e.name.slice(base.length), e.source]));
    if (files.size !== tree.entries.length)
        refuse("bag", "two files of one name");
    for (const name of files.keys()) {
        if (name === "fetch.txt")
            refuse(name, "files elsewhere are not fetched");
        if (/^(tag)?manifest-/.test(name) && name !== MANIFEST && name !== TAGS)
            refuse(name, "another manifest than SHA-256");
    }
    if (ascii(await load(files, "bagit.txt")) !== DECLARATION)
        refuse("bagit.txt", "not BagIt 1.0 in UTF-8");
    const payload = await readManifest(files, MANIFEST), tagged = await readManifest(files, TAGS), tags = [];
    for (const name of payload.keys())
        if (!name.startsWith("data/"))
            refuse(MANIFEST, "names a file outside data/");
    for (const [name, digest] of tagged) {
        if (name.startsWith("data/") || name === TAGS)
            refuse(name, "does not belong in " + TAGS);
        const source = files.get(name);
        if (!source)
            tags.push({name, missing: true});
        else if (source.size > MAX.manifest || !same(sha256(await source.slice(0, source.size)), digest))
            tags.push({name, missing: false});
    }
    const unlisted = [...files.keys()].filter(name => !payload.has(name) && !tagged.has(name) && name !== TAGS);
    const entries = [...payload].map(([name, digest]) => ({name, sha256: digest}));
    return {base, files, entries, unlisted, tags};
};
