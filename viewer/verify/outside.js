// SPDX-License-Identifier: GPL-3.0-or-later
// What does not come from the statement itself: the ledger's proofs, times from outside, and whether the signing key is
// believed. In this order, for a bound counts only by the ledger, and a key's validity by the bound.
import {same} from "./bytes.js";
import {openCert, readRevocation, signedBy} from "./cert.js";
import {SEAL} from "./leaf.js";
import {MAX} from "./limits.js";
import {keyText} from "./minisign.js";
import {cosignedBy, stampedBytes} from "./note.js";
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

const readProof = async (v, files, name, trust) => {
    const source = files.get(name);
    if (!source)
        return {there: false, good: null};
    try {
        const good = await checkProof(await source.all(MAX.proof, name), v.statement.ledgerKey);
        good.witnesses = await cosignedBy(good.proof.note, trust ? trust.witnesses : []);
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
    const open = await readProof(v, files, OPEN, trust), seal = await readProof(v, files, SEALED, trust);
    if (open.there !== seal.there)
        contradiction(v, "proof-missing", open.there ? SEALED : OPEN, "only one of the two proofs is here");
    else if (open.good && seal.good)
        compare(v, open.good, seal.good, digest, trust);
    if (v.ledger === "inconsistent" || !open.good || !seal.good)
        return null;
    v.ledger = "included";
    v.witnesses = seal.good.witnesses;
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

const SECOND = 1000000000n;

const settleTime = v => {
    // A second that a witness tells began before it cosigned: it may have been its last moment.
    for (const {time} of v.witnesses)
        if (time !== null && (v.notAfterNs === null || (time + 1n) * SECOND < v.notAfterNs))
            v.notAfterNs = (time + 1n) * SECOND;
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
const made = v => v.notAfterNs !== null ? v.notAfterNs : BigInt(v.statement.ended.wall) * 1000000n;

const hold = (v, k, key) => {
    const outside = v.notAfterNs !== null, time = made(v);
    if (k.revoked < Infinity && !(outside && isBefore(v.notAfterNs, k.revoked))) {
        v.key = "revoked";
        v.problem("key-revoked", null, key, "revoked" + (k.revoked > -Infinity ? " since " + timeText(k.revoked) : "") +
                  "; no time from outside shows that the clip is older");
    } else if (k.station !== "" && k.station !== v.statement.station) {
        v.problem("key-station", null, key, "registered for station " + k.station + ", the statement says " + v.statement.station);
    } else if (isBefore(time, k.from) && k.from !== Infinity || isAfter(time, k.until) && k.until !== -Infinity) {
        v.key = "expired";
        v.problem("key-expired", null, key, k.from > -Infinity && isBefore(time, k.from) ? "valid from " + timeText(k.from)
                                                                                        : "valid until " + timeText(k.until));
    } else if (k.listed) {
        v.key = "trusted";
        v.registered = k;
    }
};

const CERT = "keys/cert.json";

// Names of the bundle's keys/BEGIN….json, as many as are looked at.
const keyFiles = (shared, begin) => [...shared.keys()].filter(n => n.startsWith("keys/" + begin) && n.endsWith(".json") && !n.slice(5).includes("/")).slice(0, MAX.keyFiles);

const loadPair = async (shared, name) => {
    const beside = shared.get(name + ".minisig");
    return {bytes: await shared.get(name).all(MAX.cert, name), raw: beside ? await beside.all(MAX.cert, name) : null};
};

// Revocations of the clip's key that a trusted root has signed. Those of other keys are none of this clip's business; what
// does not count is told.
const readRevocations = async (v, shared, trust) => {
    const out = [];
    for (const name of shared ? keyFiles(shared, "revocation-") : []) {
        const tell = (code, text) => v.problem(code, null, name, text + ": it is ignored");
        try {
            const {bytes, raw} = await loadPair(shared, name), r = readRevocation(bytes);
            if (!same(r.clipKey.id, v.signer.id) || !same(r.clipKey.key, v.signer.key))
                continue;
            if (raw === null) {
                tell("revocation-invalid", "nobody signed it");
                continue;
            }
            let root = null;
            for (const one of trust.roots)
                if (root === null && await signedBy(bytes, raw, one.key))
                    root = one;
            if (root === null)
                tell("revocation-unknown", "signed by a root key that the caller has not registered");
            else if (root.merchant !== "" && root.merchant !== r.merchant)
                tell("revocation-other", "in another merchant's name than the root's");
            else
                out.push({...r, name});
        } catch (e) {
            tell("revocation-invalid", refusal(e).text);
        }
    }
    return out;
};

// A root revokes what it might have certified: keys of its merchant, and those of which no merchant is known.
const lowered = (v, revocations, k) => {
    let revoked = k.revoked;
    for (const r of revocations)
        if (k.merchant !== "" && k.merchant !== r.merchant)
            v.problem("revocation-other", null, r.name, "in another merchant's name than the key's: it is ignored");
        else
            revoked = Math.min(revoked, r.since);
    return {...k, revoked};
};

// What a certificate says of the clip's key: {key} as a clip line would, or {code, text}.
const judgeCert = async (v, shared, trust, name) => {
    try {
        const {bytes, raw} = await loadPair(shared, name), clip = v.statement;
        if (raw === null)
            return {code: "cert-invalid", text: "has no signature"};
        for (const root of trust.roots) {
            const c = await openCert(bytes, raw, root.key);
            if (!c)
                continue;
            const fits = same(c.clipKey.id, v.signer.id) && same(c.clipKey.key, v.signer.key) && c.station === clip.station &&
                         same(c.ledgerKey.key, clip.ledgerKey);
            const key = fits ? trust.certified(root, c) : null;
            return key ? {key} : {code: "cert-other", text: "certifies another key, station, ledger or merchant"};
        }
        return {code: "cert-unknown", text: "signed by a root key that the caller has not registered"};
    } catch (e) {
        return {code: "cert-invalid", text: refusal(e).text};
    }
};

// cert.json, and what a bundle of clips under several keys brings besides. Of those that speak for the key the first that covers
// the clip's time counts, else the first; of problems the first that is more than a certificate for another key.
const byCertificates = async (v, shared, trust, revocations, key) => {
    const answers = [], names = [...(shared.has(CERT) ? [CERT] : []), ...keyFiles(shared, "cert-")];
    for (const name of names)
        answers.push({name, ...await judgeCert(v, shared, trust, name)});
    const good = answers.filter(a => a.key), bad = answers.filter(a => a.code), time = made(v);
    if (good.length > 0)
        hold(v, lowered(v, revocations, (good.find(a => !isBefore(time, a.key.from) && !isAfter(time, a.key.until)) || good[0]).key), key);
    else if (bad.length > 0) {
        const told = bad.find(a => a.code !== "cert-other") || bad[0];
        v.problem(told.code, null, told.name, told.text);
    }
};

const judgeKey = async (v, shared, trust) => {
    if (!trust)
        return;
    const key = keyText(v.signer.id, v.signer.key), k = trust.find(v.signer), revocations = await readRevocations(v, shared, trust);
    if (k)
        hold(v, lowered(v, revocations, k), key);
    else if (trust.hasNumber(v.signer.id))
        v.problem("key-number", null, key, "a registered key has the same number, but is another key");
    if (v.key === "unknown" && trust.roots.length > 0 && shared)
        await byCertificates(v, shared, trust, revocations, key);
    // As a `revoked` line does: it makes no key known, but an unknown one is no better for it.
    if (v.key === "unknown" && !k && revocations.length > 0)
        hold(v, lowered(v, revocations, {listed: false, station: "", merchant: "", from: -Infinity, until: Infinity, revoked: Infinity}), key);
};

// files: of the clip's folder; shared: of the bundle, by name below data/, or null without a bundle; digest: of clip.json.
export const judgeOutside = async (v, files, shared, trust, digest) => {
    const stamped = await judgeLedger(v, files, digest, trust);
    if (shared)
        await judgeTime(v, shared, stamped, trust);
    settleTime(v);
    await judgeKey(v, shared, trust);
};
