// SPDX-License-Identifier: GPL-3.0-or-later
// A scanner that types: characters that come faster than fingers, then Enter. It works wherever the focus is, but in a field
// that somebody types into.

const GAP_MS = 120;     // longer between two keys, and what came before was no code
const HAND_MS = 60;     // slower than this on average: a person

export const listen = (took, field) => {
    let text = "", first = 0, last = 0;
    document.addEventListener("keydown", event => {
        if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing)
            return;
        const other = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target !== field;
        if (other || event.target === field)
            return;
        const now = event.timeStamp;
        if (event.key === "Enter") {
            const code = text;
            text = "";
            if (code.length >= 3 && now - last <= GAP_MS) {
                // Enter would press the button that has the focus.
                event.preventDefault();
                event.stopPropagation();
                took(code, (last - first) / (code.length - 1) > HAND_MS);
            }
            return;
        }
        if (event.key.length !== 1)
            return;
        if (now - last > GAP_MS)
            text = "";
        if (text === "")
            first = now;
        last = now;
        text = (text + event.key).slice(-128);
        // Within a code it scrolls nothing and presses nothing; alone it is a key like any other.
        if (event.key === " " && text.length > 1)
            event.preventDefault();
    }, true);
};
