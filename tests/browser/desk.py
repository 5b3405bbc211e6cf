# The viewer's pages in a real browser: what a person does there, and what no page may do.
import os
import re
import time

from webdriver import Browser

ENTER, ESCAPE, TAB, UP, DOWN = "\ue007", "\ue00c", "\ue004", "\ue013", "\ue015"

# What the network says of an answer that a test asked for: a wrong password, a page that is not there.
EXPECTED = re.compile(r"Failed to load resource: the server responded with a status of (401|403|404|409|429|503)|net::ERR_(CONNECTION|INCOMPLETE|EMPTY|ABORTED|NETWORK)")


def axe_source(browser):
    """axe-core as it lies in Chromium itself, within the audits of its developer tools: nothing to download, and as new as
    the browser. It is a template literal there."""
    browser.open("devtools://devtools/bundled/third_party/lighthouse/lighthouse-dt-bundle.js")
    text = browser.call("return document.body.textContent")
    at = text.find("`/*! axe v")
    if at < 0:
        raise RuntimeError("this Chromium has no axe-core in its developer tools")
    end = at + 1
    while text[end] != "`":
        end += 2 if text[end] == "\\" else 1
    browser.open("about:blank")
    return browser.call("return eval(args[0])", text[at:end + 1])


AXE = """
const r = await axe.run(document, {resultTypes: ['violations']});
return {checked: r.passes.length, bad: r.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v =>
    v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' ' + (n.any[0] || n.all[0] || n.none[0] || {}).message).join(' ; '))};
"""

# Wider than the window, and what makes it so.
WIDE = """
const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
if (wide <= 1) return [];
return [wide + ' px too wide'].concat([...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .slice(0, 4).map(e => e.tagName + '#' + e.id + '.' + e.className));
"""

# A key of the table of words that is not in it shows itself.
KEYS = """
const {hasWord} = await import('/web/words.js'), missing = [];
for (const name of args[0]) {
    const text = await (await fetch('/web/' + name)).text();
    const found = [...text.matchAll(/\\bt\\("([\\w.-]+)"[,)]/g), ...text.matchAll(/data-(?:word|label|placeholder|title)="([\\w.-]+)"/g),
                   ...text.matchAll(/"data-(?:word|label|placeholder|title)": "([\\w.-]+)"/g), ...text.matchAll(/\\b(?:button|field|sure|form|secret)\\("([\\w.-]+)"/g), ...text.matchAll(/\\bcard\\("[\\w-]+", "([\\w.-]+)"/g)].map(m => m[1]);
    for (const key of found) if (!hasWord(key)) missing.push(name + ': ' + key);
}
return missing;
"""


class Desk:
    """A browser at one address. Everything that the console says is judged at the end."""

    def __init__(self, url, pictures, language="zh-CN"):
        self.url, self.pictures = url, pictures
        os.makedirs(pictures, exist_ok=True)
        self.browser = Browser(language)
        self.said = []
        self.axe = axe_source(self.browser)

    def close(self):
        self.browser.close()

    def open(self, path):
        self.keep_log()
        self.browser.open(self.url + path)

    def keep_log(self):
        self.said += self.browser.log()

    def complaints(self):
        """What the console said that it should not have said."""
        self.keep_log()
        return [text for level, text in self.said if (level == "SEVERE" or "Content Security Policy" in text or "ontent-Security-Policy" in text) and not EXPECTED.search(text)]

    def call(self, script, *args):
        return self.browser.call(script, *args)

    def text(self, selector):
        return self.call("const e = document.querySelector(args[0]); return e ? e.innerText.replace(/\\s+/g, ' ').trim() : null", selector)

    def value(self, script, *args):
        return self.call("return " + script, *args)

    def until(self, script, *args, seconds=30):
        """The first true value of a JavaScript expression, else the last one."""
        end = time.monotonic() + seconds
        while True:
            try:
                got = self.call("return " + script, *args)
            except RuntimeError as e:
                # A page that is just being left has no answer.
                if "no such execution context" not in str(e) and "navigat" not in str(e) and "unloaded" not in str(e) and "in the page" not in str(e):
                    raise
                got = None
            if got or time.monotonic() > end:
                return got
            time.sleep(0.05)

    def there(self, selector, seconds=30):
        return self.until("Boolean(document.querySelector(args[0]))", selector, seconds=seconds)

    def at(self, path, seconds=30):
        return self.until("location.pathname === args[0] && document.readyState === 'complete'", path, seconds=seconds)

    def says(self, selector, words, seconds=30):
        """Waits until the element's text has these words; gives whether it has."""
        return self.until("(document.querySelector(args[0])?.innerText || '').replace(/\\s+/g, ' ').includes(args[1])", selector, words, seconds=seconds)

    def click(self, selector):
        # Into the middle: at the upper edge the heading lies over what is scrolled to.
        self.call("document.querySelector(args[0])?.scrollIntoView({block: 'center'})", selector)
        self.browser.click(selector)

    def type(self, selector, text):
        self.browser.type(selector, text)

    def press(self, *keys):
        self.browser.press(*keys)

    def size(self, width, height, scale=1):
        """Of the page itself: 360 wide is a phone; half of the screen at scale 2 is what 200 % zoom gives."""
        self.browser.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)

    def minimized(self, on):
        if on:
            self.browser.ask("POST", "/session/%s/window/minimize" % self.browser.session, {})
        else:
            self.browser.window(1280, 860)

    def scheme(self, dark=False, still=False):
        self.browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                                                                       {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"}])

    def language(self, wanted):
        if self.value("document.documentElement.lang") != wanted:
            self.click("#language")
            self.until("document.documentElement.lang === args[0]", wanted)

    def picture(self, name):
        self.browser.picture(os.path.join(self.pictures, name + ".png"))

    def serious(self):
        return self.call(self.axe + AXE)

    def too_wide(self):
        return self.call(WIDE)

    def missing_words(self, files):
        return self.call(KEYS, files)
