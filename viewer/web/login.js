// SPDX-License-Identifier: GPL-3.0-or-later
// Signing in, the first set-up, and pairing a screen: three forms of one kind.
import {api, byId, el, errorText, session, startPage, takeSession} from "./ui.js";
import {icon} from "./icons.js";
import {language, onLanguage, setLanguage, t} from "./words.js";

const setup = "setup" in document.body.dataset;
let mode = setup ? "setup" : new URLSearchParams(location.search).has("pair") ? "pair" : "login";

// Only a path of our own, so that a link cannot lead a person who has just signed in to somebody else.
const next = () => {
    const wished = new URLSearchParams(location.search).get("next") || "";
    return /^\/(?![/\\])[\x21-\x7e]*$/.test(wished) ? wished : session.role === "screen" || session.role === "packer" ? "/station" : "/";
};

const field = (word, attributes, hint) => el("label", {class: "field"}, el("span", {"data-word": word}, t(word)), el("input", {required: true, ...attributes}),
    hint ? el("small", {class: "hint", "data-word": hint}, t(hint)) : null);

// The code is written down by hand: Crockford's letters, so that O and I are what they look like.
const plainCode = text => text.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");

const CODE = {autocomplete: "one-time-code", autocapitalize: "characters", spellcheck: "false", maxlength: "16", class: "code"};

const passwordFault = (name, one, two) => one.length < 10 ? "passwordShort" : one === name ? "passwordIsName" : one !== two ? "passwordsDiffer" : null;

const FORMS = {
    login: {
        title: "loginTitle", press: "signIn",
        fields: () => [field("name", {name: "name", autocomplete: "username", autocapitalize: "none", spellcheck: "false", maxlength: "63"}),
                       field("password", {name: "password", type: "password", autocomplete: "current-password", maxlength: "256"})],
        send: f => api("POST", "/session", {name: f.name, password: f.password}),
    },
    setup: {
        title: "setupTitle", lead: "setupLead", press: "setupStart",
        fields: () => [field("setupCode", {name: "code", ...CODE}, "setupWhere"),
                       field("name", {name: "name", autocomplete: "username", autocapitalize: "none", spellcheck: "false", maxlength: "63"}),
                       field("newPassword", {name: "password", type: "password", autocomplete: "new-password", maxlength: "256"}),
                       field("repeatPassword", {name: "again", type: "password", autocomplete: "new-password", maxlength: "256"})],
        check: f => passwordFault(f.name, f.password, f.again),
        send: f => api("POST", "/setup", {code: plainCode(f.code), name: f.name, password: f.password, language: language()}),
    },
    pair: {
        title: "pairTitle", lead: "pairLead", press: "pairStart",
        fields: () => [field("pairCode", {name: "code", ...CODE}, "pairWhere")],
        send: f => api("POST", "/pair", {code: plainCode(f.code)}),
    },
};

const draw = () => {
    const form = FORMS[mode], said = el("div", {"aria-live": "assertive"});
    const fail = text => said.replaceChildren(el("div", {class: "notice bad"}, icon("warn"), el("p", {}, text)));
    const sheet = el("form", {class: "stack", novalidate: true}, ...form.fields(), said, el("button", {type: "submit", "data-word": form.press}, t(form.press)));
    sheet.addEventListener("submit", async event => {
        event.preventDefault();
        const missing = [...sheet.querySelectorAll("input")].find(i => !i.value.trim());
        if (missing) {
            missing.focus();
            return;
        }
        const values = Object.fromEntries(new FormData(sheet)), fault = form.check ? form.check(values) : null;
        if (fault) {
            fail(t(fault));
            return;
        }
        const press = sheet.querySelector("button");
        press.disabled = true;
        said.replaceChildren();
        try {
            takeSession(await form.send(values));
            if (session.language && session.role !== "screen")
                setLanguage(session.language);
            location.assign(mode === "pair" ? "/station" : mode === "setup" ? "/settings" : next());
        } catch (e) {
            press.disabled = false;
            fail(mode === "login" && e.status === 401 ? t("error.refused") : errorText(e));
            sheet.querySelector("input[type=password], input").focus();
        }
    });
    const other = mode === "pair" ? "personThis" : "pairThis";
    byId("main").replaceChildren(el("div", {class: "card"}, el("h1", {"data-word": form.title}, t(form.title)),
        form.lead ? el("p", {class: "hint", "data-word": form.lead}, t(form.lead)) : null,
        setup && !session.setup ? el("div", {class: "notice"}, icon("ready"), el("p", {"data-word": "setupOver"}, t("setupOver")),
            el("a", {class: "button", href: "/login", "data-word": "signIn"}, t("signIn"))) : sheet,
        setup ? null : el("p", {}, el("button", {type: "button", class: "quiet", "data-word": other, onclick: () => {
            mode = mode === "pair" ? "login" : "pair";
            draw();
            byId("main").querySelector("input").focus();
        }}, t(other)))));
};

if (await startPage({page: setup ? "setup" : "login", open: true, title: setup ? "setupTitle" : "loginTitle"})) {
    if (!setup && session.setup)
        location.replace("/setup");
    else if (!setup && session.user && !new URLSearchParams(location.search).has("pair"))
        location.replace(next());
    else {
        draw();
        onLanguage(() => byId("main").querySelectorAll(".notice.bad").forEach(e => e.remove()));
    }
}
