// SPDX-License-Identifier: GPL-3.0-or-later
// The strict JSON of docs/FORMAT.md section 5, in one pass over the bytes. Objects become Maps, so that no key of a
// stranger means anything to JavaScript; integers are numbers, all of them exact.
import {refuse, text, ascii} from "./bytes.js";
import {MAX} from "./limits.js";

const QUOTE = 0x22, BACKSLASH = 0x5c;

class Reader {
    constructor(bytes) {
        this.bytes = bytes;
        this.at = 0;
        this.values = 0;
    }

    fail(what, kind) {
        refuse("byte " + this.at, what, kind);
    }

    peek() {
        return this.at < this.bytes.length ? this.bytes[this.at] : -1;
    }

    take(char) {
        if (this.peek() !== char.charCodeAt(0))
            return false;
        this.at++;
        return true;
    }

    space() {
        while ([0x20, 0x09, 0x0a, 0x0d].includes(this.peek()))
            this.at++;
    }

    string() {
        if (!this.take('"'))
            this.fail("a string was expected");
        const from = this.at, plain = [];
        let escaped = false;
        for (;; this.at++) {
            const b = this.peek();
            if (b === -1)
                this.fail("the string does not end");
            if (b === QUOTE)
                break;
            if (b === BACKSLASH) {
                plain.push(this.bytes.subarray(escaped === false ? from : escaped, this.at));
                this.at++;
                if (this.peek() !== QUOTE && this.peek() !== BACKSLASH)
                    this.fail("only \\\" and \\\\ may be escaped");
                escaped = this.at; // the escaped character begins the next run
            }
        }
        const end = this.at++;
        if (end - from > MAX.jsonString)
            this.fail("the string is too long", "limit");
        plain.push(this.bytes.subarray(escaped === false ? from : escaped, end));
        const all = plain.length === 1 ? plain[0] : Uint8Array.from(plain.flatMap(p => Array.from(p)));
        const s = text(all);
        if (s === null)
            this.fail("the string holds a control character or is not UTF-8");
        return s;
    }

    key() {
        const s = this.string();
        if (!/^[a-z0-9_]{1,48}$/.test(s))
            this.fail("a key is 1 to 48 of a-z, 0-9 and _");
        return s;
    }

    number() {
        const from = this.at;
        this.take("-");
        while (this.peek() >= 0x30 && this.peek() <= 0x39)
            this.at++;
        const s = ascii(this.bytes.subarray(from, this.at)), n = Number(s);
        if (!/^(0|-?[1-9][0-9]*)$/.test(s))
            this.fail("integers have no leading zero, and zero no sign");
        if ([0x2e, 0x65, 0x45].includes(this.peek()))
            this.fail("numbers are integers");
        if (!Number.isSafeInteger(n))
            this.fail("the number is beyond 2^53 - 1", "limit");
        return n;
    }

    word() {
        for (const [word, value] of [["true", true], ["false", false]])
            if (ascii(this.bytes.subarray(this.at, this.at + word.length)) === word) {
                this.at += word.length;
                return value;
            }
        return this.fail("a value was expected");
    }

    // The inside of an object or array.
    members(depth, close, one) {
        this.at++;
        this.space();
        if (this.take(close))
            return;
        for (;;) {
            this.space();
            one(depth);
            this.space();
            if (this.take(close))
                return;
            if (!this.take(","))
                this.fail("a comma or the closing bracket was expected");
        }
    }

    object(depth) {
        const out = new Map();
        this.members(depth, "}", inner => {
            const key = this.key();
            this.space();
            if (!this.take(":"))
                this.fail("a colon was expected");
            this.space();
            if (out.has(key))
                this.fail("a key stands twice in one object");
            out.set(key, this.value(inner));
        });
        return out;
    }

    array(depth) {
        const out = [];
        this.members(depth, "]", inner => out.push(this.value(inner)));
        return out;
    }

    value(depth) {
        if (++this.values > MAX.jsonValues)
            this.fail("too many values", "limit");
        const b = String.fromCharCode(this.peek());
        if ((b === "{" || b === "[") && depth >= MAX.jsonDepth)
            this.fail("nested too deeply", "limit");
        if (b === "{")
            return this.object(depth + 1);
        if (b === "[")
            return this.array(depth + 1);
        if (b === '"')
            return this.string();
        return b === "-" || (b >= "0" && b <= "9") ? this.number() : this.word();
    }
}

// The outermost value, which is an object.
export const parseJson = bytes => {
    const r = new Reader(bytes);
    if (bytes.length > MAX.statement)
        r.fail("the text is too long", "limit");
    r.space();
    if (r.peek() !== 0x7b)
        r.fail("an object was expected");
    const root = r.value(0);
    r.take("\n");
    if (r.at !== bytes.length)
        r.fail("bytes after the closing brace");
    return root;
};
