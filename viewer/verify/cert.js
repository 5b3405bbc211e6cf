// SPDX-License-Identifier: GPL-3.0-or-later
// A station's certificate by its merchant's root key (docs/FORMAT.md section 14).
import {refuse, utf8} from "./bytes.js";
import {parseJson} from "./json.js";
import {MAX} from "./limits.js";
import {parseKeyText, parseSignature, verifySignature} from "./minisign.js";
import {LOG, parseVkey} from "./note.js";
import {stationOk} from "./statement.js";
import {parseTime} from "./time.js";

const KEYS = ["type", "version", "crit", "merchant", "station", "clip_key", "ledger_key", "from", "until", "serial"];

const read = bytes => {
    if (bytes.length > MAX.cert)
        refuse("file", "is too long", "limit");
    const root = parseJson(bytes);
    const string = (key, max) => {
        const v = root.get(key);
        return typeof v === "string" && v !== "" && utf8(v).length <= max ? v : refuse(key, "is missing, empty, too long, or not a string");
    };
    const known = (v, key) => v === null ? refuse(key, "cannot be read") : v;
    const crit = root.get("crit"), serial = root.get("serial");
    if (root.get("type") !== "packseal-cert" || root.get("version") !== 1)
        refuse("type", "is another, or of another version");
    if (!Array.isArray(crit) || crit.some(k => !KEYS.includes(k)))
        refuse("crit", "names what this program does not know", "version");
    const c = {merchant: string("merchant", MAX.name), station: string("station", MAX.stationId),
               clipKey: known(parseKeyText(string("clip_key", 56)), "clip_key"), ledgerKey: known(parseVkey(string("ledger_key", 192)), "ledger_key"),
               from: known(parseTime(string("from", 24)), "from"), until: known(parseTime(string("until", 24)), "until")};
    if (!stationOk(c.station) || c.ledgerKey.type !== LOG || c.from >= c.until || !Number.isInteger(serial) || serial < 0)
        refuse("station", "station, ledger, validity or serial cannot be");
    return c;
};

// The certificate, signed by this root; null when another key has signed.
export const openCert = async (bytes, signature, root) => {
    const answer = await verifySignature(parseSignature(signature), root, bytes);
    if (answer === "key")
        return null;
    return answer === "ok" ? read(bytes) : refuse("signature", "does not verify");
};
