// SPDX-License-Identifier: GPL-3.0-or-later
// Segment records and their chain (docs/FORMAT.md section 3).
import {be, Cursor, join, utf8} from "./bytes.js";
import {MAX} from "./limits.js";
import {sha256, Sha256, sha256Large} from "./sha256.js";

export const RECORD = 132;

// The fields of a record; null when one is beyond its bound.
export const parseRecord = bytes => {
    const c = new Cursor(bytes);
    const r = {track: c.u32(), seq: c.u32(), start: c.u64(), duration: c.u64(), frames: c.u32(), bytes: c.u64(),
               avcc: c.take(32), timing: c.take(32), samples: c.take(32)};
    const ok = r.track < MAX.tracks && r.seq < MAX.segments && r.start <= MAX.clipTicks &&
               r.duration > 0 && r.duration <= MAX.segmentTicks && r.frames > 0 && r.frames <= MAX.segmentFrames &&
               r.bytes >= r.frames && r.bytes <= r.frames * MAX.sample;
    return ok ? r : null;
};

const NAME = utf8("packseal/segment/v1\0");

export const chain = (head, record) => sha256(NAME, head, record);

export const timingDigest = ticks => sha256(...ticks.map(t => be(t, 4)));

// SHA-256 over u32 size ‖ bytes of each sample. Up to `TOGETHER` bytes are laid out in one piece for WebCrypto.
const TOGETHER = 32 << 20;

export class SamplesDigest {
    constructor(bytes, frames) {
        const size = bytes + 4 * frames;
        this.together = size <= TOGETHER ? new Uint8Array(size) : null;
        this.at = 0;
        this.stream = this.together ? null : new Sha256();
    }
    add(sample) {
        const size = be(sample.length, 4);
        if (this.stream) {
            this.stream.update(size).update(sample);
            return;
        }
        this.together.set(size, this.at);
        this.together.set(sample, this.at + 4);
        this.at += 4 + sample.length;
    }
    async digest() {
        return this.stream ? this.stream.digest() : sha256Large(this.together.subarray(0, this.at));
    }
}

export const sizeKey = r => r.bytes + "/" + r.frames;

export const headsDigest = heads => sha256(utf8("packseal/heads/v1\0"), ...heads.map((h, i) => join(be(i, 4), h)));
