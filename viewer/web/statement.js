// SPDX-License-Identifier: GPL-3.0-or-later
// A clip's signed statement in plain words, each with who says it (docs/FORMAT.md, section 5). Nothing is judged here.
import {bytesText, codeNode, el, place, timeText} from "./ui.js";
import {isChinese, t, valueOf} from "./words.js";

const TICKS_MS = 90;

// The numbers of a record that stands as 132 bytes in hex: start, duration and frames (section 3).
const record = hex => ({from: Number(BigInt("0x" + hex.slice(16, 32))) / TICKS_MS, ms: Number(BigInt("0x" + hex.slice(32, 48))) / TICKS_MS,
                        frames: parseInt(hex.slice(48, 56), 16)});

const within = (ranges, n) => (ranges || []).some(([first, last]) => n >= first && n <= last);

// Of each film: where it lies in the clip, its segments and gaps, in milliseconds of the clip. A film without segments is none.
export const filmsOf = c => {
    const all = (c.tracks || []).filter(k => k.segments.length), first = Math.min(...all.map(k => k.first.boot_ms));
    return all.map(k => {
        const start = k.first.boot_ms - first, records = k.segments.map(record), last = records[records.length - 1];
        const ms = last.from + last.ms, frames = records.reduce((n, r) => n + r.frames, 0);
        return {file: k.file.name, camera: k.camera, start_ms: start, ms, fps: ms > 0 ? frames * 1000 / ms : 25, width: k.width, height: k.height,
                parts: records.map((r, n) => ({from: start + r.from, to: start + r.from + r.ms,
                                               state: within(k.lost, n) ? "lost" : within(k.unwitnessed, n) ? "unwitnessed" : "agrees"})),
                gaps: (k.gaps || []).map(g => ({from: start + g.start / TICKS_MS, to: start + (g.start + g.duration) / TICKS_MS, reason: g.reason}))};
    });
};

// What happened, in the same time: the statement counts from its start, a film from its first picture. The codes that opened
// the clip are scans too.
export const eventsOf = c => {
    const films = (c.tracks || []).filter(k => k.segments.length), first = Math.min(...films.map(k => k.first.boot_ms)), shift = films.length ? c.started.boot_ms - first : 0;
    return [...c.codes.filter(k => k.opening).map(k => ({ms: Math.max(0, shift), what: "scan", text: k.value})),
            ...c.events.map(e => ({...e, ms: Math.max(0, e.ms + shift)}))].sort((a, b) => a.ms - b.ms);
};

const clock = at => t({synced: "clockSynced", unsynced: "clockUnsynced"}[at.clock] || "clockUnknown");
const moment = at => timeText(at.wall) + " (" + at.wall + ", " + clock(at) + ")";

const codeSaid = c => el("div", {}, codeNode(c.value), " ", el("span", {class: "soft"}, [valueOf("code", c.type), c.carrier, valueOf("entry", c.entry), c.device].filter(Boolean).join(" · ")));

const late = k => (k.unwitnessed || []).reduce((n, [first, last]) => n + last - first + 1, 0);

// clip: the whole answer of GET /clips/{clip}.
export const statementNode = clip => {
    const c = clip.statement, rows = [], row = (who, name, ...value) => rows.push(el("tr", {}, el("th", {scope: "row"}, name), el("td", {}, ...value),
        el("td", {class: "says " + who}, t({s: "observed", r: "stated", m: "merchant"}[who]))));
    row("s", t("fact.clip"), clip.clip);
    row("s", t("fact.take"), String(c.take));
    row("r", t("fact.codes"), ...c.codes.map(codeSaid));
    if ((clip.links || []).length)
        row("m", t("fact.links"), ...clip.links.map(l => el("div", {}, codeNode(l))));
    row("r", t("fact.station"), c.station.id + " " + c.station.name);
    row("r", t("fact.operator"), c.operator || t("nobody"));
    row("r", t("fact.kind"), valueOf("kind", c.kind));
    row("r", t("fact.started"), moment(c.started));
    row("r", t("fact.ended"), moment(c.ended));
    row("r", t("fact.reason"), valueOf("reason", c.end_reason));
    row("r", t("fact.label"), valueOf("label", c.label));
    row("r", t("fact.freshness"), c.freshness.code ? el("span", {class: "code"}, c.freshness.code) : t("none"));
    for (const k of c.tracks) {
        const name = k.file.name;
        row("r", t("fact.track", name), [k.camera, k.model, k.serial, k.source_format].filter(Boolean).join(" · ") + " → " + k.codec + " " + k.width + "×" + k.height + ", " + bytesText(k.file.size));
        row("s", t("fact.segments", name), t("segmentsSeen", k.segments.length, k.segments.length - late(k)));
        const n = k.counts;
        row("r", t("fact.frames", name), t("framesSaid", n.captured, n.encoded, n.dropped, n.damaged, n.repeated));
        if (k.gaps.length)
            row("r", t("fact.gaps", name), ...k.gaps.map(g => el("div", {}, t("gapSaid", place(g.start / TICKS_MS), (g.duration / TICKS_MS / 1000).toFixed(1), valueOf("reason", g.reason)))));
    }
    row("r", t("fact.originals"), String(c.originals.length));
    row("r", t("fact.key"), el("span", {class: "code"}, c.key));
    row("r", t("fact.software"), c.software.name);
    return el("table", {class: "stacked facts", lang: isChinese() ? "zh-CN" : "en"}, el("thead", {}, el("tr", {}, el("th", {scope: "col"}, t("item")),
        el("th", {scope: "col"}, t("value")), el("th", {scope: "col"}, t("who")))), el("tbody", {}, ...rows));
};
