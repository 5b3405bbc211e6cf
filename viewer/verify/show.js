// SPDX-License-Identifier: GPL-3.0-or-later
// One verdict as a person reads it. Everything a stranger wrote goes in as text, never as markup.
import {hex} from "./bytes.js";
import {verifiedCopy} from "./film.js";
import {leafTime} from "./leaf.js";
import {TICKS} from "./limits.js";
import {keyText} from "./minisign.js";
import {mediaTime, timeText} from "./time.js";
import {ANSWERS, CODES, isChinese, pickWord, STATES, valueWord, word} from "./words.js";

const el = (name, attributes = {}, ...children) => {
    const e = document.createElement(name);
    for (const [key, value] of Object.entries(attributes))
        e.setAttribute(key, value);
    e.append(...children.filter(c => c !== null));
    return e;
};

// ---- the four answers

const GOOD = {content: ["intact", "excerpt"], key: ["trusted"], time: ["bounded", "not-after", "not-before", "self-declared"],
              ledger: ["included", "absent"]};

const answer = (question, value, detail) => {
    const [zh, en, whyZh, whyEn] = ANSWERS[question][value], pair = isChinese() ? [zh, whyZh] : [en, whyEn];
    return el("div", {class: GOOD[question].includes(value) ? "" : "attention", "data-question": question, "data-answer": value},
              el("dt", {}, word(question)), el("dd", {}, el("div", {class: "answer"}, pair[0]), el("div", {class: "why"}, pair[1]),
              ...(detail || []).map(line => el("div", {class: "detail"}, line))));
};

const stamp = t => timeText(t).replace("T", " ").replace("Z", " UTC");

const timeDetail = v => {
    const said = [];
    if (v.notBefore !== null)
        said.push(word("notBefore") + " " + stamp(v.notBefore));
    if (v.notAfter !== null)
        said.push(word("notAfter") + " " + stamp(v.notAfter));
    if (v.statement)
        said.push(word("ownClock") + ": " + stamp(v.statement.started.wall) + " – " + stamp(v.statement.ended.wall));
    return said;
};

const keyDetail = v => {
    const k = v.registered;
    return v.signer ? [keyText(v.signer.id, v.signer.key), k && [k.merchant, k.station].filter(Boolean).join(" ")].filter(Boolean) : [];
};

const four = v => el("dl", {class: "four"}, answer("content", v.content, v.bundle ? [] : [pickWord(ANSWERS.container[v.container])]),
                     v.bundle ? null : answer("key", v.key, keyDetail(v)), v.bundle ? null : answer("time", v.time, timeDetail(v)),
                     v.bundle ? null : answer("ledger", v.ledger, v.witnesses.map(w =>
                         word("cosigned") + " " + w.name + " " + (w.time === null ? word("noTime") : stamp(Number(w.time) * 1000)))));

const problems = v => {
    if (v.problems.length === 0)
        return el("p", {}, word("nothing"));
    const list = v.problems.map(p => el("li", {}, el("span", {class: "where"}, p.where), " — ", pickWord(CODES[p.code] || [p.code, p.code]), " ",
                                        el("code", {}, isChinese() ? p.code : p.code + ": " + p.text)));
    if (v.more > 0)
        list.push(el("li", {}, v.more + " " + word("more")));
    return el("ul", {class: "found"}, ...list);
};

// ---- what the statement says, and who says so

const moment = t => stamp(t.wall) + " (" + valueWord(t.clock) + ")";

const codeText = c => c.value + " (" + [valueWord(c.type), c.carrier, valueWord(c.entry)].filter(Boolean).join(", ") + ")";

// The code, and where in the picture to read it.
const freshness = c => c.freshness.code === "" ? word("none") : c.freshness.code + " — " + word("compareBanner") + ": " +
    c.tracks.map(({file, banner: b}) => file.name + " (" + [b.x, b.y].join(", ") + ", " + b.w + "×" + b.h + ")").join("; ");

const facts = v => {
    const c = v.statement, row = (name, value, observed) =>
        el("tr", {}, el("th", {scope: "row"}, word(name)), el("td", {}, value), el("td", {}, word(observed ? "observed" : "stated")));
    return el("div", {}, el("h3", {}, word("facts")), v.signer ? null : el("p", {class: "warning"}, word("unsignedFacts")),
        el("div", {class: "scroll"}, el("table", {class: "facts"},
            el("thead", {}, el("tr", {}, ...["fact", "value", "who"].map(k => el("th", {scope: "col"}, word(k))))),
            el("tbody", {},
               row("clip", String(c.number), true), row("take", String(c.take), true), row("opened", stamp(leafTime(c.leaf)), true),
               row("signer", keyText(c.key.id, c.key.key), true), row("signerProgram", hex(c.software.signer), true),
               row("codes", c.codes.map(codeText).join("; ") || word("none"), false),
               row("station", c.station + (c.stationName ? " " + c.stationName : ""), false),
               row("operator", c.operator || word("noOperator"), false), row("kind", valueWord(c.kind), false),
               row("started", moment(c.started), false), row("ended", moment(c.ended) + ", " + valueWord(c.endReason), false),
               row("label", valueWord(c.label), false), row("freshness", freshness(c), false),
               row("software", c.software.name, false)))));
};

