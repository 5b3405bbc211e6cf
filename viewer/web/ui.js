// SPDX-License-Identifier: GPL-3.0-or-later
// What every page needs: elements made of text and never of markup, requests, the heading, times.
import {icon} from "./icons.js";
import {isChinese, language, onLanguage, setLanguage, startLanguage, t, hasWord, valueOf} from "./words.js";

// ---- elements

// A child that is null is left out; a text goes in as text, whoever wrote it. `on…` takes a function.
export const el = (name, attributes = {}, ...children) => {
    const e = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
        if (typeof value === "function")
            e.addEventListener(key.slice(2), value);
        else if (value === true)
            e.setAttribute(key, "");
        else if (value !== false && value !== null && value !== undefined)
            e.setAttribute(key, value);
    }
    e.append(...children.flat().filter(c => c !== null && c !== undefined));
    return e;
};

export const byId = id => document.getElementById(id);

export const button = (word, iconName, press, more = {}) => {
    const e = el("button", {type: "button", ...more}, iconName ? icon(iconName) : null, el("span", {"data-word": word}, t(word)));
    e.addEventListener("click", press);
    return e;
};

// Static text of a page names its word; so it can change its language while it is open.
export const applyWords = (root = document) => {
    for (const e of root.querySelectorAll("[data-word]"))
        e.textContent = t(e.dataset.word);
    for (const e of root.querySelectorAll("[data-label]"))
        e.setAttribute("aria-label", t(e.dataset.label));
    for (const e of root.querySelectorAll("[data-placeholder]"))
        e.setAttribute("placeholder", t(e.dataset.placeholder));
    for (const e of root.querySelectorAll("[data-title]"))
        e.setAttribute("title", t(e.dataset.title));
};

// ---- requests

export class ApiError extends Error {
    constructor(status, code, text, said = {}) {
        super(text || code);
        this.status = status;
        this.code = code;
        this.said = said;  // all of the answer
    }
}

export const session = {user: "", role: "", csrf: "", language: "", station: "", setup: false};

const ask = async (path, init) => {
    try {
        return await fetch("/api/v1" + path, {credentials: "same-origin", cache: "no-store", ...init});
    } catch (e) {
        if (e.name === "AbortError")
            throw e;
        throw new ApiError(0, "network", "");
    }
};

const refusal = async answer => {
    let said = {};
    try {
        said = await answer.json();
    } catch {
        // No JSON: the status must do.
    }
    const byStatus = {400: "bad-request", 401: "sign-in", 403: "forbidden", 404: "not-found", 409: "conflict", 413: "too-large",
                      429: "too-many", 503: "busy"};
    return new ApiError(answer.status, said.code || byStatus[answer.status] || "internal", said.error || "", said);
};

export const api = async (method, path, body, more = {}) => {
    const headers = {Accept: "application/json", ...more.headers};
    if (method !== "GET")
        headers["X-PackSeal-CSRF"] = session.csrf;
    if (body !== undefined && !(body instanceof Blob)) {
        headers["Content-Type"] = "application/json";
        body = JSON.stringify(body);
    }
    const answer = await ask(path, {method, headers, body, signal: more.signal});
    if (!answer.ok)
        throw await refusal(answer);
    return answer.status === 204 ? null : answer.json();
};

export const get = (path, more) => api("GET", path, undefined, more);

// In the reader's language, by the kind of the error; the server's own line says where and what to do.
export const errorText = e => {
    if (!(e instanceof ApiError))
        return t("error.unknown") + ": " + String(e && e.message || e);
    const key = "error." + e.code;
    return (hasWord(key) ? t(key) : t("error.unknown")) + (isChinese() || !e.message || e.message === e.code ? "" : " (" + e.message + ")");
};

export const errorBox = (e, again) => el("div", {class: "notice bad", role: "alert"}, icon("warn"), el("p", {}, errorText(e)),
    again ? button("retry", null, again, {class: "quiet"}) : null);

export const loadingBox = () => el("p", {class: "loading", role: "status"}, el("span", {class: "spin", "aria-hidden": "true"}), t("loading"));

// ---- the session, and who may see what

export const may = (...roles) => session.role === "admin" || roles.includes(session.role);

export const takeSession = s => Object.assign(session, {user: "", role: "", csrf: "", language: "", station: "", setup: false}, s);

const PAGES = [
    ["station", "/station", ["screen", "packer", "clerk"]],
    ["search", "/", ["packer", "clerk", "auditor"]],
    ["check", "/verify", ["clerk", "auditor"]],
    ["settings", "/settings", ["packer", "clerk", "auditor"]],
];

export const signOut = async () => {
    try {
        await api("DELETE", "/session");
    } catch (e) {
        if (e.status !== 401)
            throw e;
    }
    location.assign("/login");
};

export const switchLanguage = async () => {
    const wanted = isChinese() ? "en" : "zh-CN";
    setLanguage(wanted);
    // A screen is nobody's account: it remembers by itself.
    if (session.user && session.role !== "screen") {
        try {
            await api("POST", "/me", {language: wanted});
        } catch {
            // The page has changed its language all the same; the account keeps the old one.
        }
    }
};

