// SPDX-License-Identifier: GPL-3.0-or-later
// The bounds of the formats, as docs/FORMAT.md and evidence/limits.h have them.
export const MAX = {
    statement: 4 << 20, jsonValues: 200000, jsonDepth: 8, jsonString: 65536, jsonInt: Number.MAX_SAFE_INTEGER,
    codes: 64, code: 128, name: 64, stationId: 16, fileName: 96, fields: 255,
    tracks: 16, segments: 12000, ranges: 4096, originals: 512, events: 4096, gaps: 1024, banners: 16, prerollTicks: 30 * 90000,
    clipTicks: 3600 * 90000, segmentTicks: 30 * 90000, segmentFrames: 7200, sample: 16 << 20, samples: 432000, picture: 8192,
    leaf: 512, opening: 16384, minisig: 2048, trustedComment: 512, trust: 262144, trustKeys: 4096, trustLine: 1023,
    box: 16 << 20, boxes: 65536, zipEntries: 4096, zipName: 255, zipDirectory: 2 << 20, manifest: 1 << 20, problems: 64,
    note: 65536, noteSignatures: 32, noteSignature: 8196, proof: 131072, cert: 16384, excerpt: 128 << 10, token: 262144, chain: 1 << 20,
    tokens: 32, certificates: 64, keyFiles: 64,
};
export const TICKS = 90000;
