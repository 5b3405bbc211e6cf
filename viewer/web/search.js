// SPDX-License-Identifier: GPL-3.0-or-later
// One box for any number. The address bar holds the question, so a search can be sent to a colleague and come back by "back".
import {badges, byId, button, clipApi, clipLink, codeNode, el, errorBox, get, loadingBox, may, span, startPage, timeText} from "./ui.js";
import {icon} from "./icons.js";
import {onLanguage, t, valueOf} from "./words.js";

const FIELDS = ["number", "from", "to", "operator", "kind", "tag", "flagged", "held"];
const LIMIT = 50;

const form = () => byId("ask");
let running = null, last = null;

// ---- the question: form, address bar and request

const fromForm = () => {
    const asked = new URLSearchParams();
    for (const [name, value] of new FormData(form()))
        if (FIELDS.includes(name) && value.trim())
            asked.set(name, value.trim());
    return asked;
};

const toForm = asked => {
    for (const name of FIELDS) {
        const input = form().elements[name];
        if (input.type === "checkbox")
            input.checked = asked.get(name) === "1";
        else
            input.value = asked.get(name) || "";
    }
    if (FIELDS.slice(1).some(n => asked.get(n)))
        byId("filters").open = true;
};

// A day is the reader's: from its first moment, and to the first of the day after.
const moment = (day, after) => {
    const [y, m, d] = day.split("-").map(Number), at = new Date(y, m - 1, d + after);
    return Number.isNaN(at.getTime()) ? "" : at.toISOString();
};

const request = asked => {
    const q = new URLSearchParams();
    for (const [name, value] of asked)
        if (FIELDS.includes(name) && name !== "from" && name !== "to" && value)
            q.set(name, value);
    if (asked.get("from"))
        q.set("from", moment(asked.get("from"), 0));
    if (asked.get("to"))
        q.set("to", moment(asked.get("to"), 1));
    q.set("page", asked.get("page") || "1");
    q.set("limit", String(LIMIT));
    return "/clips?" + q;
};

// ---- the answer

const thumb = row => {
    const box = el("div", {class: "thumb"}, el("span", {class: "length"}, span(row.ms || 0)));
    const image = el("img", {alt: "", loading: "lazy", decoding: "async", src: "/api/v1" + clipApi(row.clip, "/thumb.jpg")});
    image.addEventListener("error", () => image.replaceWith(icon("camera")));
    box.prepend(image);
    return box;
};

export const rowNode = row => el("li", {}, el("a", {href: clipLink(row.clip)}, thumb(row),
    el("div", {class: "what"}, el("div", {class: "codes"}, ...[...(row.codes || []), ...(row.links || [])].slice(0, 8).map(c => codeNode(c)),
        (row.codes || []).length ? null : el("span", {class: "code"}, row.clip)),
        el("div", {class: "badges"}, el("span", {class: "badge kind-" + row.kind}, row.kind === "return" ? icon("returned") : null, valueOf("kind", row.kind)),
            row.take > 1 ? el("span", {class: "badge"}, t("take", row.take)) : null, ...badges(row))),
    el("div", {class: "when"}, el("b", {}, timeText(row.started)), " ", row.clip, row.operator ? " · " + row.operator : "")));

const show = () => {
    if (!last)
        return;
    const {answer, asked} = last, rows = answer.clips;
    byId("count").textContent = rows.length ? t("foundMany", answer.page, rows.length) : "";
    const nothing = ![...asked.keys()].some(k => FIELDS.includes(k));
    byId("results").replaceChildren(rows.length ? el("ul", {class: "clips"}, ...rows.map(rowNode))
        : el("div", {class: "empty"}, icon(nothing ? "box" : "search"), el("strong", {}, t(nothing ? "nothingYet" : "noResults")),
             el("p", {}, t(nothing ? "nothingYetHint" : "noResultsHint"))));
    byId("pager").replaceChildren(answer.page > 1 ? button("newer", "back", () => turn(answer.page - 1), {class: "quiet", id: "newer"}) : "",
                                  answer.more ? button("older", null, () => turn(answer.page + 1), {class: "quiet", id: "older"}) : "");
};

const search = async asked => {
    running?.abort();
    const mine = running = new AbortController();
    byId("results").setAttribute("aria-busy", "true");
    const late = setTimeout(() => byId("results").replaceChildren(loadingBox()), 250);
    try {
        last = {answer: await get(request(asked), {signal: mine.signal}), asked};
        show();
    } catch (e) {
        if (e.name === "AbortError")
            return;
        byId("count").textContent = "";
        byId("pager").replaceChildren();
        byId("results").replaceChildren(errorBox(e, () => search(asked)));
    } finally {
        clearTimeout(late);
        if (mine === running)
            byId("results").removeAttribute("aria-busy");
    }
};

const go = asked => {
    const q = String(asked);
    history.pushState(null, "", q ? "/?" + q : "/");
    return search(asked);
};

const turn = page => {
    const asked = new URLSearchParams(location.search);
    asked.set("page", String(page));
    go(asked).then(() => byId("main").focus());
    scrollTo(0, 0);
};

// ---- keys: / to the box, arrows through the list

const keys = event => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        byId("number").focus();
        byId("number").select();
        return;
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp" || typing && event.target.id !== "number")
        return;
    const links = [...byId("results").querySelectorAll(".clips a")], at = links.indexOf(document.activeElement);
    if (!links.length)
        return;
    event.preventDefault();
    const to = event.key === "ArrowDown" ? at + 1 : at - 1;
    if (to < 0)
        byId("number").focus();
    else
        links[Math.min(to, links.length - 1)].focus();
};

if (await startPage({page: "search", title: "search"})) {
    if (!may("packer", "clerk", "auditor"))
        location.replace("/station");
    const asked = new URLSearchParams(location.search);
    toForm(asked);
    form().addEventListener("submit", event => {
        event.preventDefault();
        go(fromForm());
    });
    byId("filters").addEventListener("change", () => go(fromForm()));
    byId("clear").addEventListener("click", () => {
        form().reset();
        go(new URLSearchParams());
    });
    document.addEventListener("keydown", keys);
    addEventListener("popstate", () => {
        const back = new URLSearchParams(location.search);
        form().reset();
        toForm(back);
        search(back);
    });
    onLanguage(show);
    byId("number").focus();
    await search(asked);
}
