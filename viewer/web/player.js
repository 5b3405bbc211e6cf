// SPDX-License-Identifier: GPL-3.0-or-later
// Several films of one clip, played as one. Time is the clip's, in milliseconds; each film lies in it from its start_ms on.
// The longest film leads; the others are held to it: a small difference is made good by a slightly other speed, a large one
// by a jump. On a still picture every film is put to the same moment.
import {el, place} from "./ui.js";
import {t} from "./words.js";

export const SPEEDS = [0.25, 0.5, 1, 1.5, 2, 4, 8];
const JUMP_MS = 400;   // further apart than this: no catching up
const LEAN = .08;      // the most that a film's speed is changed to catch up

// tracks: [{file, camera, start_ms, ms, fps, width, height, src}]. Gives an element and what can be done with it.
export const makePlayer = (tracks, {moved, failed}) => {
    const films = tracks.map(track => {
        const video = el("video", {preload: "auto", playsinline: true, muted: true, tabindex: "-1", "aria-label": track.camera, src: track.src});
        // The attribute does not mute what a script made.
        video.muted = true;
        const note = el("p", {class: "film-note", hidden: true}, t("filmFailed"));
        const node = el("figure", {class: "film", "data-file": track.file}, video, note, el("figcaption", {}, track.camera));
        video.addEventListener("error", () => {
            note.hidden = false;
            failed(track);
        });
        return {track, video, node, shown: null};
    });
    const lead = films.reduce((a, b) => b.track.ms > a.track.ms ? b : a, films[0]);
    const end = Math.max(...tracks.map(k => k.start_ms + k.ms));
    const stage = el("div", {class: "stage n" + Math.min(films.length, 4)}, ...films.map(f => f.node));
    let speed = 1, playing = false, wanted = 0;

    const inFilm = (f, ms) => Math.min(Math.max(0, ms - f.track.start_ms), Math.max(0, f.track.ms - 1)) / 1000;
    const runs = (f, ms) => ms >= f.track.start_ms && ms < f.track.start_ms + f.track.ms;
    const now = () => playing ? lead.track.start_ms + lead.video.currentTime * 1000 : wanted;

    // The picture that stands on the screen, by its own time in the film: what two films differ by is told from this.
    const watch = f => {
        const next = (_now, frame) => {
            f.shown = f.track.start_ms + frame.mediaTime * 1000;
            f.node.dataset.shown = String(Math.round(f.shown));
            f.video.requestVideoFrameCallback(next);
        };
        f.video.requestVideoFrameCallback?.(next);
    };
    films.forEach(watch);

    const follow = () => {
        const at = now();
        for (const f of films) {
            if (f === lead)
                continue;
            if (!runs(f, at)) {
                f.video.pause();
                f.node.classList.toggle("outside", true);
                continue;
            }
            f.node.classList.toggle("outside", false);
            if (f.video.paused && playing)
                f.video.play().catch(() => {});
            const late = at - (f.track.start_ms + f.video.currentTime * 1000), frame = 1000 / (f.track.fps || 25);
            if (Math.abs(late) > JUMP_MS * Math.max(1, speed))
                f.video.currentTime = inFilm(f, at);
            else
                f.video.playbackRate = speed * (1 + (Math.abs(late) < frame / 4 ? 0 : Math.max(-LEAN, Math.min(LEAN, late / 500))));
        }
    };

    const seek = ms => {
        wanted = Math.min(Math.max(0, ms), end);
        for (const f of films) {
            f.video.currentTime = inFilm(f, wanted);
            f.node.classList.toggle("outside", !runs(f, wanted));
        }
        moved(wanted);
    };

    const pause = () => {
        if (!playing)
            return;
        wanted = now();
        playing = false;
        films.forEach(f => f.video.pause());
        // All to the leader's picture, in its middle, so that rounding cannot show the one before.
        seek(wanted);
    };

    const play = async () => {
        if (wanted >= lead.track.start_ms + lead.track.ms - 50)
            seek(0);
        lead.video.playbackRate = speed;
        try {
            await lead.video.play();
        } catch {
            return;
        }
        playing = true;
        follow();
        moved(now());
    };

    lead.video.addEventListener("ended", () => {
        wanted = end;
        playing = false;
        films.forEach(f => f.video.pause());
        moved(end);
    });

    const loop = () => {
        if (!stage.isConnected)
            return;
        if (playing) {
            follow();
            moved(now());
        }
        requestAnimationFrame(loop);
    };
    requestAnimationFrame(loop);

    return {
        node: stage, end, films, seek, play, pause,
        now, playing: () => playing, toggle: () => playing ? pause() : play(), speed: () => speed,
        setSpeed: s => {
            speed = s;
            lead.video.playbackRate = s;
            follow();
        },
        faster: by => {
            const at = SPEEDS.indexOf(speed) + by;
            return SPEEDS[Math.min(Math.max(0, at), SPEEDS.length - 1)];
        },
        // To the middle of the picture before or after.
        step: by => {
            const at = now(), fps = lead.track.fps || 25;
            pause();
            const n = Math.floor((at - lead.track.start_ms) / 1000 * fps + 1e-3) + by;
            seek(lead.track.start_ms + (Math.max(0, n) + .5) / fps * 1000);
        },
        label: () => place(now()) + " / " + place(end),
    };
};
