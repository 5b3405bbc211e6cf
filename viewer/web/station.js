// SPDX-License-Identifier: GPL-3.0-or-later
// The packer's screen. It is looked at, not read: one state, one word, one code; hands stay on the parcel.
import {api, applyWords, byId, button, clockText, codeNode, el, errorText, get, may, session, span, startPage, switchLanguage, toast} from "./ui.js";
import {icon} from "./icons.js";
import {newModel, take, view} from "./station-model.js";
import {follow} from "./stream.js";
import * as sounds from "./sounds.js";
import {isChinese, onLanguage, t, hasWord, valueOf} from "./words.js";
import {listen} from "./wedge.js";

const SIGNS = {idle: "ready", recording: "record", sealing: "wait", sealed: "sealed", faulted: "stop", refunded: "forbid", unable: "warn", offline: "offline",
               "no-recorder": "offline", connecting: "wait"};
const ALARM_SIGNS = {refunded: "forbid", "label-other": "forbid", refused: "forbid", "camera-lost": "cameraOff", "disk-full": "stop", fault: "stop"};
const LIVE = 4;  // a browser opens six connections: one is for events, one for what is pressed

const model = newModel();
let day = {today: null, recent: []}, shown = "", wakeLock = null, soundWanted = false;

// ---- pictures: only while somebody can see them

const cameras = new Map();

const cameraNode = name => {
    const image = el("img", {alt: t("livePicture", name), hidden: true}), away = el("div", {class: "away"});
    const node = el("figure", {class: "camera", "data-camera": name}, image, away, el("figcaption", {}, name));
    image.addEventListener("error", () => {
        // The recorder or the way to it is away: asked for again, not in a hurry.
        image.removeAttribute("src");
        image.hidden = true;
        setTimeout(pictures, 3000);
    });
    // A multipart picture says "load" with its first part.
    image.addEventListener("load", () => {
        image.hidden = false;
    });
    return {node, image, away};
};

const pictures = () => {
    const list = model.status.cameras || [], host = byId("pictures"), open = !document.hidden && model.known && !model.lost && model.recorder;
    for (const [name, c] of cameras) {
        if (!list.some(k => k.name === name)) {
            c.node.remove();
            cameras.delete(name);
        }
    }
    host.classList.toggle("two-wide", list.length > 2);
    list.forEach((camera, n) => {
        if (!cameras.has(camera.name)) {
            cameras.set(camera.name, cameraNode(camera.name));
            host.append(cameras.get(camera.name).node);
        }
        const c = cameras.get(camera.name), live = camera.state === "live", wanted = open && live && n < LIVE;
        const src = "/api/v1/preview/" + encodeURIComponent(camera.name) + "?fps=5&width=640";
        if (wanted && c.image.getAttribute("src") !== src)
            c.image.src = src;
        else if (!wanted && c.image.hasAttribute("src")) {
            c.image.removeAttribute("src");
            c.image.hidden = true;
        }
        c.image.alt = t("livePicture", camera.name);
        c.node.classList.toggle("lost", camera.state === "away");
        c.away.hidden = wanted && !c.image.hidden;
        c.away.replaceChildren(icon(camera.state === "away" ? "cameraOff" : "camera"),
                               camera.state === "away" ? t("cameraAway") : camera.state === "opening" ? t("cameraOpening") : open ? "" : t("cameraPaused"));
    });
};

// ---- the panel

const codesNode = codes => {
    const host = byId("code");
    if (!codes.length) {
        host.replaceChildren();
        return;
    }
    host.style.setProperty("--long", String(Math.max(9, codes[0].length)));
    host.replaceChildren(codeNode(codes[0]), codes.length > 1 ? el("span", {class: "others"}, codes.slice(1, 5).join("  ") + (codes.length > 5 ? " +" + (codes.length - 5) : "")) : "");
};

const underWord = v => {
    const s = model.status, said = [];
    if (v.seconds !== null)
        said.push(v.state === "recording" ? null : icon("record"), el("span", {id: "time", role: "timer", "aria-label": t("runningTime")}, span(v.seconds)));
    if (v.there && s.provisional)
        said.push(t("hint.provisional"));
    if (v.recording && s.kind && s.kind !== "pack")
        said.push(valueOf("kind", s.kind));
    if (v.recording && s.take > 1)
        said.push(t("take", s.take));
    if (v.recording && s.label === "matched")
        said.push(el("span", {}, icon("ready"), t("labelMatched")));
    if (v.there && s.box)
        said.push(t("boxOn"));
    if (v.recording && model.weight !== null)
        said.push(t("weight") + " " + (model.weight / 1000).toFixed(3) + " kg");
    if (hasWord("hint." + v.state) && v.seconds === null)
        said.push(t("hint." + v.state));
    return said.filter(Boolean).map(w => typeof w === "string" ? el("span", {}, w) : w);
};

