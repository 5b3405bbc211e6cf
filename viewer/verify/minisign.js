// SPDX-License-Identifier: GPL-3.0-or-later
// minisign's files, prehashed signatures only (docs/FORMAT.md section 6).
import {ascii, base64, join, refuse, same, text, unbase64, utf8} from "./bytes.js";
import {blake2b512} from "./blake2b.js";
import {verify} from "./ed25519.js";
import {MAX} from "./limits.js";

const UNTRUSTED = "untrusted comment: ", TRUSTED = "trusted comment: ";

// Comments are text; stock minisign parts its default comment by tabs.
const isComment = bytes => text(bytes.map(b => b === 9 ? 32 : b)) !== null;

const startsWith = (line, begin) => line.length >= begin.length && same(line.subarray(0, begin.length), utf8(begin));

const keyOf = line => {
    const raw = unbase64(line, 42);
    return raw && raw[0] === 0x45 && raw[1] === 0x64 ? {id: raw.slice(2, 10), key: raw.slice(10), text: line} : null;
};

// The 56 characters of a public key, or null.
export const parseKeyText = line => line.length === 56 ? keyOf(line) : null;

export const keyText = (id, key) => base64(join(utf8("Ed"), id, key));

// A public key file: the key, with or without a comment before it. Null when it is none.
export const parseKeyFile = bytes => {
    let at = 0;
    if (bytes.length > MAX.minisig)
        return null;
    if (bytes.length > UNTRUSTED.length && startsWith(bytes, UNTRUSTED)) {
        at = bytes.indexOf(10) + 1;
        if (at === 0 || !isComment(bytes.subarray(UNTRUSTED.length, at - 1)))
            return null;
    }
    const rest = bytes.subarray(at), tail = rest.subarray(56);
    if (rest.length < 56 || tail.length > 1 || (tail.length === 1 && tail[0] !== 10))
        return null;
    return keyOf(ascii(rest.subarray(0, 56)));
};

// Exactly four lines, each ended by a line feed.
export const parseSignature = bytes => {
    const where = "clip.json.minisig", lines = [];
    if (bytes.length === 0)
        refuse(where, "the signature is empty", "short");
    if (bytes.length > MAX.minisig)
        refuse(where, "the signature is too long", "limit");
    let at = 0;
    while (lines.length < 4) {
        const end = bytes.indexOf(10, at);
        if (end < 0)
            refuse(where, "the signature is cut off", "short");
        lines.push(bytes.subarray(at, end));
        at = end + 1;
    }
    const [untrusted, sig, trusted, global] = lines;
    const comment = trusted.subarray(TRUSTED.length);
    if (at !== bytes.length || !startsWith(untrusted, UNTRUSTED) || !isComment(untrusted.subarray(UNTRUSTED.length)) ||
        !startsWith(trusted, TRUSTED) || !isComment(comment) || comment.length > MAX.trustedComment)
        refuse(where, "not a minisign signature");
    const raw = unbase64(ascii(sig), 74), over = unbase64(ascii(global), 64);
    if (!raw || !over || raw[0] !== 0x45 || raw[1] !== 0x44)
        refuse(where, "not a prehashed minisign signature");
    return {id: raw.slice(2, 10), signature: raw.slice(10), comment, global: over};
};

// "ok", "key" when made with another key, "invalid".
export const verifySignature = async (s, key, statement) => {
    if (!same(s.id, key.id))
        return "key";
    const good = await verify(key.key, s.signature, blake2b512(statement)) &&
                 await verify(key.key, s.global, join(s.signature, s.comment));
    return good ? "ok" : "invalid";
};
