// SPDX-License-Identifier: GPL-3.0-or-later
// The station's events. What is not known any more must not be shown as if it were: a lost connection is told at once, and a
// connection that only seems to live is found by asking.

const NAMES = ["status", "state", "scan", "opened", "frame", "sealed", "unsealed", "alarm", "label", "camera", "weight", "no-recorder", "recorder"];
const QUIET_MS = 4000;  // so long without an event, and the server is asked whether it is there
const ASK_MS = 3000;

// tell(name, data); lost(true|false): whether the connection is gone; refused(): the session is over.
export const follow = ({tell, lost, refused}) => {
    let source = null, heard = Date.now(), wait = 500, timer = 0, up = false;

    const down = () => {
        up = false;
        lost(true);
    };

    const connect = () => {
        clearTimeout(timer);
        source?.close();
        source = new EventSource("/api/v1/events");
        for (const name of NAMES) {
            source.addEventListener(name, event => {
                heard = Date.now();
                let data = {};
                try {
                    data = JSON.parse(event.data);
                } catch {
                    return;
                }
                if (!up && (name === "status" || name === "no-recorder")) {
                    up = true;
                    wait = 500;
                    lost(false);
                }
                tell(name, data);
            });
        }
        source.onerror = again;
    };

    // The browser's own retry has no upper bound and no word for "signed out", so each try is made here.
    const again = async () => {
        source?.close();
        source = null;
        down();
        clearTimeout(timer);
        try {
            const answer = await fetch("/api/v1/session", {cache: "no-store", signal: AbortSignal.timeout(ASK_MS)});
            const who = await answer.json();
            if (answer.ok && !who.user) {
                refused();
                return;
            }
        } catch {
            // Not there: try later.
        }
        timer = setTimeout(connect, wait);
        wait = Math.min(wait * 2, 5000);
    };

    const watch = async () => {
        if (!up || Date.now() - heard < QUIET_MS)
            return;
        try {
            await fetch("/api/v1/health", {cache: "no-store", signal: AbortSignal.timeout(ASK_MS)});
            heard = Date.now();
        } catch {
            again();
        }
    };

    connect();
    setInterval(watch, 2000);
    addEventListener("offline", down);
    addEventListener("online", connect);
};
