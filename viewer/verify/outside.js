// SPDX-License-Identifier: GPL-3.0-or-later
// What does not come from the statement itself: the ledger's proofs, times from outside, and whether the signing key is
// believed. In this order, for a bound counts only by the ledger, and a key's validity by the bound.
import {same} from "./bytes.js";
import {openCert} from "./cert.js";
import {SEAL} from "./leaf.js";
import {MAX} from "./limits.js";
import {keyText} from "./minisign.js";
import {stampedBytes} from "./note.js";
import {checkProof} from "./proof.js";
import {headsDigest} from "./record.js";
import {sha256} from "./sha256.js";
import {timeText} from "./time.js";
import {judgeToken, readToken} from "./timestamp.js";

// An error that is no Refusal is a fault of this program, and no verdict.
export const refusal = e => {
    if (e.kind === undefined)
        throw e;
    return e;
};

// ---- the ledger

const OPEN = "open.tlog-proof", SEALED = "seal.tlog-proof";

const contradiction = (v, code, where, text) => {
    v.ledger = "inconsistent";
    v.problem(code, null, where, text);
};

const readProof = async (v, files, name) => {
    const source = files.get(name);
    if (!source)
        return {there: false, good: null};
    try {
        const good = await checkProof(await source.all(MAX.proof, name), v.statement.ledgerKey);
        good.stamped = sha256(stampedBytes(good.proof.note, good.log));
        return {there: true, good};
    } catch (e) {
        contradiction(v, "proof-invalid", name, refusal(e).text);
        return {there: true, good: null};
    }
};

const compare = (v, open, seal, digest, trust) => {
    const clip = v.statement;
    if (Number(open.proof.index) !== clip.number || !same(open.proof.leaf, clip.openLeaf))
        contradiction(v, "proof-leaf", OPEN, "proves another leaf than the one that opened this clip");
    if (seal.leaf.type !== SEAL || seal.leaf.subject !== clip.number || !same(seal.leaf.digest, digest) ||
        !same(seal.leaf.head, headsDigest(clip.tracks.map(t => t.head))))
        contradiction(v, "proof-leaf", SEALED, "proves another leaf than the seal of this statement");
    const a = open.checkpoint, b = seal.checkpoint;
    if (a.origin !== b.origin || (a.size === b.size && !same(a.root, b.root)))
        contradiction(v, "proof-fork", SEALED, "the two proofs end in two different ledgers");
    // Whoever registered this ledger knows its name and its key; one of them with another other is another ledger.
    const logs = trust ? trust.logs.map(k => [k.name === seal.log.name, same(k.key, seal.log.key)]) : [];
    if (logs.some(([name, key]) => name !== key) && !logs.some(([name, key]) => name && key))
        contradiction(v, "log-key", seal.log.name, "registered with another key, or this key for another ledger");
};

// Gives the digest that a token over the seal proof's checkpoint stamps, or null when the clip is not included.
const judgeLedger = async (v, files, digest, trust) => {
    const open = await readProof(v, files, OPEN), seal = await readProof(v, files, SEALED);
    if (open.there !== seal.there)
        contradiction(v, "proof-missing", open.there ? SEALED : OPEN, "only one of the two proofs is here");
    else if (open.good && seal.good)
        compare(v, open.good, seal.good, digest, trust);
    if (v.ledger === "inconsistent" || !open.good || !seal.good)
        return null;
    v.ledger = "included";
    return seal.good.stamped;
};

// ---- times

const CODES = {untrusted: "token-untrusted", expired: "token-expired", invalid: "token-invalid"};

const judgeTime = async (v, shared, stamped, trust) => {
    const clip = v.statement, noBound = (id, code, text) => v.problem(code, null, "tokens/" + id, text);
    const named = [...shared.keys()].map(n => /^tokens\/([^/]+)\/token\.tsr$/.exec(n)).filter(Boolean).slice(0, MAX.tokens);
    let enclosed = false;
    const one = async ([name, id]) => {
        let token, chain, bytes;
        try {
            const beside = shared.get("tokens/" + id + "/chain.pem");
            bytes = await shared.get(name).all(MAX.token, name);
            chain = beside ? await beside.all(MAX.chain, name) : new Uint8Array(0);
            token = readToken(bytes);
        } catch (e) {
            noBound(id, "token-unreadable", refusal(e).text);
            return;
        }
        const fresh = clip.freshness.code !== "" && same(sha256(bytes), clip.freshness.token);
        const stamps = stamped !== null && same(token.imprint, stamped);
        enclosed = enclosed || fresh;
        if (!fresh && !stamps) {
            noBound(id, v.ledger === "included" ? "token-other" : "token-without-ledger", "stamps no checkpoint that this clip leads to");
            return;
        }
        try {
            await judgeToken(token, chain, trust ? trust.anchors : []);
        } catch (e) {
            const code = CODES[refusal(e).kind] || "token-unreadable";
            noBound(id, fresh && code === "token-untrusted" ? "freshness-untrusted" : code, e.text);
            return;
        }
        if (fresh && token.code !== clip.freshness.code)
            noBound(id, "freshness-mismatch", "the code that was burned in is not this token's");
        else if (fresh)
            v.notBeforeNs = token.time - token.accuracy;
        if (stamps && (v.notAfterNs === null || token.time + token.accuracy < v.notAfterNs))
            v.notAfterNs = token.time + token.accuracy;
    };
    for (const found of named)
        await one(found);
    if (!enclosed && clip.freshness.code !== "")
        v.problem("freshness-token", null, clip.freshness.code, "the token of this code is not enclosed: it bounds nothing");
};

