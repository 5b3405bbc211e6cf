// SPDX-License-Identifier: GPL-3.0-or-later
// Tones and words of the station. A browser makes no sound before somebody has touched the page: hence the button. A tone
// whose file is not there is made here, because a warning must not fall silent; a word that is missing stays unsaid.
import {language} from "./words.js";

// Frequencies and lengths in seconds; up for what began, down for what ended, twice the same for what is wrong.
const SHAPES = {
    start: [[880, .09], [1320, .14]], next: [[880, .09], [1320, .14]], end: [[1320, .09], [880, .14]], sealed: [[1046, .08], [1318, .08], [1568, .12]],
    added: [[1175, .08]], ignored: [[392, .09]], warn: [[740, .16], [740, .16]], refused: [[220, .28], [196, .3]], alarm: [[620, .18], [415, .18], [620, .18], [415, .18]],
};

let context = null, waiting = 0;
const files = new Map();

export const ready = () => Boolean(context) && context.state === "running";

// To be called from a click or a touch.
export const unlock = async () => {
    context ||= new AudioContext();
    await context.resume();
    return ready();
};

export const lock = () => context?.suspend();

const load = path => {
    if (!files.has(path)) {
        files.set(path, fetch("/web/sounds/" + path).then(async a => a.ok ? context.decodeAudioData(await a.arrayBuffer()) : null).catch(() => null));
    }
    return files.get(path);
};

const playBuffer = (buffer, at) => {
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    source.start(at);
    return at + buffer.duration;
};

const playShape = (name, at) => {
    for (const [hertz, seconds] of SHAPES[name] || SHAPES.warn) {
        const tone = context.createOscillator(), loud = context.createGain();
        tone.frequency.value = hertz;
        tone.type = "triangle";
        loud.gain.setValueAtTime(0, at);
        loud.gain.linearRampToValueAtTime(.5, at + .01);
        loud.gain.setValueAtTime(.5, at + seconds - .02);
        loud.gain.linearRampToValueAtTime(0, at + seconds);
        tone.connect(loud).connect(context.destination);
        tone.start(at);
        tone.stop(at + seconds);
        at += seconds + .03;
    }
    return at;
};

const plain = name => /^[a-z0-9-]{1,40}$/.test(name || "");

// The newest wins: what waited for its file while something newer was told is not played late.
export const play = async (tone, say) => {
    if (!ready())
        return;
    const turn = ++waiting;
    const [toneFile, wordFile] = await Promise.all([plain(tone) ? load("tones/" + tone + ".wav") : null, plain(say) ? load(language() + "/" + say + ".wav") : null]);
    if (turn !== waiting || !ready())
        return;
    let at = context.currentTime;
    if (plain(tone))
        at = toneFile ? playBuffer(toneFile, at) : playShape(tone, at);
    if (wordFile)
        playBuffer(wordFile, at + .05);
};