// ---- films

const inRanges = (ranges, seq) => ranges.some(r => seq >= r.first && seq <= r.last);

const stateOf = (film, seq) => {
    const t = film.track;
    if (film.states[seq])
        return film.states[seq];
    if (inRanges(t.lost, seq))
        return "lost";
    if (film.run && (seq < film.run.first || seq > film.run.last))
        return "left";
    if (!film.inFilm)
        return "unknown";
    return seq < t.preroll ? "preroll" : inRanges(t.unwitnessed, seq) ? "unwitnessed" : "agrees";
};

const strip = film => {
    const counts = {}, bar = el("div", {class: "strip", role: "img"});
    film.track.records.forEach((r, seq) => {
        const state = stateOf(film, seq), part = el("span", {class: "s-" + state, title: seq + "  " + mediaTime(r.start) + "  " + pickWord(STATES[state])});
        part.style.flexGrow = String(r.duration);
        part.style.flexBasis = "0";
        counts[state] = (counts[state] || 0) + 1;
        bar.append(part);
    });
    const legend = Object.entries(counts).map(([state, n]) => [state, pickWord(STATES[state]) + " " + n]);
    bar.setAttribute("aria-label", word("segments") + ": " + legend.map(([, text]) => text).join(", "));
    return [bar, el("ul", {class: "legend", "aria-hidden": "true"}, ...legend.map(([state, text]) => el("li", {}, el("i", {class: "s-" + state}), text)))];
};

const player = film => {
    if (!film.playable)
        return el("p", {class: "hint"}, word("noPlay"));
    const button = el("button", {type: "button", class: "quiet"}, word("play") + ": " + film.name), box = el("div", {}, button);
    button.addEventListener("click", async () => {
        button.disabled = true;
        button.textContent = word("preparing") + " …";
        let blob = null;
        try {
            blob = await verifiedCopy(film);
        } catch {
            // It can no longer be read: said below.
        }
        if (!blob) {
            box.replaceChildren(el("p", {class: "warning"}, word("changed")));
            return;
        }
        const video = el("video", {controls: "", playsinline: "", "aria-label": film.name});
        video.src = URL.createObjectURL(blob);
        box.replaceChildren(video);
        video.focus();
    });
    return box;
};

const COUNTS = ["captured", "encoded", "dropped", "damaged", "repeated"];

const films = v => el("div", {}, el("h3", {}, word("tracks")),
    el("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": word("tracks")}, el("table", {class: "counts"},
        el("thead", {}, el("tr", {}, ...["camera", "file", "segments", ...COUNTS, "gaps"].map(k =>
            el("th", {scope: "col", class: k === "segments" || COUNTS.includes(k) ? "number" : ""}, word(k))))),
        el("tbody", {}, ...v.films.map(({track: t}) => el("tr", {},
            el("td", {}, [t.camera, t.model, t.width + "×" + t.height].filter(Boolean).join(" · ")), el("td", {}, t.file.name),
            el("td", {class: "number"}, String(t.records.length)), ...COUNTS.map(k => el("td", {class: "number"}, String(t.counts[k]))),
            el("td", {}, t.gaps.map(g => mediaTime(g.start) + " +" + (g.duration / TICKS).toFixed(1) + " " + word("seconds") + " " +
                                         valueWord(g.reason)).join("; ") || word("none"))))))),
    el("p", {class: "hint"}, word("stated") + ": " + [...COUNTS, "gaps"].map(word).join(isChinese() ? "、" : ", ")),
    ...v.films.flatMap(f => [el("h3", {}, f.name), ...strip(f), player(f)]));

const SHOWN = 24;

const stills = v => {
    if (v.stills.length === 0)
        return null;
    const list = v.stills.slice(0, SHOWN).map(({original, blob}) => {
        const caption = [original.file.name, mediaTime(original.ticks), valueWord(original.why)].join(" · ");
        const img = el("img", {alt: caption, loading: "lazy"});
        img.src = URL.createObjectURL(blob);
        return el("li", {}, el("figure", {}, img, el("figcaption", {}, caption)));
    });
    return el("div", {}, el("h3", {}, word("stills")), el("ul", {class: "stills"}, ...list),
              v.stills.length > SHOWN ? el("p", {class: "hint"}, (v.stills.length - SHOWN) + " " + word("moreStills")) : null);
};

export const showClip = v => el("section", {class: "clip", "data-content": v.content},
    el("h2", {}, v.bundle ? word("bundle") : v.clip || v.path, el("small", {}, v.path)), four(v), el("h3", {}, word("found")), problems(v),
    v.statement ? facts(v) : null, v.statement ? films(v) : null, stills(v));
