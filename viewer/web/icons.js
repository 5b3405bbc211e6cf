// SPDX-License-Identifier: GPL-3.0-or-later
// Drawn here: 24 by 24, strokes in the text's colour. A state differs by its shape, never by its colour alone.

const SHAPES = {
    box: "M3 8l9-5 9 5v9l-9 5-9-5V8zM3 8l9 5 9-5M12 13v9",
    ready: "M12 3a9 9 0 1 0 0 18 9 9 0 1 0 0-18zM8 12.5l3 3 5.5-6.5",
    record: "M12 3a9 9 0 1 0 0 18 9 9 0 1 0 0-18z#M12 7.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 1 0 0-9z",
    seal: "M7 11V8a5 5 0 0 1 10 0v3M5 11h14v10H5z",
    sealed: "M12 2l2.6 2 3.3-.1.9 3.1 2.7 1.9-1.1 3.1 1.1 3.1-2.7 1.9-.9 3.1-3.3-.1L12 22l-2.6-2-3.3.1-.9-3.1-2.7-1.9L3.6 12 2.5 8.9l2.7-1.9.9-3.1 3.3.1zM8 12.2l2.8 2.8L16 9.4",
    stop: "M8 2.5h8l5.5 5.5v8L16 21.5H8L2.5 16V8zM12 7v6.5M12 16.8v.4",
    warn: "M12 3L22 20.5H2zM12 9.5v5M12 17.3v.4",
    forbid: "M12 3a9 9 0 1 0 0 18 9 9 0 1 0 0-18zM5.7 5.7l12.6 12.6",
    offline: "M2 8.5a15 15 0 0 1 6-3.4M22 8.5a15 15 0 0 0-9.5-4.4M6 13a9 9 0 0 1 4-2.3M18 13a9 9 0 0 0-2-1.3M12 19v.4M3 3l18 18",
    wait: "M7 3h10M7 21h10M8 3c0 5 8 5 8 9s-8 4-8 9M16 3c0 5-8 5-8 9s8 4 8 9",
    camera: "M3 7h11v10H3zM14 11l7-4v10l-7-4z",
    cameraOff: "M3 7h11v10H3zM14 11l7-4v10l-7-4zM2 2l20 20",
    hold: "M12 2l8 3v6c0 5.5-3.4 9-8 11-4.6-2-8-5.5-8-11V5zM12 8v5M12 16v.4",
    tag: "M3 3h8l10 10-8 8L3 11zM7.5 7.5v.01",
    play: "M7 4l13 8-13 8z",
    pause: "M8 4v16M16 4v16",
    frameBack: "M18 5l-9 7 9 7zM6 5v14",
    frameOn: "M6 5l9 7-9 7zM18 5v14",
    back: "M11 6l-7 6 7 6M4 12h16",
    search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 1 0 0-13zM15.5 15.5L21 21",
    sound: "M4 9v6h4l5 4.5v-15L8 9zM16.5 8.5a5 5 0 0 1 0 7M19 6a8.5 8.5 0 0 1 0 12",
    soundOff: "M4 9v6h4l5 4.5v-15L8 9zM17 9.5l5 5M22 9.5l-5 5",
    full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
    export: "M12 3v12M7 10l5 5 5-5M4 17v4h16v-4",
    square: "M6 6h12v12H6z",
    boxes: "M3 12h8v8H3zM13 12h8v8h-8zM8 3h8v7H8z",
    returned: "M9 5L4 10l5 5M4 10h10a6 6 0 0 1 0 12h-3",
    flag: "M5 22V3M5 4h14l-3 5 3 5H5",
    out: "M10 4H4v16h6M14 8l5 4-5 4M19 12H9",
    close: "M5 5l14 14M19 5L5 19",
    people: "M9 11a4 4 0 1 0 0-8 4 4 0 1 0 0 8zM2 21c0-4.5 3-7 7-7s7 2.5 7 7M16 3.5a4 4 0 0 1 0 7.4M18 14.5c2.6.8 4 3.2 4 6.5",
};

const NS = "http://www.w3.org/2000/svg";

export const svg = (name, attributes = {}, ...children) => {
    const e = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes))
        e.setAttribute(key, value);
    e.append(...children);
    return e;
};

// What follows a "#" is filled.
export const icon = name => {
    const [lines, filled] = (SHAPES[name] || SHAPES.warn).split("#");
    const e = svg("svg", {viewBox: "0 0 24 24", class: "icon icon-" + name, "aria-hidden": "true", focusable: "false"},
                  svg("path", {d: lines}));
    if (filled)
        e.append(svg("path", {d: filled, class: "filled"}));
    return e;
};
