// What is said to the board and heard from it: one call, one feed, and a way for both to fail in plain words.

const TRIES = 3;
const PATIENCE_MS = 2500;
const POLL_MS = 4000;
const POLLS_PER_STREAM = 5;

export class Refused extends Error {
  constructor(status, { code = "", message = "The board does not answer.", hint = "Is it on, and in this network?" } = {}) {
    super(message);
    Object.assign(this, { status, code, hint });
  }
}

/** Ask the board; with `body`, tell it. What is sent twice counts once, so a lost answer is asked for again. */
export async function call(path, body, tries = TRIES) {
  const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await fetch(path, { ...(body === undefined ? {} : post), signal: AbortSignal.timeout?.(20000) });
      const told = await answer.json();
      if (answer.ok) return told;
      throw new Refused(answer.status, told);
    } catch (error) {
      if (error instanceof Refused) throw error;
      if (attempt === tries) throw new Refused(0);
      await sleep(1000 * attempt);
    }
  }
}

/** A new id of a request: with it, sending again is no second request. */
export const newId = () => [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * Follow the board while the page is seen. `tell(name, value)` gets each part that changed, `reach(true or false)` says
 * whether the board answers, `login()` that it wants a token. Where too many watch already, it is asked now and then.
 */
export function follow({ tell, reach, login }) {
  let source, timer, polls = 0, over = false;

  function open() {
    stop();
    source = new EventSource("api/events");
    for (const name of ["board", "jobs", "progress"]) {
      source.addEventListener(name, (event) => { reach(true); tell(name, JSON.parse(event.data)); });
    }
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) poll();
      else timer ??= setTimeout(poll, PATIENCE_MS);
    };
    source.onopen = () => { clearTimeout(timer); timer = undefined; };
  }

  async function poll() {
    if (over || document.hidden) return;
    stop();
    try {
      for (const [name, value] of Object.entries(await call("api/state", undefined, 1))) tell(name, value);
      reach(true);
    } catch (error) {
      if (error.status === 401) { over = true; return login(); }
      reach(false);
    }
    stop();
    timer = setTimeout(++polls % POLLS_PER_STREAM === 1 ? open : poll, POLL_MS);
  }

  function stop() {
    source?.close();
    clearTimeout(timer);
    timer = undefined;
  }

  document.addEventListener("visibilitychange", () => { if (!over) document.hidden ? stop() : open(); });
  addEventListener("pagehide", stop);
  addEventListener("pageshow", (event) => { if (event.persisted && !over) open(); });
  document.hidden ? undefined : open();
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
