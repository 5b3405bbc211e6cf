// SPDX-License-Identifier: GPL-3.0-or-later
// One clip: its films in step, what happened when, what the statement says, what the checker finds now, and what people added.
import {api, badges, button, byId, clipApi, clipLink, codeNode, el, errorBox, errorText, get, loadingBox, may, place, span, startPage, timeNode, timeText, toast} from "./ui.js";
import {icon} from "./icons.js";
import {makePlayer, SPEEDS} from "./player.js";
import {makeTimeline, eventClass, eventWord} from "./timeline.js";
import {openExport} from "./export.js";
import {showVerdict} from "./verdict.js";
import {eventsOf, filmsOf, statementNode} from "./statement.js";
import {onLanguage, t, valueOf} from "./words.js";

const name = decodeURIComponent(location.pathname.split("/")[2] || "");
const fileUrl = (clip, file) => "/api/v1" + clipApi(clip, "/files/" + encodeURIComponent(file));

let clip = null, player = null, line = null, chosen = null, redraws = [];

const card = (id, word, ...children) => el("section", {class: "card", id, "aria-labelledby": id + "-title"}, el("h2", {id: id + "-title", "data-word": word}, t(word)), ...children);

// What is drawn again when the language changes, and only that: the films go on.
const drawn = make => {
    const host = el("div");
    const draw = () => host.replaceChildren(...[make()].flat().filter(Boolean));
    redraws.push(draw);
    draw();
    return host;
};

// ---- heading

const heading = () => drawn(() => [
    el("p", {class: "crumb"}, el("a", {href: "/"}, icon("back"), " " + t("backToSearch"))),
    el("h1", {class: "codes"}, ...((clip.codes || []).length ? clip.codes.slice(0, 4).map(c => codeNode(c)) : [el("span", {}, clip.clip)])),
    el("div", {class: "row facts-line"}, el("span", {class: "badge kind-" + clip.kind}, clip.kind === "return" ? icon("returned") : null, valueOf("kind", clip.kind)),
       el("span", {}, clip.clip), timeNode(clip.started), el("span", {}, span(clip.ms)), clip.operator ? el("span", {}, t("operator") + " " + clip.operator) : null,
       clip.take > 1 ? el("span", {class: "badge"}, t("take", clip.take)) : null, ...badges({...clip, tags: []}),
       may("clerk") ? el("span", {class: "end"}, button("exportTitle", "export", () => openExport([clip, ...others()], chosen), {id: "export-open"})) : null)]);

const others = () => {
    const seen = new Set([clip.clip]);
    return [...clip.takes, ...clip.related].filter(r => !seen.has(r.clip) && seen.add(r.clip));
};

// ---- films and time line

const chooseRange = pair => {
    chosen = pair && pair[1] - pair[0] >= 100 ? pair : null;
    line?.choose(chosen);
    byId("range-said").textContent = chosen ? place(chosen[0]) + " – " + place(chosen[1]) : t("wholeClip");
    byId("range-clear").disabled = !chosen;
};

const setEnd = which => {
    const at = player.now(), [from, to] = chosen || [0, player.end];
    chooseRange(which === "from" ? [at, Math.max(at, to)] : [Math.min(from, at), at]);
};

const setSpeed = s => {
    player.setSpeed(s);
    byId("speed").value = String(s);
};

const onMoved = ms => {
    line?.move(ms);
    const slider = byId("slider"), playing = player?.playing();
    if (!slider || !player)
        return;
    slider.value = String(Math.round(ms));
    slider.setAttribute("aria-valuetext", place(ms));
    byId("clock").textContent = player.label();
    const press = byId("play");
    if (press.dataset.playing !== String(playing)) {
        press.dataset.playing = String(playing);
        press.setAttribute("aria-label", t(playing ? "pause" : "play"));
        press.replaceChildren(icon(playing ? "pause" : "play"));
    }
};

const control = (id, iconName, word, press) => el("button", {type: "button", id, class: "quiet", onclick: press, "data-label": word, "data-title": word, "aria-label": t(word), title: t(word)}, icon(iconName));

