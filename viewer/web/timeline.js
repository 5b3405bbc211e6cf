// SPDX-License-Identifier: GPL-3.0-or-later
// The clip along its time: a lane for each film with its segments and gaps, one for what happened. A press goes there, a drag
// on the ruler chooses a range. Everything it shows stands in words below it as well.
import {el, place, span} from "./ui.js";
import {svg} from "./icons.js";
import {t, hasWord, valueOf} from "./words.js";

const RULER = 22, LANE = 18, GAP = 6, EVENTS = 44, LEFT = 2;

// Words of the time line that want attention; others are just what happened.
const CARE = /^(label-other|label-not-seen|picture-|camera-moved|duplicate|refunded|list-differs|foreign-command|unknown-command|scan-|scale-lost|short|nobody-signed-in|unclassified)/;
const QUIET = /^(originals|weight)/;

export const eventWord = what => {
    if (hasWord("event." + what))
        return t("event." + what);
    const base = what.replace(/-over$/, "");
    return base !== what && hasWord("event." + base) ? t("event." + base) + " " + t("over") : what;
};

export const eventClass = what => CARE.test(what) ? "care" : what.startsWith("label") ? "label" : what === "mark" ? "mark" : QUIET.test(what) ? "quiet" : "plain";

// Shapes beside colours: triangle for care, square for labels, flag for marks, disc for the rest.
const mark = (kind, x, y) => kind === "care" ? svg("path", {class: "m-care", d: `M${x} ${y - 7}l7 12h-14z`})
    : kind === "label" ? svg("rect", {class: "m-label", x: x - 5, y: y - 5, width: 10, height: 10})
    : kind === "mark" ? svg("path", {class: "m-mark", d: `M${x} ${y + 7}v-14l9 4-9 4`})
    : svg("circle", {class: "m-" + kind, cx: x, cy: y, r: kind === "quiet" ? 3 : 5});

const stepOf = (ms, width) => {
    const least = ms * 70 / width;
    return [1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000, 600000, 900000].find(s => s >= least) || 1800000;
};

// model: {end, tracks:[{file, camera, start_ms, parts:[{from, to, state}], gaps:[{from, to, reason}]}], events:[{ms, what, text}]}
export const makeTimeline = (model, {seek, range}) => {
    const box = el("div", {class: "timeline"}), height = RULER + EVENTS + model.tracks.length * (LANE + GAP) + 4;
    let width = 600, at = 0, chosen = null, head = null, shade = null;

    const x = ms => LEFT + (width - 2 * LEFT) * Math.min(1, Math.max(0, ms / model.end));
    const msAt = px => Math.round(Math.min(1, Math.max(0, (px - LEFT) / (width - 2 * LEFT))) * model.end);

    const lanes = () => model.tracks.flatMap((track, n) => {
        const y = RULER + n * (LANE + GAP);
        return [svg("rect", {class: "lane", x: x(0), y, width: x(model.end) - x(0), height: LANE, rx: 3}),
                ...track.parts.map(p => svg("rect", {class: "p-" + p.state, x: x(p.from), y, width: Math.max(1, x(p.to) - x(p.from) - .75), height: LANE})),
                ...track.gaps.map(g => svg("rect", {class: "p-gap", x: x(g.from) - 1, y: y - 2, width: Math.max(4, x(g.to) - x(g.from) + 2), height: LANE + 4},
                                           svg("title", {}, t("gapSaid", place(g.from), ((g.to - g.from) / 1000).toFixed(1), valueOf("reason", g.reason))))),
                svg("text", {class: "name", x: x(0) + 6, y: y + LANE - 5}, track.camera)];
    });

    const ruler = () => {
        const out = [], step = stepOf(model.end, width);
        for (let ms = 0; ms <= model.end; ms += step)
            out.push(svg("path", {class: "tick", d: `M${x(ms)} ${RULER - 6}v6`}),
                     svg("text", {class: "tick", x: x(ms) + (ms ? 0 : 1), y: RULER - 9, "text-anchor": ms ? x(ms) > width - 20 ? "end" : "middle" : "start"}, span(ms)));
        return out;
    };

    const happened = () => {
        const y = RULER + model.tracks.length * (LANE + GAP) + 10, out = [];
        let free = -1;
        for (const e of model.events) {
            const kind = eventClass(e.what), px = x(e.ms), word = eventWord(e.what);
            const g = svg("g", {class: "event"}, mark(kind, Math.min(Math.max(px, 8), width - 10), y), svg("title", {}, place(e.ms) + " " + word + " " + e.text));
            // A word where it has room: 13 px for a Chinese character, 7 for others.
            const long = [...word].reduce((n, c) => n + (c.charCodeAt(0) > 255 ? 13 : 7), 0);
            if (kind !== "quiet" && px > free && px + long < width) {
                g.append(svg("text", {class: "what", x: Math.max(2, px - 5), y: y + 24}, word));
                free = px + long + 8;
            }
            out.push(g);
        }
        return out;
    };

    const picture = () => {
        shade = svg("rect", {class: "range", y: 0, height, x: 0, width: 0});
        head = svg("path", {class: "head", d: `M0 0v${height}`});
        const root = svg("svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": t("timeline")},
                         svg("defs", {}, svg("pattern", {id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"},
                                             svg("path", {d: "M0 0v6", class: "hatch"}))),
                         svg("rect", {class: "ruler", x: 0, y: 0, width, height: RULER}), ...ruler(), ...lanes(), ...happened(), shade, head);
        box.replaceChildren(root);
        place_();
    };

    const place_ = () => {
        head?.setAttribute("transform", `translate(${x(at)} 0)`);
        if (shade && chosen) {
            shade.setAttribute("x", x(chosen[0]));
            shade.setAttribute("width", Math.max(2, x(chosen[1]) - x(chosen[0])));
        }
        shade?.toggleAttribute("hidden", !chosen);
        if (shade)
            shade.style.display = chosen ? "" : "none";
    };

    let from = null, choosing = false;
    box.addEventListener("pointerdown", event => {
        const r = box.getBoundingClientRect();
        from = msAt(event.clientX - r.left);
        choosing = event.clientY - r.top < RULER || event.shiftKey;
        box.setPointerCapture(event.pointerId);
        if (!choosing)
            seek(from);
    });
    box.addEventListener("pointermove", event => {
        if (from === null)
            return;
        const to = msAt(event.clientX - box.getBoundingClientRect().left);
        if (!choosing)
            seek(to);
        else if (Math.abs(to - from) > model.end / 200)
            range([Math.min(from, to), Math.max(from, to)]);
    });
    const over = () => {
        from = null;
    };
    box.addEventListener("pointerup", over);
    box.addEventListener("pointercancel", over);

    new ResizeObserver(entries => {
        const w = Math.floor(entries[0].contentRect.width);
        if (w > 0 && w !== width) {
            width = w;
            picture();
        }
    }).observe(box);

    return {
        node: box, redraw: picture,
        move: ms => {
            at = ms;
            place_();
        },
        choose: pair => {
            chosen = pair;
            place_();
        },
    };
};
