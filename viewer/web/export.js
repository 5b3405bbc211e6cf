// SPDX-License-Identifier: GPL-3.0-or-later
// The export dialog: what goes in, then one job, followed to its end, then one file.
import {api, button, bytesText, el, errorBox, errorText, get, place, timeText} from "./ui.js";
import {icon} from "./icons.js";
import {isChinese, t} from "./words.js";

const EVERY_MS = 700;

const field = (word, input) => el("label", {class: "field"}, el("span", {}, t(word)), input);

// Profiles and their reasons as the station has them.
const profileFields = profiles => {
    const reason = el("select", {name: "reason", disabled: true}), profile = el("select", {name: "profile"}, el("option", {value: ""}, t("noProfile")),
        ...profiles.map(p => el("option", {value: p.name}, p.title || p.name)));
    profile.addEventListener("change", () => {
        const p = profiles.find(k => k.name === profile.value);
        reason.replaceChildren(el("option", {value: ""}, t("none")), ...(p && p.reasons || []).map(r => el("option", {value: r.key}, r.title ? r.key + " · " + r.title : r.key)));
        reason.disabled = !p || !(p.reasons || []).length;
    });
    return [field("exportProfile", profile), field("exportReason", reason)];
};

const follow = async (job, host, stop) => {
    for (;;) {
        const j = await get("/exports/" + encodeURIComponent(job), {signal: stop});
        if (j.state === "done") {
            host.replaceChildren(el("div", {class: "notice good", role: "status"}, icon("ready"), el("p", {}, t("exportDone") + " · " + bytesText(j.bytes)),
                el("a", {class: "button", id: "download", href: "/api/v1/exports/" + encodeURIComponent(job) + "/download", download: ""}, icon("export"), t("download"))),
                j.sha256 ? el("p", {class: "hint"}, t("exportDigest") + " ", el("span", {class: "code"}, j.sha256)) : "");
            return;
        }
        if (j.state === "failed") {
            host.replaceChildren(el("div", {class: "notice bad", role: "alert"}, icon("warn"), el("p", {}, t("exportFailed") + ": " + j.error)));
            return;
        }
        const text = j.state === "waiting" ? t("exportWaiting") : t("exportRunning", j.percent), bar = host.querySelector("progress");
        if (bar) {
            bar.value = j.percent;
            host.querySelector("p").textContent = text;
        } else
            host.replaceChildren(el("p", {role: "status"}, text), el("progress", {max: "100", value: String(j.percent), "aria-label": t("exportTitle")}));
        await new Promise(next => setTimeout(next, EVERY_MS));
    }
};

// clips: rows that may go in, the first is chosen; range: [from, to] in ms of the first, or null.
export const openExport = async (clips, range) => {
    const stop = new AbortController(), said = el("div", {"aria-live": "polite"});
    let profiles = [];
    try {
        profiles = (await get("/profiles")).profiles;
    } catch (e) {
        said.replaceChildren(errorBox(e));
    }
    const cut = range ? el("input", {type: "checkbox", name: "cut", checked: true}) : null;
    const others = clips.map((row, n) => el("label", {class: "check"}, el("input", {type: "checkbox", name: "clip", value: row.clip, checked: n === 0}),
        el("span", {}, row.clip + " · " + (row.codes || []).slice(0, 2).join(" ") + " · " + timeText(row.started, false))));
    const form = el("form", {class: "stack", id: "export-form"},
        el("fieldset", {}, el("legend", {}, t("exportClips")), ...others),
        range ? el("label", {class: "check"}, cut, el("span", {}, t("exportRange", place(range[0]), place(range[1])))) : null,
        el("div", {class: "inline"}, ...profileFields(profiles), field("exportLanguage", el("select", {name: "language"}, el("option", {value: "zh-CN", selected: isChinese(), lang: "zh-CN"}, "中文"),
            el("option", {value: "en", selected: !isChinese(), lang: "en"}, "English")))),
        el("div", {}, el("label", {class: "check"}, el("input", {type: "checkbox", name: "report", checked: true}), el("span", {}, t("exportReport"))), " ",
           el("label", {class: "check"}, el("input", {type: "checkbox", name: "page", checked: true}), el("span", {}, t("exportPage")))),
        said, el("div", {class: "row"}, el("button", {type: "submit", id: "export-start"}, icon("export"), el("span", {}, t("exportStart")))));
    // A range is of one clip: choosing another gives it up, and the other way round.
    const boxes = [...form.querySelectorAll("input[name=clip]")];
    const agree = () => {
        if (cut)
            cut.disabled = boxes.filter(b => b.checked).length !== 1 || !boxes[0].checked;
        form.querySelector("#export-start").disabled = !boxes.some(b => b.checked);
    };
    boxes.forEach(b => b.addEventListener("change", agree));
    agree();
    form.addEventListener("submit", async event => {
        event.preventDefault();
        const f = new FormData(form), ask = {clips: f.getAll("clip"), report: f.has("report"), page: f.has("page"), language: f.get("language")};
        if (f.get("profile"))
            ask.profile = f.get("profile");
        if (f.get("reason"))
            ask.reason = f.get("reason");
        if (cut && cut.checked && !cut.disabled)
            [ask.from_ms, ask.to_ms] = range.map(Math.round);
        const press = form.querySelector("#export-start");
        press.disabled = true;
        try {
            await follow((await api("POST", "/exports", ask)).job, said, stop.signal);
        } catch (e) {
            if (e.name !== "AbortError")
                said.replaceChildren(el("div", {class: "notice bad", role: "alert"}, icon("warn"), el("p", {}, errorText(e))));
        }
        press.disabled = false;
    });
    const dialog = el("dialog", {id: "export", "aria-labelledby": "export-title"}, el("header", {}, el("h2", {id: "export-title"}, t("exportTitle")),
        el("div", {class: "end"}, button("close", "close", () => dialog.close(), {class: "quiet small"}))), el("div", {class: "body"}, form));
    dialog.addEventListener("close", () => {
        stop.abort();
        dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
};
