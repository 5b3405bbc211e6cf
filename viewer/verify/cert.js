// SPDX-License-Identifier: GPL-3.0-or-later
// A station's certificate by its merchant's root key, and its revocation (docs/FORMAT.md section 14).
import {refuse, utf8} from "./bytes.js";
import {parseJson} from "./json.js";
import {MAX} from "./limits.js";
import {parseKeyText, parseSignature, verifySignature} from "./minisign.js";
import {LOG, parseVkey} from "./note.js";
import {stationOk} from "./statement.js";
import {parseTime} from "./time.js";

const CERT = ["type", "version", "crit", "merchant", "station", "clip_key", "ledger_key", "from", "until", "serial"];
const REVOCATION = ["type", "version", "crit", "merchant", "clip_key", "since", "reason"];
const REASONS = ["lost", "stolen", "replaced", "closed"];

const known = (v, key) => v === null ? refuse(key, "cannot be read") : v;

// Strict JSON of this type, whose critical keys are among those listed: gives a reader of its texts, and the whole.
const open = (bytes, type, keys) => {
    if (bytes.length > MAX.cert)
        refuse("file", "is too long", "limit");
    const root = parseJson(bytes), crit = root.get("crit");
    if (root.get("type") !== type || root.get("version") !== 1)
        refuse("type", "is another, or of another version");
    if (!Array.isArray(crit) || crit.some(k => !keys.includes(k)))
        refuse("crit", "names what this program does not know", "version");
    const string = (key, max) => {
        const v = root.get(key);
        return typeof v === "string" && v !== "" && utf8(v).length <= max ? v : refuse(key, "is missing, empty, too long, or not a string");
    };
    return {root, string};
};

const read = bytes => {
    const {root, string} = open(bytes, "packseal-cert", CERT), serial = root.get("serial");
    const c = {merchant: string("merchant", MAX.name), station: string("station", MAX.stationId),
               clipKey: known(parseKeyText(string("clip_key", 56)), "clip_key"), ledgerKey: known(parseVkey(string("ledger_key", 192)), "ledger_key"),
               from: known(parseTime(string("from", 24)), "from"), until: known(parseTime(string("until", 24)), "until")};
    if (!stationOk(c.station) || c.ledgerKey.type !== LOG || c.from >= c.until || !Number.isInteger(serial) || serial < 0)
        refuse("station", "station, ledger, validity or serial cannot be");
    return c;
};

// A revocation as it stands; who signed it is another question.
export const readRevocation = bytes => {
    const {string} = open(bytes, "packseal-revocation", REVOCATION);
    const r = {merchant: string("merchant", MAX.name), clipKey: known(parseKeyText(string("clip_key", 56)), "clip_key"),
               since: known(parseTime(string("since", 24)), "since")};
    if (!REASONS.includes(string("reason", MAX.name)))
        refuse("reason", "is none of lost, stolen, replaced, closed");
    return r;
};

// Has this root signed it? False when another key has; refused when the signature does not hold.
export const signedBy = async (bytes, signature, root) => {
    const answer = await verifySignature(parseSignature(signature), root, bytes);
    return answer === "key" ? false : answer === "ok" || refuse("signature", "does not verify");
};

// The certificate, signed by this root; null when another key has signed.
export const openCert = async (bytes, signature, root) => await signedBy(bytes, signature, root) ? read(bytes) : null;
