// SPDX-License-Identifier: GPL-3.0-or-later
// Four answers to four questions, computed when the page was opened and never kept. Each says what agrees with what.
import {button, clipApi, el, errorBox, get, timeText} from "./ui.js";
import {icon} from "./icons.js";
import {ANSWERS, CODES, LIMITS, pickWord, setChinese, word} from "./verdict-words.js";
import {isChinese, t} from "./words.js";

const CALM = {content: ["intact", "excerpt"], key: ["trusted"], time: ["bounded", "not-after", "not-before", "self-declared"], ledger: ["included", "absent"]};

const answer = (question, value, more) => {
    const known = ANSWERS[question][value] || [value, value, "", ""], [zh, en, whyZh, whyEn] = known, calm = CALM[question].includes(value);
    return el("div", {class: calm ? "" : "attention", "data-question": question, "data-answer": value}, el("dt", {}, word(question)),
              el("dd", {}, el("div", {class: "answer"}, calm ? null : icon("warn"), isChinese() ? zh : en), el("div", {class: "why"}, isChinese() ? whyZh : whyEn),
                 ...more.map(line => el("div", {class: "why"}, line))));
};

const bounds = v => [v.time.not_before ? word("notBefore") + " " + timeText(v.time.not_before) : null,
                     v.time.not_after ? word("notAfter") + " " + timeText(v.time.not_after) : null].filter(Boolean);

const found = v => v.problems.length === 0 ? el("p", {}, word("nothing")) : el("ul", {class: "found"}, ...v.problems.map(p => el("li", {},
    el("b", {}, p.where), " — ", pickWord(CODES[p.code] || [p.code, p.code]), isChinese() ? null : el("span", {class: "soft"}, " " + p.text))),
    v.problems_more > 0 ? el("li", {}, v.problems_more + " " + word("more")) : null);

const tell = v => el("div", {"data-content": v.content}, el("dl", {class: "four"}, answer("content", v.content, v.container ? [pickWord(ANSWERS.container[v.container] || ["", ""])].filter(Boolean) : []),
    answer("key", v.key, []), answer("time", v.time.basis, bounds(v)), answer("ledger", v.ledger, (v.witnesses || []).map(w => word("cosigned") + " " + w.name))),
    el("h3", {}, word("found")), found(v), el("details", {}, el("summary", {}, word("limits")), el("ol", {class: "limits"}, ...LIMITS.map(l => el("li", {}, pickWord(l))))),
    el("p", {class: "hint"}, t("verdictNote")));

// Fills host, again after a change of language, without computing anew.
export const showVerdict = (host, clip) => {
    let known = null, running = null;
    const draw = () => {
        setChinese(isChinese());
        if (known)
            host.replaceChildren(tell(known), button("verdictAgain", null, compute, {class: "quiet small"}));
    };
    const compute = async () => {
        known = null;
        running?.abort();
        const mine = running = new AbortController();
        host.replaceChildren(el("p", {role: "status"}, t("verdictRunning")), el("progress", {"aria-label": t("verdictRunning")}));
        try {
            known = await get(clipApi(clip, "/verdict"), {signal: mine.signal});
            draw();
        } catch (e) {
            if (e.name !== "AbortError")
                host.replaceChildren(el("p", {}, t("verdictFailed")), errorBox(e, compute));
        }
    };
    compute();
    return draw;
};