const controls = () => el("div", {class: "controls"},
    el("button", {type: "button", id: "play", "aria-label": t("play"), onclick: () => player.toggle()}, icon("play")),
    control("frame-back", "frameBack", "frameBack", () => player.step(-1)), control("frame-on", "frameOn", "frameOn", () => player.step(1)),
    el("output", {id: "clock", class: "code"}, player.label()),
    el("label", {class: "speed"}, el("span", {"data-word": "speed"}, t("speed")), el("select", {id: "speed", onchange: e => player.setSpeed(Number(e.target.value))},
        ...SPEEDS.map(s => el("option", {value: String(s), selected: s === 1}, s + "×")))),
    el("span", {class: "row ranges"}, el("span", {}, el("span", {"data-word": "range"}, t("range")), " ", el("output", {id: "range-said", class: "code"}, t("wholeClip"))),
       button("setFrom", null, () => setEnd("from"), {class: "quiet small", id: "range-from"}), button("setTo", null, () => setEnd("to"), {class: "quiet small", id: "range-to"}),
       button("clearRange", null, () => chooseRange(null), {class: "quiet small", id: "range-clear", disabled: true})),
    el("button", {type: "button", class: "quiet", "data-label": "full", "aria-label": t("full"), "data-title": "full", title: t("full"), onclick: () =>
        document.fullscreenElement ? document.exitFullscreen() : player.node.requestFullscreen?.().catch(() => {})}, icon("full")));

const eventList = events => drawn(() => el("details", {class: "events"}, el("summary", {}, t("showEvents") + " (" + events.length + ")"),
    el("ol", {}, ...events.map(e => el("li", {}, el("button", {type: "button", class: "quiet small code", onclick: () => player.seek(e.ms)}, place(e.ms)), " ",
        el("span", {class: "e-" + eventClass(e.what)}, eventWord(e.what)), " ", el("span", {class: "code"}, e.text))))));

// Of a clip that retention removed, the statement may be gone too: what is left is its row, and what the ledger says.
const removedCard = () => el("div", {class: "notice"}, icon("warn"), el("p", {"data-word": "removed"}, t("removed")));

const filmCard = () => {
    const films = filmsOf(clip.statement);
    if (!films.length)
        return card("film", "film", el("div", {class: "empty"}, icon("cameraOff"), el("strong", {"data-word": "noFilm"}, t("noFilm"))));
    const events = eventsOf(clip.statement);
    player = makePlayer(films.map(f => ({...f, src: fileUrl(clip.clip, f.file)})), {moved: onMoved, failed: f => toast(t("filmFailed") + ": " + f.file, true)});
    line = makeTimeline({end: player.end, tracks: films, events}, {seek: player.seek, range: chooseRange});
    redraws.push(() => line.redraw());
    const slider = el("input", {type: "range", id: "slider", min: "0", max: String(Math.ceil(player.end)), step: "100", value: "0", "data-label": "position", "aria-label": t("position"),
                                oninput: e => player.seek(Number(e.target.value))});
    return el("section", {class: "card", id: "film", "data-label": "film", "aria-label": t("film")}, player.node, slider, controls(), line.node,
        drawn(() => legend(films)), el("p", {class: "hint keys", "data-word": "playerKeys"}, t("playerKeys")), eventList(events));
};

const legend = films => {
    const states = new Set(films.flatMap(f => f.parts.map(p => p.state)));
    return el("ul", {class: "legend"}, ...[["agrees", "legendAgrees"], ["unwitnessed", "legendLate"], ["lost", "legendLost"]].filter(([s]) => states.has(s)).map(([s, word]) =>
        el("li", {}, el("i", {class: "k-" + s}), t(word))), films.some(f => f.gaps.length) ? el("li", {}, el("i", {class: "k-gap"}), t("legendGap")) : null);
};