const settleTime = v => {
    const before = v.notBeforeNs !== null, after = v.notAfterNs !== null;
    v.time = before && after ? "bounded" : after ? "not-after" : before ? "not-before" : "self-declared";
    v.notBefore = before ? Number(v.notBeforeNs / 1000000n) : null;
    v.notAfter = after ? Number(v.notAfterNs / 1000000n) : null;
    if (before && after && v.notBeforeNs > v.notAfterNs)
        v.problem("bounds-order", null, "time", "not before lies after not after: one of both is wrong");
};

// ---- the key

// Order of two times: nanoseconds of a bound, and milliseconds of a trust file, which may be endless.
const isBefore = (ns, ms) => ms === Infinity || (ms !== -Infinity && ns < BigInt(ms) * 1000000n);
const isAfter = (ns, ms) => ms === -Infinity || (ms !== Infinity && ns > BigInt(ms) * 1000000n);

// Without time from outside only the statement says when it was signed, and who holds a key can backdate: a revoked key is
// revoked, unless a time from outside lies before. Validity is held against that time, else against the statement's end.
const hold = (v, k, key) => {
    const outside = v.notAfterNs !== null, made = outside ? v.notAfterNs : BigInt(v.statement.ended.wall) * 1000000n;
    if (k.revoked < Infinity && !(outside && isBefore(v.notAfterNs, k.revoked))) {
        v.key = "revoked";
        v.problem("key-revoked", null, key, "revoked" + (k.revoked > -Infinity ? " since " + timeText(k.revoked) : "") +
                  "; no time from outside shows that the clip is older");
    } else if (k.station !== "" && k.station !== v.statement.station) {
        v.problem("key-station", null, key, "registered for station " + k.station + ", the statement says " + v.statement.station);
    } else if (isBefore(made, k.from) && k.from !== Infinity || isAfter(made, k.until) && k.until !== -Infinity) {
        v.key = "expired";
        v.problem("key-expired", null, key, k.from > -Infinity && isBefore(made, k.from) ? "valid from " + timeText(k.from)
                                                                                        : "valid until " + timeText(k.until));
    } else if (k.listed) {
        v.key = "trusted";
        v.registered = k;
    }
};

const CERT = "keys/cert.json";

const byCertificate = async (v, shared, trust, key) => {
    const cert = shared.get(CERT), signature = shared.get(CERT + ".minisig"), clip = v.statement;
    if (!cert)
        return;
    try {
        const bytes = await cert.all(MAX.cert, CERT);
        if (!signature) {
            v.problem("cert-invalid", null, CERT, "has no signature");
            return;
        }
        const raw = await signature.all(MAX.cert, CERT);
        for (const root of trust.roots) {
            const c = await openCert(bytes, raw, root.key);
            if (!c)
                continue;
            const fits = same(c.clipKey.id, v.signer.id) && same(c.clipKey.key, v.signer.key) && c.station === clip.station &&
                         same(c.ledgerKey.key, clip.ledgerKey);
            const k = fits ? trust.certified(root, c) : null;
            if (k)
                hold(v, k, key);
            else
                v.problem("cert-other", null, CERT, "certifies another key, station, ledger or merchant");
            return;
        }
        v.problem("cert-unknown", null, CERT, "signed by a root key that the caller has not registered");
    } catch (e) {
        v.problem("cert-invalid", null, CERT, refusal(e).text);
    }
};

const judgeKey = async (v, shared, trust) => {
    if (!trust)
        return;
    const key = keyText(v.signer.id, v.signer.key), k = trust.find(v.signer);
    if (k)
        hold(v, k, key);
    else if (trust.hasNumber(v.signer.id))
        v.problem("key-number", null, key, "a registered key has the same number, but is another key");
    if (v.key === "unknown" && trust.roots.length > 0 && shared)
        await byCertificate(v, shared, trust, key);
};

// files: of the clip's folder; shared: of the bundle, by name below data/, or null without a bundle; digest: of clip.json.
export const judgeOutside = async (v, files, shared, trust, digest) => {
    const stamped = await judgeLedger(v, files, digest, trust);
    if (shared)
        await judgeTime(v, shared, stamped, trust);
    settleTime(v);
    await judgeKey(v, shared, trust);
};
