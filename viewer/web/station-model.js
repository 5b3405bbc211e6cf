// SPDX-License-Identifier: GPL-3.0-or-later
// What the station screen knows, and which word it shows. No page in here: events in, one view out.

const SEALED_MS = 4000;   // so long "sealed" stands before "ready"
const PASSING_MS = 6000;  // a notice that no alarm of the status holds

// In this order; those before the bar are written so large that they are read from two metres.
const ORDER = ["refunded", "label-other", "refused", "disk-full", "fault", "label-not-seen", "camera-lost", "signer-away", "duplicate", "disk-low", "list-differs",
               "clock-unsynced", "scanner-lost", "picture-covered", "picture-dark", "picture-frozen", "picture-blurred", "camera-moved", "|",
               "nobody-signed-in", "unclassified", "short", "camera-reduced", "unsealed", "scale-lost", "carriers", "orders"];
const BAR = ORDER.indexOf("|");
const LARGE = 2;  // at most: more of them would be small again

const BY_NAME = /^(camera-|picture-|scanner-|scale-)/;

// One alarm of several cameras is several.
const keyOf = (what, detail) => BY_NAME.test(what) ? what + " " + detail.split(":")[0] : what;

export const newModel = () => ({lost: false, known: false, recorder: true, status: {cameras: [], codes: []}, alarms: new Map(), passing: new Map(),
                                sealedUntil: 0, said: null, weight: null, offset: 0});

const takeAlarms = (m, texts) => {
    m.alarms.clear();
    for (const text of texts || []) {
        const cut = text.indexOf(": "), what = cut < 0 ? text : text.slice(0, cut), detail = cut < 0 ? "" : text.slice(cut + 2);
        m.alarms.set(keyOf(what, detail), {what, detail});
    }
};

const pass = (m, what, detail, now) => m.passing.set(what, {what, detail, until: now + PASSING_MS});

const onScan = (m, d, now) => {
    m.said = {code: d.code, said: d.said, why: d.why || "", at: now};
    if (d.said === "refused") {
        pass(m, "refused", d.why || d.code, now);
        return;
    }
    for (const w of d.warnings || [])
        if (!["duplicate", "refunded", "list-differs"].includes(w))
            pass(m, w, d.code, now);
    if (d.said === "started" || d.said === "next")
        m.passing.delete("refused");
};

const onLabel = (m, d) => {
    m.status.label = d.verdict;
};

const onCamera = (m, d) => {
    const c = (m.status.cameras || []).find(k => k.name === d.name);
    if (c)
        Object.assign(c, {state: d.state, why: d.why || ""});
    else
        (m.status.cameras ||= []).push({name: d.name, state: d.state, why: d.why || ""});
};

// Changes m by one event. Gives true when lists of clips should be asked for again.
export const take = (m, name, d, now) => {
    if (d.at)
        m.offset = Date.parse(d.at) - now;
    switch (name) {
    case "status":
        m.known = true;
        m.recorder = true;
        m.status = d;
        takeAlarms(m, d.alarms);
        return true;
    case "state":
        // A clip that has begun has a label of its own.
        Object.assign(m.status, d);
        if (d.state === "recording")
            m.sealedUntil = 0;
        break;
    case "scan":
        onScan(m, d, now);
        break;
    case "alarm":
        if (d.on)
            m.alarms.set(keyOf(d.alarm, d.detail || ""), {what: d.alarm, detail: d.detail || ""});
        else
            m.alarms.delete(keyOf(d.alarm, d.detail || ""));
        break;
    case "label":
        onLabel(m, d);
        break;
    case "camera":
        onCamera(m, d);
        break;
    case "weight":
        m.weight = d.grams;
        break;
    case "sealed":
        m.sealedUntil = now + SEALED_MS;
        return true;
    case "no-recorder":
        m.known = true;
        m.recorder = false;
        break;
    case "recorder":
        m.recorder = true;
        break;
    default:
        break;
    }
    return false;
};

const alarmsOf = (m, now) => {
    const all = [...m.alarms.values()];
    for (const [what, p] of m.passing) {
        if (p.until < now)
            m.passing.delete(what);
        else if (!m.alarms.has(what))
            all.push(p);
    }
    const busy = m.status.state === "recording" || m.status.state === "sealing";
    if (busy && m.status.label === "other")
        all.push({what: "label-other", detail: ""});
    const rank = a => {
        const at = ORDER.indexOf(a.what);
        return at < 0 ? ORDER.length : at;
    };
    all.sort((a, b) => rank(a) - rank(b));
    return all.map((a, i) => ({...a, large: i < LARGE && rank(a) < BAR, worst: a.what === "refunded" || a.what === "fault" || a.what === "disk-full"}));
};

const stateOf = (m, alarms, now) => {
    if (m.lost)
        return "offline";
    if (!m.known)
        return "connecting";
    if (!m.recorder)
        return "no-recorder";
    const s = m.status;
    if (alarms.some(a => a.what === "refunded") && s.state !== "idle")
        return "refunded";
    if (s.state === "idle")
        return m.sealedUntil > now ? "sealed" : s.able ? "idle" : "unable";
    return ["recording", "sealing", "faulted"].includes(s.state) ? s.state : "unable";
};

// {state, recording, alarms, codes, …}: all that is drawn. recording: the red frame, also under another word.
export const view = (m, now) => {
    const alarms = m.lost || !m.known || !m.recorder ? [] : alarmsOf(m, now), state = stateOf(m, alarms, now), s = m.status;
    const there = !["offline", "connecting", "no-recorder"].includes(state), started = Date.parse(s.started);
    return {
        state, alarms, there, recording: there && s.state === "recording",
        codes: there && ["recording", "sealing", "refunded"].includes(state) ? s.codes || [] : [],
        seconds: there && s.state === "recording" && started ? Math.max(0, now + m.offset - started) : null,
        // A word of its own: "Ready" below a fault would be a lie.
        alarmsBelow: alarms.filter(a => !(state === "refunded" && a.what === "refunded")),
    };
};
