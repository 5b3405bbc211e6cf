// SPDX-License-Identifier: GPL-3.0-or-later
// What can be set, section by section; each role sees its own. The server decides; what is not shown here is refused there.
import {api, button, byId, el, errorBox, errorText, get, loadingBox, may, session, startPage, timeNode, toast} from "./ui.js";
import {icon} from "./icons.js";
import {language, onLanguage, t, valueOf} from "./words.js";

const ROLES = ["packer", "clerk", "auditor", "admin"];
const SCOPES = ["scan", "read", "export", "metrics"];
const HOOK_EVENTS = ["sealed", "unsealed", "opened", "scan", "alarm", "label", "camera", "weight"];
const USUAL_EVENTS = ["sealed", "alarm"];

const field = (word, input) => el("label", {class: "field"}, el("span", {}, t(word)), input);
const options = (group, values, chosen) => values.map(v => el("option", {value: v, selected: v === chosen}, valueOf(group, v)));
const password = (name, kind, required = true) => el("input", {name, type: "password", autocomplete: kind, maxlength: "256", required});

const card = (id, word, hint, ...children) => el("section", {class: "card", id, "aria-labelledby": id + "-title"}, el("h2", {id: id + "-title"}, t(word)),
    hint ? el("p", {class: "hint"}, t(hint)) : null, ...children);

// Sends a form; the button rests meanwhile. What went wrong is said at the form.
const form = (press, fields, send, more = {}) => {
    const said = el("div", {"aria-live": "polite"}), f = el("form", {class: "inline", ...more}, ...fields, el("button", {type: "submit"}, t(press)), said);
    f.addEventListener("submit", async event => {
        event.preventDefault();
        const b = f.querySelector("button[type=submit]");
        b.disabled = true;
        said.replaceChildren();
        try {
            await send(Object.fromEntries(new FormData(f)), f);
        } catch (e) {
            said.replaceChildren(el("p", {class: "notice bad", role: "alert"}, icon("warn"), errorText(e)));
        }
        b.disabled = false;
    });
    return f;
};

const table = (heads, rows) => rows.length ? el("div", {class: "scroll"}, el("table", {class: "stacked"}, el("thead", {}, el("tr", {}, ...heads.map(h => el("th", {scope: "col"}, h ? t(h) : el("span", {class: "unseen"}, t("more"))))),
    ), el("tbody", {}, ...rows))) : el("p", {class: "soft"}, t("none"));

const cell = (word, ...children) => el("td", {"data-head": word ? t(word) : null}, ...children);

// A browser's own button speaks the browser's language: ours lies below it.
const filePicker = (word, attributes) => {
    const name = el("output", {class: "soft"}), input = el("input", {type: "file", ...attributes});
    const show = () => {
        name.textContent = input.files.length ? input.files[0].name : t("noFile");
    };
    input.addEventListener("change", show);
    // The form is emptied just after it says so.
    setTimeout(() => input.form?.addEventListener("reset", () => setTimeout(show)));
    show();
    return el("div", {class: "row"}, el("label", {class: "button quiet pick"}, el("span", {}, t(word)), input), name);
};

// A list that is read from the server, shown, and read again after each change.
const list = (path, show) => {
    const host = el("div"), load = async () => {
        host.replaceChildren(loadingBox());
        try {
            host.replaceChildren(show(await get(path), load));
        } catch (e) {
            host.replaceChildren(errorBox(e, load));
        }
    };
    load();
    return {host, load};
};

// Asks before something is lost.
const sure = (word, what, work) => button(word, null, () => {
    const box = el("dialog", {"aria-labelledby": "sure-title"}, el("div", {class: "body"}, el("h2", {id: "sure-title"}, t("sureQuestion")), el("p", {}, what),
        el("p", {class: "row"}, button(word, null, async () => {
            box.close();
            try {
                await work();
            } catch (e) {
                toast(errorText(e), true);
            }
        }, {class: "danger", id: "sure-yes"}), button("cancel", null, () => box.close(), {class: "quiet"}))));
    box.addEventListener("close", () => box.remove());
    document.body.append(box);
    box.showModal();
}, {class: "danger small"});

// Shown once, never again: so it stays until the page is left.
const secret = (word, value) => el("div", {class: "notice good", role: "status"}, icon("ready"), el("p", {}, t(word), " ", el("span", {class: "code secret"}, value)),
    button("copy", null, () => navigator.clipboard?.writeText(value).then(() => toast(t("copied")), () => {}), {class: "quiet small"}));

// ---- my account