// In widths of a Chinese character: what leaves no room for advice, and what does not fit at full size.
const fits = text => {
    const n = [...text].reduce((sum, c) => sum + (c.charCodeAt(0) > 255 ? 1 : .58), 0);
    return n > 10 ? " wide tight" : n > 7.2 ? " tight" : "";
};

const alarmNode = a => {
    const name = a.what === "refused" ? t("state.refused") : a.what === "label-other" ? t("state.other") : valueOf("alarm", a.what);
    const camera = /^(camera-|picture-|scanner-|scale-)/.test(a.what) ? a.detail.split(":")[0] : "";
    const help = hasWord("todo." + a.what) ? t("todo." + a.what) : a.what === "label-other" ? t("hint.other") : a.what === "refused" || !isChinese() ? a.detail : "";
    return el("div", {class: "alarm" + (a.large ? "" : " minor") + (a.worst ? " worst" : "") + fits(name + camera), "data-alarm": a.what}, icon(ALARM_SIGNS[a.what] || "warn"),
              el("strong", {}, name + (camera ? " " + camera : "")), el("span", {}, help));
};

const factsNode = () => {
    const s = model.status, fact = (word, value) => el("div", {}, el("dt", {}, t(word)), el("dd", {}, value));
    byId("facts").replaceChildren(fact("operatorNow", s.operator || t("nobody")), fact("nextKind", valueOf("kind", s.next_kind || "pack")));
};

const saidNode = () => {
    const host = byId("said"), s = model.said;
    host.replaceChildren(...(s ? [codeNode(s.code), el("span", {}, valueOf("said", s.said))] : []));
};

// Drawn when something changed; the running time by itself, so that nothing is read out each second.
const draw = () => {
    const v = view(model, Date.now()), body = document.body, text = v.state + " " + isChinese();
    body.dataset.state = v.recording && v.state !== "refunded" ? "recording" : v.state;
    body.classList.toggle("stale", !v.there);
    body.classList.toggle("framed", v.recording || v.state === "refunded" || v.state === "faulted");
    if (shown !== text) {
        shown = text;
        const word = t("state." + v.state);
        byId("word").className = word.length > (isChinese() ? 5 : 9) ? "long" : "";
        byId("word").replaceChildren(icon(SIGNS[v.state] || "warn"), el("span", {}, word));
    }
    codesNode(v.codes);
    byId("under").replaceChildren(...underWord(v));
    byId("notices").replaceChildren(...v.alarmsBelow.map(alarmNode));
    factsNode();
    saidNode();
    const on = v.recording || model.status.state === "sealing";
    for (const [id, off] of [["stop", !on], ["cancel", !on], ["box", !on], ["mark", !on]])
        if (byId(id))
            byId(id).disabled = off || !v.there;
    // Without a site the station obeys no command barcode: no button either.
    for (const id of ["box", "return", "mark", "out"])
        if (byId(id))
            byId(id).hidden = model.known && !model.status.site;
    byId("return")?.setAttribute("aria-pressed", String(model.status.next_kind === "return"));
    byId("box")?.setAttribute("aria-pressed", String(Boolean(model.status.box)));
    pictures();
};

const tick = () => {
    const v = view(model, Date.now()), time = byId("time");
    if (time && v.seconds !== null)
        time.textContent = span(v.seconds);
    if (shown.split(" ")[0] !== v.state || model.passing.size)
        draw();
};

// ---- latest clips

const latest = () => byId("latest").replaceChildren(
    el("h2", {id: "latest-title"}, t("recent"), el("span", {class: "n"}, el("small", {}, t("today") + " "), String(day.today ?? "–"))),
    day.recent.length ? el("ol", {}, ...day.recent.slice(0, 8).map(row => el("li", {}, el("time", {datetime: row.started}, clockText(row.started)),
        codeNode((row.codes || [])[0] || row.clip), (row.flags || []).length ? el("span", {title: row.flags.map(f => valueOf("flag", f)).join(", ")}, icon("warn"),
            el("span", {class: "unseen"}, row.flags.map(f => valueOf("flag", f)).join(", "))) : null, el("span", {}, span(row.ms || 0)))))
        : el("p", {class: "soft"}, t("noRecent")));

let asking = 0;
const askLatest = async () => {
    const mine = ++asking;
    try {
        const s = await get("/station");
        if (mine !== asking)
            return;
        day = {today: s.today, recent: s.recent || []};
        latest();
    } catch {
        // The event stream says what is wrong; the list stays as it was.
    }
};

// ---- what is pressed or typed

const failed = e => {
    if (e.code === "sign-in")
        location.assign("/login?next=/station");
    toast(errorText(e), true);
};

const scan = (code, manual) => api("POST", "/scan", {code, manual}).catch(failed);

// The screen presses what the printed sheet says: the same way, the same entry on the time line.
const command = word => scan("PS-" + model.status.site + "-" + word, false);

