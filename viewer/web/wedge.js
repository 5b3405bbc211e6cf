// SPDX-License-Identifier: GPL-3.0-or-later
// A scanner that types: characters that come faster than fingers, then Enter. It works wherever the focus is, but in a field
// that somebody types into. A scan that is torn by a pause is dropped whole: its rest must never become a code of its own.

const GAP_MS = 120;     // longer between two keys, and the scan is torn
const FRESH_MS = 1500;  // so long after the last key of a torn one a new one may begin
const HAND_MS = 60;     // slower than this on average: a person
const LEAST = 3;
const MOST = 128;

// Takes keys with their times; gives {code, manual} or {torn: true} at an Enter, else null.
export const newReader = () => {
    let text = "", first = 0, last = -Infinity, torn = false;
    return (key, now) => {
        const gap = now - last;
        if (gap > FRESH_MS) {
            text = "";
            torn = false;
        }
        if (key === "Enter") {
            const code = text, broken = torn || gap > GAP_MS;
            text = "";
            torn = false;
            last = -Infinity;
            if (code.length < LEAST)
                return null;
            return broken || code.length > MOST ? {torn: true} : {code, manual: (now - gap - first) / (code.length - 1) > HAND_MS};
        }
        if (text === "")
            first = now;
        else if (gap > GAP_MS)
            torn = true;
        last = now;
        text = (text + key).slice(0, MOST + 1);
        return null;
    };
};

// took(code, manual), torn(). field: where numbers are typed by hand, which has its own way.
export const listen = (took, torn, field) => {
    const read = newReader();
    let before = -Infinity;
    document.addEventListener("keydown", event => {
        if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.target === field || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName))
            return;
        if (event.key !== "Enter" && event.key.length !== 1)
            return;
        const got = read(event.key, event.timeStamp), fast = event.timeStamp - before <= GAP_MS;
        before = event.timeStamp;
        // Enter and a space of a scan would press the button that has the focus; by themselves they are keys like any other.
        if (got || event.key === " " && fast) {
            event.preventDefault();
            event.stopPropagation();
        }
        if (got && got.torn)
            torn();
        else if (got)
            took(got.code, got.manual);
    }, true);
};