const mine = () => card("me", "myAccount", null, el("p", {}, session.user + " · " + valueOf("role", session.role)),
    session.role === "screen" ? null : form("changePassword", [field("oldPassword", password("password", "current-password")), field("newPassword", password("new_password", "new-password"))], async (f, sheet) => {
        if (f.new_password.length < 10)
            throw new Error(t("passwordShort"));
        await api("POST", "/me", {password: f.password, new_password: f.new_password});
        sheet.reset();
        toast(t("passwordChanged"));
    }, {id: "password-form"}));

// ---- accounts

const setPassword = (name, load) => {
    const box = el("dialog", {"aria-labelledby": "reset-title"}, el("div", {class: "body"}, el("h2", {id: "reset-title"}, t("resetPassword") + ": " + name),
        form("save", [field("newPassword", password("password", "new-password"))], async f => {
            await api("POST", "/accounts/" + encodeURIComponent(name), {password: f.password});
            box.close();
            toast(t("saved"));
            load();
        }), el("p", {}, button("cancel", null, () => box.close(), {class: "quiet small"}))));
    box.addEventListener("close", () => box.remove());
    document.body.append(box);
    box.showModal();
};

const accountRow = (a, load) => {
    const change = body => api("POST", "/accounts/" + encodeURIComponent(a.name), body).then(load, e => {
        toast(errorText(e), true);
        load();
    });
    const role = el("select", {"aria-label": t("role") + " " + a.name}, ...options("role", ROLES, a.role));
    role.addEventListener("change", () => change({role: role.value}));
    return el("tr", {"data-account": a.name}, el("th", {scope: "row"}, a.name), cell("role", role), cell("lastSeen", a.last_seen ? timeNode(a.last_seen, false) : t("never")),
        cell(null, t(a.disabled ? "disabled" : "active")), el("td", {class: "act"}, button("resetPassword", null, () => setPassword(a.name, load), {class: "quiet small"}), " ",
            button(a.disabled ? "enable" : "disable", null, () => change({disabled: !a.disabled}), {class: "quiet small"})));
};

const accounts = () => {
    const all = list("/accounts", (answer, load) => table(["name", "role", "lastSeen", "", ""], answer.accounts.map(a => accountRow(a, load))));
    return card("accounts", "accounts", null, all.host, el("h3", {}, t("addAccount")), form("addAccount", [
        field("name", el("input", {name: "name", required: true, maxlength: "63", autocomplete: "off", autocapitalize: "none", spellcheck: "false"})),
        field("role", el("select", {name: "role"}, ...options("role", ROLES, "clerk"))), field("newPassword", password("password", "new-password"))], async (f, sheet) => {
        await api("POST", "/accounts", {name: f.name, role: f.role, password: f.password, language: language()});
        sheet.reset();
        all.load();
    }, {id: "account-form"}));
};

// ---- tokens and webhooks

const tokens = () => {
    const shown = el("div"), all = list("/tokens", (answer, load) => table(["name", "scope", "made", "lastUsed", ""], answer.tokens.map(k => el("tr", {}, el("th", {scope: "row"}, k.name),
        cell("scope", valueOf("scope", k.scope)), cell("made", timeNode(k.made, false)), cell("lastUsed", k.last_used ? timeNode(k.last_used, false) : t("never")),
        el("td", {class: "act"}, sure("revoke", k.name, () => api("DELETE", "/tokens/" + encodeURIComponent(k.id)).then(load)))))));
    return card("tokens", "tokens", "tokensHint", all.host, el("h3", {}, t("addToken")), form("addToken", [field("name", el("input", {name: "name", required: true, maxlength: "63", autocomplete: "off"})),
        field("scope", el("select", {name: "scope"}, ...options("scope", SCOPES, "scan")))], async (f, sheet) => {
        const made = await api("POST", "/tokens", {name: f.name, scope: f.scope});
        sheet.reset();
        shown.replaceChildren(secret("tokenIs", made.token));
        all.load();
    }, {id: "token-form"}), shown);
};

const hooks = () => {
    const shown = el("div"), all = list("/hooks", (answer, load) => table(["url", "hookEvents", "hookLast", "", ""], answer.hooks.map(h => el("tr", {}, el("th", {scope: "row"}, h.url),
        cell("hookEvents", h.events.map(e => valueOf("hookEvent", e)).join(", ")), cell("hookLast", h.last ? timeNode(h.last) : t("never")), cell(null, t(h.failing ? "hookFailing" : "hookFine")),
        el("td", {class: "act"}, sure("remove", h.url, () => api("DELETE", "/hooks/" + encodeURIComponent(h.id)).then(load)))))));
    return card("hooks", "hooks", "hooksHint", all.host, el("h3", {}, t("addHook")), form("addHook", [field("url", el("input", {name: "url", type: "url", required: true, maxlength: "500", placeholder: "https://"})),
        el("fieldset", {}, el("legend", {}, t("hookEvents")), ...HOOK_EVENTS.map(e => el("label", {class: "check"}, el("input", {type: "checkbox", name: "on-" + e, checked: USUAL_EVENTS.includes(e)}), el("span", {}, valueOf("hookEvent", e)))))], async (f, sheet) => {
        const made = await api("POST", "/hooks", {url: f.url, events: HOOK_EVENTS.filter(e => f["on-" + e])});
        sheet.reset();
        shown.replaceChildren(secret("secretIs", made.secret));
        all.load();
    }, {id: "hook-form"}), shown);
};