const askCancel = () => {
    const box = el("dialog", {"aria-labelledby": "cancel-title"}, el("div", {class: "body"}, el("h2", {id: "cancel-title"}, t("cancelSure")),
        el("p", {class: "row"}, button("cancelClip", null, () => {
            box.close();
            api("POST", "/cancel", {}).catch(failed);
        }, {class: "danger", id: "cancel-yes"}), button("close", null, () => box.close(), {class: "quiet"}))));
    box.addEventListener("close", () => box.remove());
    document.body.append(box);
    box.showModal();
};

const keyNodes = () => {
    const typed = el("input", {id: "typed-code", maxlength: "128", autocomplete: "off", spellcheck: "false", "aria-label": t("typeCode"), placeholder: t("typeCode"),
                               "data-label": "typeCode", "data-placeholder": "typeCode"});
    const form = el("form", {id: "typed"}, typed, el("button", {type: "submit", class: "quiet", "data-word": "send"}, t("send")));
    form.addEventListener("submit", event => {
        event.preventDefault();
        const code = typed.value.trim();
        typed.value = "";
        typed.blur();
        if (code)
            scan(code, true);
    });
    byId("keys").replaceChildren(
        button("stop", "square", () => api("POST", "/stop", {}).catch(failed), {id: "stop"}),
        button("box", "boxes", () => command("BOX"), {id: "box", class: "quiet"}),
        button("returnKind", "returned", () => command(model.status.next_kind === "return" ? "PACK" : "RETURN"), {id: "return", class: "quiet"}),
        button("mark", "flag", () => command("MARK"), {id: "mark", class: "quiet"}),
        button("cancelClip", "close", askCancel, {id: "cancel", class: "danger"}),
        button("packerOut", "out", () => command("OUT"), {id: "out", class: "quiet"}), form);
    listen(scan, () => toast(t("scanTorn"), true), typed);
};

// ---- tools of the bar

const soundButton = () => {
    const on = soundWanted && sounds.ready(), b = byId("sound");
    b.setAttribute("aria-pressed", String(on));
    b.title = t(on ? "soundOn" : "soundOff");
    b.className = on ? "quiet" : "";
    b.replaceChildren(icon(on ? "sound" : "soundOff"), el("span", {}, t("sound")));
};

const pressSound = async () => {
    soundWanted = !(soundWanted && sounds.ready());
    if (soundWanted)
        await sounds.unlock();
    else
        await sounds.lock();
    soundButton();
    if (soundWanted)
        sounds.play("added");
};

// A screen that sleeps shows no alarm.
const stayAwake = async () => {
    try {
        wakeLock = document.hidden ? null : await navigator.wakeLock?.request("screen");
    } catch {
        wakeLock = null;
    }
};

const tools = () => {
    byId("home").replaceChildren(icon("box"), el("span", {}, session.station || t("product")));
    if (session.role === "screen" || !may("packer", "clerk"))
        byId("home").removeAttribute("href");
    byId("tools").replaceChildren(
        el("button", {type: "button", id: "sound", onclick: pressSound}),
        el("button", {type: "button", class: "quiet", id: "full", "aria-label": t("full"), title: t("full"), onclick: () =>
            document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.().catch(() => {})}, icon("full")),
        el("button", {type: "button", class: "quiet", id: "language", lang: isChinese() ? "en" : "zh-CN", onclick: switchLanguage}, t("language")),
        may("packer", "clerk", "auditor") ? el("a", {class: "button quiet", href: "/"}, t("search")) : "");
    soundButton();
};

const redraw = () => {
    shown = "";
    applyWords();
    tools();
    latest();
    draw();
};

// The box's own screen is started with a code behind the address (packseal-kiosk); nobody types there.
const pairByAddress = async () => {
    const code = location.hash.match(/^#pair=([0-9A-Z]{8})$/)?.[1];
    if (!code)
        return;
    history.replaceState(null, "", location.pathname + location.search);
    try {
        if (!(await api("GET", "/session")).user)
            await api("POST", "/pair", {code});
    } catch {
        // Used or too old: the page that asks for a code comes next.
    }
};

await pairByAddress();
if (await startPage({page: "station", bare: true, title: "station"})) {
    keyNodes();
    redraw();
    onLanguage(redraw);
    follow({
        tell: (name, data) => {
            if (data.tone || data.say)
                sounds.play(data.tone, data.say);
            if (take(model, name, data, Date.now()))
                askLatest();
            draw();
        },
        lost: gone => {
            if (gone && !model.lost && soundWanted)
                sounds.play("alarm");
            model.lost = gone;
            draw();
        },
        refused: () => location.assign("/login?next=/station"),
    });
    setInterval(tick, 250);
    // A day ends at midnight, and its count with it.
    setInterval(askLatest, 300000);
    document.addEventListener("visibilitychange", () => {
        pictures();
        stayAwake();
    });
    stayAwake();
}