const languageButton = () => el("button", {type: "button", class: "quiet small", id: "language", onclick: switchLanguage, "data-title": "languageHint",
    lang: isChinese() ? "en" : "zh-CN"}, el("span", {"data-word": "language"}, t("language")));

const heading = page => {
    const links = session.user ? PAGES.filter(([, , roles]) => may(...roles)) : [];
    return el("header", {class: "top"},
        el("a", {class: "skip", href: "#main", "data-word": "skip"}, t("skip")),
        el("a", {class: "brand", href: session.role === "screen" ? "/station" : "/"}, icon("box"), el("span", {"data-word": "product"}, t("product")),
           session.station ? el("small", {}, session.station) : null),
        links.length ? el("nav", {"data-label": "pages", "aria-label": t("pages")}, ...links.map(([name, href]) =>
            el("a", {href, "aria-current": name === page ? "page" : null, "data-word": name}, t(name)))) : null,
        el("div", {class: "who"}, session.user ? el("span", {class: "user"}, session.user) : null, languageButton(),
           session.user ? button("signOut", null, () => signOut().catch(e => toast(errorText(e), true)), {class: "quiet small", id: "sign-out"}) : null));
};

// What happened, said once and to screen readers too.
export const toast = (text, bad = false) => {
    let host = byId("toasts");
    if (!host) {
        host = el("div", {id: "toasts", role: "status", "aria-live": "polite"});
        document.body.append(host);
    }
    const e = el("div", {class: "toast" + (bad ? " bad" : "")}, icon(bad ? "warn" : "ready"), el("span", {}, text));
    host.append(e);
    setTimeout(() => e.remove(), bad ? 9000 : 4500);
};

// Gives the session, or goes where the person must go first. `open`: pages that nobody has to sign in for.
export const startPage = async ({page, open = false, bare = false, title}) => {
    let failed = null;
    try {
        takeSession(await get("/session"));
    } catch (e) {
        failed = e;
    }
    startLanguage(session.user && session.role !== "screen" ? session.language : "");
    const draw = () => {
        applyWords();
        document.title = (title ? t(title) + " · " : "") + t("product");
        const other = byId("language");
        if (other)
            other.lang = isChinese() ? "en" : "zh-CN";
    };
    onLanguage(draw);
    if (!failed && !open) {
        if (session.setup || !session.user) {
            const next = location.pathname + location.search;
            location.replace(session.setup ? "/setup" : "/login" + (next === "/" ? "" : "?next=" + encodeURIComponent(next)));
            return null;
        }
        if (session.role === "screen" && page !== "station") {
            location.replace("/station");
            return null;
        }
    }
    if (!bare)
        document.body.prepend(heading(page));
    draw();
    if (failed) {
        byId("main").replaceChildren(errorBox(failed, () => location.reload()));
        return null;
    }
    return session;
};

// ---- texts

const two = n => String(n).padStart(2, "0");

// The reader's own local time, to the second; `T…Z` is the exact one, for title and machines.
export const timeText = (iso, seconds = true) => {
    const d = new Date(iso);
    if (!iso || Number.isNaN(d.getTime()))
        return "–";
    return d.getFullYear() + "-" + two(d.getMonth() + 1) + "-" + two(d.getDate()) + " " + two(d.getHours()) + ":" + two(d.getMinutes()) +
        (seconds ? ":" + two(d.getSeconds()) : "");
};

export const timeNode = (iso, seconds = true) => el("time", {datetime: iso || "", title: iso || ""}, timeText(iso, seconds));

export const clockText = iso => {
    const d = new Date(iso);
    return Number.isNaN(d.getTime()) ? "" : two(d.getHours()) + ":" + two(d.getMinutes());
};

export const span = ms => {
    const s = Math.max(0, Math.floor(ms / 1000)), h = Math.floor(s / 3600);
    return (h ? h + ":" + two(Math.floor(s / 60) % 60) : Math.floor(s / 60)) + ":" + two(s % 60);
};

// With tenths, for a place in a film.
export const place = ms => span(ms) + "." + Math.floor(Math.max(0, ms) % 1000 / 100);

export const bytesText = n => n < 1e6 ? Math.ceil(n / 1e3) + " kB" : n < 1e9 ? (n / 1e6).toFixed(1) + " MB" : (n / 1e9).toFixed(2) + " GB";

// The end of a number is what people compare.
export const codeNode = (value, more = {}) => {
    const text = String(value), cut = /^[\x21-\x7e]{8,}$/.test(text) ? text.length - 4 : text.length;
    return el("span", {class: "code", ...more}, text.slice(0, cut), cut < text.length ? el("b", {}, text.slice(cut)) : null);
};

export const clipLink = name => "/clip/" + encodeURIComponent(name);
export const clipApi = (name, rest = "") => "/clips/" + encodeURIComponent(name) + rest;

export const badges = row => [
    row.held ? el("span", {class: "badge hold"}, icon("hold"), t("held")) : null,
    ...(row.flags || []).filter(f => f !== "take" || !(row.take > 1)).map(f => el("span", {class: "badge flag"}, icon("warn"), valueOf("flag", f))),
    ...(row.tags || []).map(tag => el("span", {class: "badge tag"}, icon("tag"), tag)),
].filter(Boolean);

export {language};
