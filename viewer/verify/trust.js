// SPDX-License-Identifier: GPL-3.0-or-later
// The trust file, or one minisign public key (docs/FORMAT.md section 8).
import {refuse, same, text, utf8} from "./bytes.js";
import {MAX} from "./limits.js";
import {parseKeyFile, parseKeyText} from "./minisign.js";
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
};

const attributes = (list, allowed, line) => {
    const out = {};
    for (const word of list) {
        const eq = word.indexOf("="), name = word.slice(0, eq), where = line + " " + name;
        if (eq < 0 || !allowed.includes(name))
            refuse(line, word + " is no attribute of this line"); // a misspelt limit must not be passed over
        if (name in out)
            refuse(where, "stands twice");
        out[name] = ATTRIBUTES[name](value(word.slice(eq + 1), where), where);
    }
    return out;
};

const NEVER = Infinity, ALWAYS = -Infinity;

export class Trust {
    constructor() {
        this.keys = [];
        this.logs = [];
    }

    find(key) {
        return this.keys.find(k => same(k.key.id, key.id) && same(k.key.key, key.key)) || null;
    }

    // Key numbers are not authenticated: any key may claim one.
    hasNumber(id) {
        return this.keys.some(k => same(k.key.id, id));
    }

    entry(key) {
        let k = this.find(key);
        if (!k) {
            if (this.keys.length >= MAX.trustKeys)
                refuse("trust file", "too many keys", "limit");
            k = {key, listed: false, station: "", merchant: "", from: ALWAYS, until: NEVER, revoked: NEVER};
            this.keys.push(k);
        }
        return k;
    }

    line(list, where) {
        const [kind, ...rest] = list;
        if (kind === "log") {
            if (rest.length === 0)
                refuse(where, "a vkey was expected");
            this.logs.push(rest[0]);
            return;
        }
        if (kind !== "clip" && kind !== "revoked")
            refuse(where, kind + " is neither clip nor revoked nor log");
        const key = rest.length > 0 && parseKeyText(rest[0]) || refuse(where, "a minisign public key was expected");
        if (kind === "revoked") {
            const a = attributes(rest.slice(1), ["since"], where), k = this.entry(key);
            k.revoked = Math.min(k.revoked, a.since === undefined ? ALWAYS : a.since);
            return;
        }
        const a = attributes(rest.slice(1), ["station", "merchant", "from", "until"], where), k = this.entry(key);
        if (k.listed)
            refuse(where, "this key stands twice");
        Object.assign(k, a, {listed: true});
        if (k.from >= k.until)
            refuse(where, "ends before it begins");
    }
}

export const parseTrust = bytes => {
    const trust = new Trust();
    if (bytes.length > MAX.trust)
        refuse("trust file", "is too long", "limit");
    const bare = parseKeyFile(bytes);
    if (bare) {
        trust.entry(bare).listed = true;
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