const keys = event => {
    if (!player || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.id !== "slider" || document.querySelector("dialog[open]"))
        return;
    const press = {" ": () => player.toggle(), ArrowLeft: () => player.seek(player.now() - 5000), ArrowRight: () => player.seek(player.now() + 5000), ",": () => player.step(-1),
                   ".": () => player.step(1), "[": () => setSpeed(player.faster(-1)), "]": () => setSpeed(player.faster(1)), i: () => setEnd("from"), o: () => setEnd("to")}[event.key];
    // Space on a button presses that button.
    if (!press || event.key === " " && /^(BUTTON|A|SUMMARY)$/.test(event.target.tagName))
        return;
    event.preventDefault();
    press();
};

// ---- other clips

const small = row => el("li", {}, el("a", {href: clipLink(row.clip), "aria-current": row.clip === clip.clip ? "page" : null},
    el("img", {src: "/api/v1" + clipApi(row.clip, "/thumb.jpg"), alt: "", loading: "lazy", onerror: e => e.target.replaceWith(icon("camera"))}),
    el("span", {}, el("b", {}, timeText(row.started)), el("span", {}, row.clip + " · " + valueOf("kind", row.kind) + " · " + span(row.ms) + (row.clip === clip.clip ? " · " + t("thisOne") : "")),
       el("span", {class: "badges"}, ...badges(row)))));

const takesCard = () => card("takes", "takes", drawn(() => clip.takes.length > 1 ? el("ul", {class: "others"}, ...clip.takes.map(small)) : el("p", {class: "soft"}, t("onlyTake"))));

// What was sent beside what came back: each with its own controls, for the two are not of one time.
const beside = row => {
    const pair = clip.kind === "return" ? [row, clip] : [clip, row];
    return el("div", {class: "pair"}, ...pair.map((r, n) => {
        const file = (r.tracks || []).map(k => typeof k === "string" ? k : k.file)[0];
        return el("figure", {}, el("figcaption", {}, el("b", {}, t(n === 0 ? "outbound" : "returned")), " ", el("a", {href: clipLink(r.clip)}, r.clip), " ", timeNode(r.started)),
                  file ? el("video", {controls: true, muted: true, playsinline: true, preload: "metadata", src: fileUrl(r.clip, file), "aria-label": t(n === 0 ? "outbound" : "returned") + " " + r.clip}) : el("p", {}, t("noFilm")));
    }));
};

const relatedCard = () => clip.related.length ? card("related", "related", drawn(() => beside(clip.related[0])),
    clip.related.length > 1 ? drawn(() => el("ul", {class: "others"}, ...clip.related.slice(1).map(small))) : null) : null;

// ---- what people add

const attempt = async (work, press) => {
    if (press)
        press.disabled = true;
    try {
        await work();
        return true;
    } catch (e) {
        toast(errorText(e), true);
        return false;
    } finally {
        if (press)
            press.disabled = false;
    }
};

const again = async () => {
    const fresh = await get(clipApi(name));
    for (const key of ["notes", "tags", "hold", "held"])
        clip[key] = fresh[key];
    redraws.forEach(draw => draw());
};

const notesCard = () => {
    const list = drawn(() => clip.notes.length ? el("ol", {class: "notes"}, ...clip.notes.map(n => el("li", {}, el("p", {}, n.text), el("small", {class: "soft"}, (n.who || n.by || "") + " · ", timeNode(n.at)))))
        : el("p", {class: "soft"}, t("noNotes")));
    if (!may("clerk"))
        return card("notes", "notes", list);
    const text = el("textarea", {id: "note", rows: "2", maxlength: "1300", required: true});
    const form = el("form", {class: "stack"}, el("label", {class: "field"}, el("span", {"data-word": "newNote"}, t("newNote")), text),
                    el("button", {type: "submit", class: "quiet", "data-word": "addNote"}, t("addNote")));
    form.addEventListener("submit", async event => {
        event.preventDefault();
        if (text.value.trim() && await attempt(() => api("POST", clipApi(name, "/notes"), {text: text.value.trim()}), form.querySelector("button"))) {
            text.value = "";
            await attempt(again);
        }
    });
    return card("notes", "notes", list, form);
};

