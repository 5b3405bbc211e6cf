// SPDX-License-Identifier: GPL-3.0-or-later
// Times of the formats: RFC 3339, UTC, with milliseconds. Numbers of them are milliseconds since 1970.

// Null when it is no such time, or outside the years that nanoseconds in 64 bits hold.
export const parseTime = s => {
    const m = /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})Z$/.exec(s);
    if (!m || m[1] < "1678" || m[1] > "2261")
        return null;
    const ms = Date.parse(s);
    // Date.parse carries 30 February over into March; a time that is one says the same again.
    return Number.isNaN(ms) || timeText(ms) !== s ? null : ms;
};

export const timeText = ms => new Date(ms).toISOString();

// Of a witness, which tells seconds; null when it told none.
export const witnessTime = w => w.time === null ? null : timeText(Number(w.time) * 1000);

// "06:05.123" of ticks of 1/90000 s.
export const mediaTime = ticks => {
    const ms = Math.floor(ticks / 90), two = n => String(n).padStart(2, "0");
    return two(Math.floor(ms / 60000)) + ":" + two(Math.floor(ms / 1000) % 60) + "." + String(ms % 1000).padStart(3, "0");
};
