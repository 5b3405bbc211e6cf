// SPDX-License-Identifier: GPL-3.0-or-later
// The page: files in, verdicts out. Text only ever goes in as text.
import {utf8} from "./bytes.js";
import {showClip} from "./show.js";
import {judgeAll} from "./judge.js";
import {parseTrust} from "./trust.js";
import {witnessTime} from "./time.js";
import {isChinese, LIMITS, pickWord, setChinese, word} from "./words.js";

const at = id => document.getElementById(id);

let trustText = "", results = [], items = [], running = 0;

// ---- language

const translate = () => {
    document.documentElement.lang = isChinese() ? "zh-CN" : "en";
    document.title = word("title");
    for (const e of document.querySelectorAll("[data-word]"))
        e.textContent = word(e.dataset.word);
    at("language").lang = isChinese() ? "en" : "zh-CN";
    at("limits-list").replaceChildren(...LIMITS.map(pair => {
        const li = document.createElement("li");
        li.textContent = pickWord(pair);
        return li;
    }));
    tellTrust();
};

// ---- registered keys

const readTrust = () => trustText.trim() === "" ? null : parseTrust(utf8(trustText));

const tellTrust = () => {
    let said;
    try {
        said = readTrust() ? word("trustGiven") : word("trustNone");
    } catch (e) {
        said = word("trustBad") + ": " + e.message;
    }
    at("trust-state").textContent = said;
};

// ---- checking

const plain = v => ({path: v.path, clip: v.clip, bundle: v.bundle, content: v.content, key: v.key, time: v.time, ledger: v.ledger,
                     container: v.container, notBefore: v.notBefore, notAfter: v.notAfter, more: v.more,
                     witnesses: v.witnesses.map(w => ({name: w.name, time: witnessTime(w)})),
                     problems: v.problems.map(p => ({code: p.code, where: p.where}))});

const toItems = files => Array.from(files, f => ({path: f.webkitRelativePath || f.name, blob: f}));

// For programs and tests: the same verdicts without the page.
window.packsealVerify = async (files, text = "") =>
    (await judgeAll(toItems(files), text.trim() === "" ? null : parseTrust(utf8(text)))).map(plain);

const breathe = () => new Promise(go => setTimeout(go));

const show = () => at("results").replaceChildren(...results.map(v => showClip(v)));

const check = async () => {
    const mine = ++running, bar = at("progress"), state = at("state");
    let trust = null, painted = 0;
    tellTrust();
    if (items.length === 0)
        return;
    try {
        trust = readTrust();
    } catch {
        return; // said beside the field
    }
    results = [];
    show();
    bar.hidden = false;
    state.textContent = word("working") + " …";
    try {
        const got = await judgeAll(items, trust, async share => {
            if (mine !== running)
                throw new Error("superseded");
            if (performance.now() - painted > 100) {
                bar.value = share;
                state.textContent = word("working") + " " + Math.floor(share * 100) + "%";
                painted = performance.now();
                await breathe();
            }
        });
        if (mine !== running)
            return;
        results = got;
        state.textContent = word("done");
        show();
    } catch (e) {
        if (mine === running)
            state.textContent = word("failed") + ": " + (e && e.message || e);
    } finally {
        if (mine === running)
            bar.hidden = true;
    }
};

const take = list => {
    items = list;
    check();
};

// ---- dropping: files, and folders with what is below them

const readEntry = async (entry, path, out) => {
    if (entry.isFile) {
        out.push({path: path + entry.name, blob: await new Promise((yes, no) => entry.file(yes, no))});
        return;
    }
    const reader = entry.createReader();
    for (;;) {
        const some = await new Promise((yes, no) => reader.readEntries(yes, no));
        if (some.length === 0)
            return;
        for (const e of some)
            await readEntry(e, path + entry.name + "/", out);
    }
};

const dropped = async transfer => {
    const entries = Array.from(transfer.items || [], i => i.webkitGetAsEntry && i.webkitGetAsEntry()).filter(Boolean), out = [];
    if (entries.length === 0)
        return toItems(transfer.files);
    for (const e of entries)
        await readEntry(e, "", out);
    return out;
};

const listen = () => {
    const box = at("drop");
    at("language").addEventListener("click", () => {
        setChinese(!isChinese());
        translate();
        show();
        at("state").textContent = results.length > 0 ? word("done") : "";
    });
    for (const id of ["files", "folder"])
        at(id).addEventListener("change", e => take(toItems(e.target.files)));
    at("trust-file").addEventListener("change", async e => {
        trustText = e.target.files.length > 0 ? await e.target.files[0].text() : "";
        at("trust-text").value = trustText;
        check();
    });
    at("trust-text").addEventListener("change", e => {
        trustText = e.target.value;
        check();
    });
    for (const type of ["dragenter", "dragover"])
        document.addEventListener(type, e => {
            e.preventDefault();
            box.classList.add("over");
        });
    for (const type of ["dragleave", "drop"])
        document.addEventListener(type, () => box.classList.remove("over"));
    document.addEventListener("drop", async e => {
        e.preventDefault();
        take(await dropped(e.dataTransfer));
    });
};

setChinese(/^zh\b/i.test(navigator.language || ""));
translate();
listen();