const putTags = tags => attempt(async () => {
    await api("POST", clipApi(name, "/tags"), {tags});
    await again();
});

const tagsCard = () => {
    const list = drawn(() => el("div", {class: "badges tag-list"}, ...clip.tags.map(tag => el("span", {class: "badge tag"}, icon("tag"), el("a", {href: "/?tag=" + encodeURIComponent(tag)}, tag),
        may("clerk") ? el("button", {type: "button", class: "bare", "aria-label": t("removeTag", tag), onclick: () => putTags(clip.tags.filter(k => k !== tag))}, icon("close")) : null)),
        clip.tags.length ? null : el("span", {class: "soft"}, t("none"))));
    if (!may("clerk"))
        return card("tags", "tags", list);
    const input = el("input", {id: "tag", maxlength: "16", "data-placeholder": "newTag", placeholder: t("newTag"), "data-label": "newTag", "aria-label": t("newTag")});
    const form = el("form", {class: "row"}, input, el("button", {type: "submit", class: "quiet", "data-word": "addTag"}, t("addTag")));
    form.addEventListener("submit", event => {
        event.preventDefault();
        const tag = input.value.trim();
        if (tag && !clip.tags.includes(tag))
            putTags([...clip.tags, tag]).then(done => {
                if (done)
                    input.value = "";
            });
    });
    return card("tags", "tags", list, form);
};

const hold = (held, note, press) => attempt(async () => {
    const said = await api("POST", clipApi(name, "/hold"), {held, note});
    if (said && said.busy) {
        toast(t("holdBusy"), true);
        return;
    }
    await again();
}, press);

const holdCard = () => card("hold", "hold", drawn(() => {
    const why = clip.hold && clip.hold.note || "";
    const state = el("p", {id: "hold-state"}, clip.held ? icon("hold") : null, " ", t(clip.held ? "holdIs" : "holdIsNot"), why ? el("q", {class: "why"}, why) : null);
    if (!may("clerk"))
        return state;
    if (clip.held)
        return [state, button("release", null, e => hold(false, "", e.currentTarget), {class: "quiet", id: "release"})];
    const note = el("input", {id: "hold-note", maxlength: "200", placeholder: t("holdNote"), "aria-label": t("holdNote")});
    const form = el("form", {class: "row"}, note, el("button", {type: "submit", class: "quiet", id: "hold-now"}, icon("hold"), t("holdNow")));
    form.addEventListener("submit", event => {
        event.preventDefault();
        hold(true, note.value.trim(), form.querySelector("button"));
    });
    return [state, form];
}));

// ---- all of it

const show = () => {
    redraws = [];
    document.title = ((clip.codes || [])[0] || clip.clip) + " · " + t("product");
    const verdict = el("div");
    byId("main").replaceChildren(heading(), el("div", {class: "desk"},
        el("div", {class: "left"}, clip.statement ? filmCard() : removedCard(), relatedCard() || "",
           clip.statement ? card("statement", "statementTitle", drawn(() => statementNode(clip))) : ""),
        el("div", {class: "right"}, card("verdict", "verdictNow", verdict), takesCard(), notesCard(), tagsCard(), holdCard())));
    redraws.push(showVerdict(verdict, clip.clip));
    onLanguage(() => redraws.forEach(draw => draw()));
    document.addEventListener("keydown", keys);
};

const load = async () => {
    byId("main").replaceChildren(loadingBox());
    try {
        clip = await get(clipApi(name));
    } catch (e) {
        byId("main").replaceChildren(el("p", {class: "crumb"}, el("a", {href: "/"}, icon("back"), " " + t("backToSearch"))), errorBox(e, load));
        return;
    }
    if (typeof clip.statement === "string")
        clip.statement = JSON.parse(clip.statement);
    for (const key of ["takes", "related", "notes", "tags"])
        clip[key] ||= [];
    show();
};

if (await startPage({page: "clip", title: "clip"}))
    await load();