const screens = () => card("pairing", "pairing", "pairingHint", list("/screens", (answer, load) => table(["name", "lastSeen", ""], answer.screens.map(s => el("tr", {}, el("th", {scope: "row"}, s.name),
    cell("lastSeen", s.last_seen ? timeNode(s.last_seen, false) : t("never")), el("td", {class: "act"}, sure("unpair", s.name, () => api("DELETE", "/screens/" + encodeURIComponent(s.name)).then(load))))))).host);

// ---- orders

const orders = () => {
    const said = el("div", {"aria-live": "polite"});
    return card("orders", "orders", "ordersHint", form("upload", [filePicker("ordersFile", {name: "file", accept: ".csv,text/csv", required: true})], async (f, sheet) => {
        let answer = null;
        try {
            answer = await api("POST", "/orders", new Blob([f.file], {type: "text/csv"}), {headers: {"Content-Type": "text/csv"}});
        } catch (e) {
            if (!e.said || !e.said.problems)
                throw e;
            answer = e.said;
        }
        const bad = answer.problems || [];
        said.replaceChildren(bad.length ? el("div", {}, el("p", {class: "notice bad", role: "alert"}, icon("warn"), t("ordersProblems", bad.length)),
            table(["line", "problem"], bad.slice(0, 200).map(p => el("tr", {}, el("th", {scope: "row"}, String(p.line)), cell("problem", p.text)))))
            : el("p", {class: "notice good"}, icon("ready"), t("ordersTaken", answer.orders)));
        if (!bad.length)
            sheet.reset();
    }, {id: "orders-form"}), said);
};

// ---- audit trail

const audit = () => {
    const host = el("div"), asked = {page: 1};
    const load = async () => {
        host.replaceChildren(loadingBox());
        const q = new URLSearchParams(Object.entries(asked).filter(([, v]) => v));
        try {
            const a = await get("/audit?" + q);
            host.replaceChildren(a.entries.length ? table(["auditWhen", "auditWho", "auditWhat", "clip", "auditDetail", "auditFrom"], a.entries.map(e => el("tr", {}, cell("auditWhen", timeNode(e.at)),
                cell("auditWho", e.who || t("nobody")), cell("auditWhat", e.what), cell("clip", e.clip ? el("a", {href: "/clip/" + encodeURIComponent(e.clip)}, e.clip) : ""), cell("auditDetail", e.detail || ""), cell("auditFrom", e.from || ""))))
                : el("p", {class: "soft"}, t("auditNone")), el("p", {class: "row"}, a.page > 1 ? button("newer", "back", () => {
                asked.page--;
                load();
            }, {class: "quiet small"}) : null, a.more ? button("older", null, () => {
                asked.page++;
                load();
            }, {class: "quiet small"}) : null));
        } catch (e) {
            host.replaceChildren(errorBox(e, load));
        }
    };
    load();
    return card("audit", "audit", null, form("apply", [field("auditWho", el("input", {name: "who", maxlength: "63"})), field("auditWhat", el("input", {name: "what", maxlength: "32"})),
        field("from", el("input", {name: "from", type: "date"})), field("to", el("input", {name: "to", type: "date"}))], async f => {
        Object.assign(asked, f, {page: 1});
        await load();
    }), host);
};

const sections = () => [mine(), may("clerk") ? orders() : null, may() ? accounts() : null, may() ? screens() : null, may() ? tokens() : null, may() ? hooks() : null,
                        may("auditor") ? audit() : null].filter(Boolean);

// Typed words are worth more than a heading in the other language at once: fields are kept.
const redraw = () => {
    const typed = [...document.querySelectorAll("main form[id]")].map(f => [f.id, [...new FormData(f)].filter(([, v]) => typeof v === "string")]);
    const list = sections(), links = el("nav", {class: "sections", "aria-label": t("settings")}, ...list.map(s => el("a", {href: "#" + s.id}, s.querySelector("h2").textContent)));
    byId("main").replaceChildren(el("h1", {}, t("settings")), links, ...list);
    for (const [id, values] of typed)
        for (const [key, value] of values) {
            const input = byId(id)?.elements[key];
            if (input && input.type !== "checkbox" && input.type !== "file")
                input.value = value;
        }
};

if (await startPage({page: "settings", title: "settings"})) {
    redraw();
    onLanguage(redraw);
}

