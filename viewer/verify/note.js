// SPDX-License-Identifier: GPL-3.0-or-later
// Verifier keys, signed notes and checkpoints (docs/FORMAT.md sections 13.1 and 13.2; C2SP signed-note, tlog-checkpoint).
import {hex, join, refuse, same, text, unbase64, utf8} from "./bytes.js";
import {verify} from "./ed25519.js";
import {MAX} from "./limits.js";
import {sha256} from "./sha256.js";

export const LOG = 1;
export const WITNESS = 4;

// Neither "+" nor white space of Unicode's.
const nameOk = name => name !== "" && utf8(name).length <= 128 && text(utf8(name)) !== null &&
                       !/[+\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/.test(name);

const idOf = (name, type, key) => sha256(utf8(name + "\n"), Uint8Array.of(type), key).slice(0, 4);

export const makeVkey = (name, type, key) => nameOk(name) ? {name, type, key, id: idOf(name, type, key)} : refuse("log", "is no name of a key");

// NAME+ID+BASE64, or null.
export const parseVkey = line => {
    const m = /^([^+]*)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(line), raw = m && unbase64(m[3]);
    if (!raw || !nameOk(m[1]) || raw.length !== 33 || (raw[0] !== LOG && raw[0] !== WITNESS))
        return null;
    const k = makeVkey(m[1], raw[0], raw.slice(1));
    return hex(k.id) === m[2] ? k : null;
};

const parseLine = line => {
    const m = /^— ([^ ]+) ([A-Za-z0-9+/=]+)$/.exec(line), raw = m && unbase64(m[2]);
    if (!raw || !nameOk(m[1]) || raw.length <= 4 || raw.length > MAX.noteSignature)
        refuse("note", "a signature line cannot be read");
    return {name: m[1], id: raw.slice(0, 4), signature: raw.slice(4), line: line + "\n"};
};

// {body: bytes up to the blank line, signatures}
export const parseNote = bytes => {
    if (bytes.length === 0 || bytes.length > MAX.note || bytes[bytes.length - 1] !== 10)
        refuse("note", "is empty, too long, or does not end in a line feed");
    let at = bytes.length - 1;
    while (at > 0 && !(bytes[at] === 10 && bytes[at - 1] === 10))
        at--;
    const whole = at > 0 ? text(bytes.map(b => b === 10 ? 32 : b)) : null;
    if (whole === null)
        refuse("note", "has no blank line, or is no text");
    const lines = new TextDecoder().decode(bytes.subarray(at + 1)).split("\n").slice(0, -1);
    if (lines.length === 0 || lines.length > MAX.noteSignatures)
        refuse("note", "has no signature, or too many");
    return {body: bytes.subarray(0, at), signatures: lines.map(parseLine)};
};

const isOf = (s, k) => s.name === k.name && same(s.id, k.id);

// Every signature that bears a key's name and number verifies; false when there is none of it.
const signedBy = async (note, k) => {
    const own = note.signatures.filter(s => isOf(s, k));
    for (const s of own)
        if (s.signature.length !== 64 || !await verify(k.key, s.signature, note.body))
            refuse("checkpoint", "the ledger's signature does not verify");
    return own.length > 0;
};

const LATEST = 9223372035n; // seconds: the next one is still a number of nanoseconds in 64 bits

// Who of these witnesses has cosigned: [{name, time}], time in seconds, the earliest of several, null where it is none. A line that
// bears the name and number of one verifies, or the note is none.
export const cosignedBy = async (note, witnesses) => {
    const out = [];
    for (const k of witnesses) {
        let earliest = null;
        for (const s of note.signatures.filter(s => isOf(s, k))) {
            const wrong = () => refuse("checkpoint", "the cosignature of " + k.name + " does not verify");
            if (s.signature.length !== 72)
                wrong();
            const time = new DataView(s.signature.buffer, s.signature.byteOffset, 8).getBigUint64(0);
            if (time >= 1n << 63n || !await verify(k.key, s.signature.slice(8), join(utf8("cosignature/v1\ntime " + time + "\n"), note.body)))
                wrong();
            earliest = earliest === null || time < earliest ? time : earliest;
        }
        if (earliest !== null)
            out.push({name: k.name, time: earliest > 0n && earliest <= LATEST ? earliest : null});
    }
    return out;
};

const decimal = s => /^(0|[1-9][0-9]{0,18})$/.test(s) && BigInt(s) < 1n << 63n ? BigInt(s) : null;

export const parseDecimal = decimal;

// The text of a note: origin, size, root, and lines that are not looked at.
export const parseCheckpoint = note => {
    const lines = new TextDecoder().decode(note.body).split("\n"), last = lines.pop();
    const [origin, number, root] = lines, size = decimal(number || ""), hash = unbase64(root || "", 32);
    if (last !== "" || lines.length < 3 || !nameOk(origin) || size === null || !hash || lines.slice(3).includes(""))
        refuse("checkpoint", "cannot be read");
    if (size === 0n && !same(hash, sha256()))
        refuse("checkpoint", "a ledger of nothing with another root than that of nothing");
    return {origin, size, root: hash};
};

// A note signed by the ledger that its first line names.
export const openCheckpoint = async (note, log) => {
    if (!await signedBy(note, log))
        refuse("checkpoint", "is not signed by the ledger key of the statement");
    const checkpoint = parseCheckpoint(note);
    if (checkpoint.origin !== log.name)
        refuse("checkpoint", "is of another ledger");
    return checkpoint;
};

// What a time stamp covers: the text, the blank line, and the log's own signature line, of which there is one.
export const stampedBytes = (note, log) => {
    const own = note.signatures.filter(s => isOf(s, log));
    return own.length === 1 ? join(note.body, utf8("\n" + own[0].line)) : refuse("checkpoint", "bears two signatures of its ledger");
};
