// SPDX-License-Identifier: GPL-3.0-or-later
// A stored zip, strictly (docs/FORMAT.md section 11; APPNOTE 6.3.10 with ZIP64). The directory at the end and the
// headers before the files must tell the same story, and every byte must belong to it: then all unpackers see the
// same files.
import {ascii, Cursor, refuse, same} from "./bytes.js";
import {MAX} from "./limits.js";
import {Tree} from "./source.js";

const END = 22, END64 = 56, LOCATOR = 20, LOCAL = 30, EXTRA = 32;
const ONES16 = 0xffff, ONES32 = 0xffffffff;
const AT_END = "end of the zip", DIRECTORY = "directory of the zip";

export const nameOk = name => name.length > 0 && name.length <= MAX.zipName && /^[\x20-\x7e]+$/.test(name) && !/[\\:*?"<>|%]/.test(name) &&
                              name.split("/").every(part => part !== "" && !part.endsWith(".") && !part.endsWith(" "));

// Names that a system which does not tell cases apart would take for one, or for file and folder at once.
const findCollision = names => {
    const spelt = new Map(); // folded path of each file and folder -> [how it is spelt, is a file]
    for (const name of names) {
        const parts = name.split("/");
        for (let i = 1; i <= parts.length; i++) {
            const path = parts.slice(0, i).join("/"), file = i === parts.length, known = spelt.get(path.toLowerCase());
            if (known && (known[0] !== path || known[1] || file))
                return name;
            spelt.set(path.toLowerCase(), [path, file]);
        }
    }
    return null;
};

const readEnd64 = async (file, d) => {
    const size = END64 + LOCATOR;
    if (d.end < size)
        refuse(AT_END, "no ZIP64 end record");
    d.end -= size;
    const c = new Cursor(await file.read(d.end, size), AT_END);
    const sig = c.u32le(), rest = c.u64le();
    c.skip(2); // made by
    const needs = c.u16le(), disks = c.u32le() + c.u32le(), here = c.u64le();
    d.n = c.u64le();
    d.size = c.u64le();
    d.off = c.u64le();
    const locator = c.u32le(), disk = c.u32le(), at = c.u64le(), total = c.u32le();
    if (sig !== 0x06064b50 || rest !== END64 - 12 || needs > 45 || disks !== 0 || here !== d.n ||
        locator !== 0x07064b50 || disk !== 0 || at !== d.end || total > 1)
        refuse(AT_END, "broken ZIP64 end record");
};

const readEnd = async file => {
    if (file.size < END)
        refuse(AT_END, "too short for a zip", "short");
    const d = {end: file.size - END}, c = new Cursor(await file.read(d.end, END), AT_END);
    const sig = c.u32le(), disks = c.u16le() + c.u16le(), here = c.u16le();
    d.n = c.u16le();
    d.size = c.u32le();
    d.off = c.u32le();
    if (sig !== 0x06054b50)
        refuse(AT_END, "no end record there: cut off, or bytes after it");
    if (c.u16le() !== 0 || disks !== 0 || here !== d.n)
        refuse(AT_END, "a comment, or more than one disk");
    if (d.n === ONES16 || d.size === ONES32 || d.off === ONES32)
        await readEnd64(file, d);
    if (d.n > MAX.zipEntries || d.size > MAX.zipDirectory)
        refuse(AT_END, "more entries than a bundle has", "limit");
    if (d.off > d.end || d.size !== d.end - d.off)
        refuse(AT_END, "bytes before or after the directory");
    return d;
};

const COMMON = ["version", "flags", "method", "time", "date", "crc", "packed", "size", "nameLength", "extraLength"];

const common = c => ({version: c.u16le(), flags: c.u16le(), method: c.u16le(), time: c.u16le(), date: c.u16le(), crc: c.u32le(),
                      packed: c.u32le(), size: c.u32le(), nameLength: c.u16le(), extraLength: c.u16le()});

// The one extra field allowed: ZIP64, with those values in order that the header gives as all ones.
const extra = (c, h, where) => {
    const wanted = ["size", "packed", "offset"].filter(key => h[key] === ONES32);
    if (c.left === 0 && wanted.length === 0)
        return;
    if (c.left < 4 || c.u16le() !== 1 || c.u16le() !== c.left || c.left !== 8 * wanted.length)
        refuse(where, "extra fields");
    for (const key of wanted)
        h[key] = c.u64le();
};

const centralHeader = c => {
    if (c.u32le() !== 0x02014b50)
        refuse(DIRECTORY, "broken");
    c.skip(2); // made by
    const h = common(c), comment = c.u16le(), disk = c.u16le();
    c.skip(2); // text or binary
    const attributes = c.u32le(), type = attributes >>> 16 & 0o170000;
    h.offset = c.u32le();
    h.nameBytes = c.take(h.nameLength).slice();
    h.name = ascii(h.nameBytes);
    const rest = c.sub(h.extraLength);
    if (!nameOk(h.name))
        refuse(DIRECTORY, "an entry's name is not allowed");
    if (comment !== 0 || disk !== 0 || h.version > 45 || (h.flags & ~0x800) !== 0)
        refuse(h.name, "encrypted, with a data descriptor or a comment");
    if (h.method !== 0)
        refuse(h.name, "compressed; a bundle is stored");
    if ((attributes & 0x18) !== 0 || (type !== 0 && type !== 0o100000))
        refuse(h.name, "not a plain file");
    extra(rest, h, h.name);
    if (h.packed !== h.size)
        refuse(h.name, "two sizes");
    return h;
};

// Gives where the data begins.
const localHeader = async (file, h) => {
    const unlike = () => refuse(h.name, "local header unlike the directory");
    const head = new Cursor(await file.read(h.offset, LOCAL), h.name);
    const sig = head.u32le(), l = common(head);
    if (sig !== 0x04034b50 || l.nameLength + l.extraLength > MAX.zipName + EXTRA)
        unlike();
    const rest = new Cursor(await file.read(h.offset + LOCAL, l.nameLength + l.extraLength), h.name);
    if (!same(rest.take(l.nameLength), h.nameBytes))
        unlike();
    extra(rest, l, h.name);
    if (COMMON.some(key => key !== "extraLength" && l[key] !== h[key]))
        unlike();
    return h.offset + LOCAL + l.nameLength + l.extraLength;
};

export const openZip = async file => {
    const d = await readEnd(file), c = new Cursor(await file.slice(d.off, d.size), DIRECTORY), entries = [];
    let at = 0;
    for (let i = 0; i < d.n; i++) {
        const h = centralHeader(c);
        if (h.offset !== at)
            refuse(h.name, "bytes between the entries, or entries out of order");
        const data = await localHeader(file, h);
        if (data > d.off || h.size > d.off - data)
            refuse(h.name, "larger than the zip");
        entries.push({name: h.name, source: file.part(data, h.size)});
        at = data + h.size;
    }
    if (c.left !== 0 || at !== d.off)
        refuse(DIRECTORY, "bytes that belong to no entry");
    const twice = findCollision(entries.map(e => e.name));
    if (twice !== null)
        refuse(twice, "two entries of one name");
    return new Tree(entries);
};
