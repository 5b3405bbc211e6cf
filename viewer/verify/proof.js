// SPDX-License-Identifier: GPL-3.0-or-later
// Inclusion of a leaf in a checkpoint (docs/FORMAT.md section 13.4; C2SP tlog-proof, RFC 6962 section 2.1.1).
import {ascii, refuse, same, unbase64} from "./bytes.js";
import {leafHash, logId, parseLeaf} from "./leaf.js";
import {MAX} from "./limits.js";
import {makeVkey, LOG, openCheckpoint, parseCheckpoint, parseDecimal, parseNote} from "./note.js";
import {sha256} from "./sha256.js";

const FIRST = "c2sp.org/tlog-proof@v1";

export const parseProof = bytes => {
    const where = "proof", lines = [];
    if (bytes.length > MAX.proof)
        refuse(where, "is too long", "limit");
    let at = 0;
    for (;;) {
        const end = bytes.indexOf(10, at);
        if (end < 0)
            refuse(where, "ends too early", "short");
        if (end === at)
            break;
        lines.push(ascii(bytes.subarray(at, end)));
        at = end + 1;
    }
    const [first, extra = "", index = "", ...siblings] = lines;
    const leaf = extra.startsWith("extra ") ? unbase64(extra.slice(6)) : null;
    const n = index.startsWith("index ") ? parseDecimal(index.slice(6)) : null, hashes = siblings.map(s => unbase64(s, 32));
    if (first !== FIRST || !leaf || leaf.length === 0 || leaf.length > MAX.leaf || n === null || hashes.length > 64 || hashes.includes(null))
        refuse(where, "cannot be read");
    return {leaf, index: n, hashes, note: parseNote(bytes.subarray(at + 1))};
};

const node = (left, right) => sha256(Uint8Array.of(1), left, right);

// The root that siblings lead to from leaf `index` in a tree of `size`; null when there are too many or too few.
const rootFrom = (hash, index, size, hashes) => {
    if (index >= size)
        return null;
    let place = index, last = size - 1n, root = hash;
    const left = [...hashes];
    for (; last > 0n; place >>= 1n, last >>= 1n) {
        if ((place & 1n) === 0n && place === last)
            continue; // alone on the right edge of this level
        if (left.length === 0)
            return null;
        const sibling = left.shift();
        root = (place & 1n) === 1n ? node(sibling, root) : node(root, sibling);
    }
    return left.length === 0 ? root : null;
};

// {proof, leaf, log, checkpoint}; a Refusal when it does not hold under this ledger key, by whatever name.
export const checkProof = async (bytes, ledgerKey) => {
    const proof = parseProof(bytes), log = makeVkey(parseCheckpoint(proof.note).origin, LOG, ledgerKey);
    const checkpoint = await openCheckpoint(proof.note, log);
    const root = rootFrom(leafHash(proof.leaf), proof.index, checkpoint.size, proof.hashes);
    if (!root || !same(root, checkpoint.root))
        refuse("proof", "the leaf is not in the checkpoint");
    const leaf = parseLeaf(proof.leaf);
    if (BigInt(leaf.index) !== proof.index || !same(leaf.log, logId(ledgerKey)))
        refuse("proof", "the leaf speaks of another place or ledger");
    return {proof, leaf, log, checkpoint};
};
