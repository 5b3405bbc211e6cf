// SPDX-License-Identifier: GPL-3.0-or-later
// The trust file, or one minisign public key (docs/FORMAT.md section 8).
import {hex, refuse, same, text, unhex, utf8} from "./bytes.js";
import {MAX} from "./limits.js";
import {parseKeyFile, parseKeyText} from "./minisign.js";
import {LOG, parseVkey, WITNESS} from "./note.js";
import {stationOk} from "./statement.js";
import {parseTime} from "./time.js";

// Words are parted by blanks; quotes hold blanks together.
const words = line => line.match(/(?:[^ "]|"[^"]*(?:"|$))+/g) || [];

const value = (raw, where) => {
    const m = /^(?:"([^"]*)"|([^"]*))$/.exec(raw) || refuse(where, "has a value that cannot be read");
    return m[1] !== undefined ? m[1] : m[2];
};

const time = (v, where) => {
    const t = parseTime(v.length === 20 && v.endsWith("Z") ? v.slice(0, 19) + ".000Z" : v);
    return t === null ? refuse(where, "is no time") : t;
};

const bounded = (v, max, where) => v === "" || utf8(v).length > max ? refuse(where, "is empty or too long") : v;

const ATTRIBUTES = {
    station: (v, where) => stationOk(v) ? v : refuse(where, "is no station"),
    merchant: (v, where) => bounded(v, MAX.name, where),
    from: time,
    until: time,
    since: time,
    name: (v, where) => bounded(v, 127, where),
};

const attributes = (list, allowed, line) => {
    const out = {};
    for (const word of list) {
        const eq = word.indexOf("="), name = word.slice(0, eq), where = line + " " + name;
        if (eq < 0 || !allowed.includes(name))
            refuse(line, word + " is no attribute of this line"); // a misspelt limit must not be skipped
        if (name in out)
            refuse(where, "stands twice");
        out[name] = ATTRIBUTES[name](value(word.slice(eq + 1), where), where);
    }
    return out;
};

const NEVER = Infinity, ALWAYS = -Infinity;

const sameKey = (a, b) => same(a.id, b.id) && same(a.key, b.key);

export class Trust {
    constructor() {
        this.keys = [];
        this.roots = [];
        this.anchors = []; // hexadecimal SHA-256 of certificates
        this.witnesses = [];
        this.logs = [];
    }

    find(key) {
        return this.keys.find(k => sameKey(k.key, key)) || null;
    }

    root(key) {
        return this.roots.find(r => sameKey(r.key, key)) || null;
    }

    // Key numbers are not authenticated: any key may claim one.
    hasNumber(id) {
        return this.keys.some(k => same(k.key.id, id));
    }

    add(list, entry, where) {
        if (list.length >= MAX.trustKeys)
            refuse(where, "too many entries of one kind", "limit");
        list.push(entry);
        return entry;
    }

    entry(key, where) {
        return this.find(key) ||
               this.add(this.keys, {key, listed: false, station: "", merchant: "", from: ALWAYS, until: NEVER, revoked: NEVER}, where);
    }

    clip(key, rest, where) {
        const a = attributes(rest, ["station", "merchant", "from", "until"], where), k = this.entry(key, where);
        if (k.listed || this.root(key))
            refuse(where, "this key stands twice");
        Object.assign(k, a, {listed: true});
        if (k.from >= k.until)
            refuse(where, "ends before it begins");
    }

    revoke(key, rest, where) {
        const a = attributes(rest, ["since"], where), k = this.entry(key, where);
        k.revoked = Math.min(k.revoked, a.since === undefined ? ALWAYS : a.since);
    }

    addRoot(key, rest, where) {
        const a = attributes(rest, ["merchant"], where), k = this.find(key);
        if (this.root(key) || (k && k.listed))
            refuse(where, "this key stands twice");
        this.add(this.roots, {key, merchant: "", ...a}, where);
    }

    addAnchor(word, rest, where) {
        const digest = unhex(word, 32);
        attributes(rest, ["name"], where);
        if (!digest || this.anchors.includes(hex(digest)))
            refuse(where, "no SHA-256 of 64 lower-case digits, or it stands twice");
        this.add(this.anchors, word, where);
    }

    // Two of one name and number would take each other's signatures. A cosignature does not tell its witness's name, so one
    // key under two names would count as two.
    addVkey(word, rest, type, where) {
        const k = parseVkey(word), list = type === LOG ? this.logs : this.witnesses;
        if (!k || k.type !== type || rest.length > 0)
            refuse(where, "one vkey of the right type was expected");
        if (list.some(o => (type === WITNESS && same(o.key, k.key)) || (o.name === k.name && same(o.id, k.id))))
            refuse(where, "this vkey stands twice");
        this.add(list, k, where);
    }

    line([kind, word = "", ...rest], where) {
        const key = () => parseKeyText(word) || refuse(where, "a minisign public key was expected");
        switch (kind) {
        case "clip": return this.clip(key(), rest, where);
        case "revoked": return this.revoke(key(), rest, where);
        case "root": return this.addRoot(key(), rest, where);
        case "tsa": return this.addAnchor(word, rest, where);
        case "witness": return this.addVkey(word, rest, WITNESS, where);
        case "log": return this.addVkey(word, rest, LOG, where);
        default: return refuse(where, kind + " is none of clip, revoked, root, tsa, witness, log");
        }
    }

    // What a clip line would have said, for the key of a certificate that one of the roots has signed; null when the root
    // stands for another merchant, or the key is a root itself. A revoked root takes with it what it certified.
    certified(root, cert) {
        const own = this.find(cert.clipKey), theirs = this.find(root.key);
        if ((root.merchant !== "" && root.merchant !== cert.merchant) || this.root(cert.clipKey))
            return null;
        const revoked = Math.min(own ? own.revoked : NEVER, theirs ? theirs.revoked : NEVER);
        return {key: cert.clipKey, listed: true, station: cert.station, merchant: cert.merchant, from: cert.from, until: cert.until, revoked};
    }
}

export const parseTrust = bytes => {
    const trust = new Trust();
    if (bytes.length > MAX.trust)
        refuse("trust file", "is too long", "limit");
    const bare = parseKeyFile(bytes);
    if (bare) {
        trust.entry(bare, "").listed = true;
        return trust;
    }
    let at = 0;
    for (let n = 1; at < bytes.length || n === 1; n++) {
        const where = "line " + n, end = bytes.indexOf(10, at), stop = end < 0 ? bytes.length : end;
        const raw = bytes.subarray(at, stop > at && bytes[stop - 1] === 13 ? stop - 1 : stop);
        const line = raw.length <= MAX.trustLine ? text(raw.map(b => b === 9 ? 32 : b)) : null;
        at = stop + 1;
        if (line === null)
            refuse(where, "is too long, or not UTF-8 text");
        if (n === 1 && line !== "packseal-trust 1")
            refuse(where, "neither a trust file nor a minisign public key");
        const list = words(line);
        if (n > 1 && list.length > 0 && !list[0].startsWith("#"))
            trust.line(list, where);
    }
    return trust;
};
