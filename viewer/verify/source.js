// SPDX-License-Identifier: GPL-3.0-or-later
// Where bytes come from: a File or Blob, read by slices, never whole. A part of one is a source again.
import {Refusal} from "./bytes.js";

const WINDOW = 256 << 10;

export class Source {
    constructor(blob, from = 0, size = blob.size - from) {
        this.blob = blob;
        this.from = from;
        this.size = size;
        this.window = null; // the last piece read, for the many small reads of headers
        this.windowAt = 0;
    }

    part(from, size) {
        return new Source(this.blob, this.from + from, size);
    }

    // Exactly n bytes at `at`; the array belongs to the caller only until the next read.
    async read(at, n) {
        if (at < 0 || at > this.size || n > this.size - at)
            throw new Refusal("short", "byte " + at, "the file ends before");
        if (this.window && at >= this.windowAt && at + n <= this.windowAt + this.window.length)
            return this.window.subarray(at - this.windowAt, at - this.windowAt + n);
        const size = n > WINDOW / 4 ? n : Math.min(WINDOW, this.size - at);
        const got = await this.slice(at, size);
        if (size !== n) {
            this.window = got;
            this.windowAt = at;
        }
        return got.subarray(0, n);
    }

    async slice(at, n) {
        let buffer;
        try {
            buffer = await this.blob.slice(this.from + at, this.from + at + n).arrayBuffer();
        } catch {
            throw new Refusal("io", "byte " + at, "cannot be read");
        }
        if (buffer.byteLength !== n)
            throw new Refusal("io", "byte " + at, "cannot be read");
        return new Uint8Array(buffer);
    }

    async all(max, where) {
        if (this.size > max)
            throw new Refusal("limit", where, "is larger than " + max + " bytes");
        return this.slice(0, this.size);
    }
}

// Files by name: what a zip, a folder or a bag holds. `inside(prefix)` gives those below it, by their name there.
export class Tree {
    constructor(entries) {
        this.entries = entries; // [{name, source}]
        this.byName = new Map(entries.map(e => [e.name, e]));
    }
    find(name) {
        return this.byName.get(name) || null;
    }
    inside(prefix) {
        return this.entries.filter(e => e.name.startsWith(prefix)).map(e => ({name: e.name.slice(prefix.length), source: e.source}));
    }
}
