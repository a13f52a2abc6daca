// Requests, and the queue in which answers wait until the server has said that they are on disk.
//
// An answer is written to localStorage before its first byte is sent, and leaves it only when the server has answered.
// The server knows it by its UUID, so sending it twice stores it once.

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
const TIMEOUT_MS = 20_000;
const TRIES = 5; // of what the server breaks on; then it is set aside, and the others go out

/** The server did not answer, or not as itself. `reason`: offline, busy, broken, login, other. */
export class Unreachable extends Error {
  constructor(reason, waitMs = 0) {
    super(reason);
    this.reason = reason;
    this.waitMs = waitMs;
  }
}

const token = () => document.querySelector("input[name=csrfmiddlewaretoken]");

/** Of all that is sent. X-Keep says whose page this is: nothing is shown to it, or stored, in the session of another. */
export function headers() {
  const { keep } = document.querySelector("[data-keep]").dataset;
  const json = "application/json";
  return { Accept: json, "Content-Type": json, "X-CSRFToken": token()?.value ?? "", "X-Keep": keep };
}

async function send(method, path, body) {
  try {
    return await fetch(path, {
      method,
      redirect: "manual",
      credentials: "same-origin",
      signal: AbortSignal.timeout?.(TIMEOUT_MS),
      headers: headers(),
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Unreachable("offline");
  }
}

// Whoever logs in again in another tab makes the token of this page stale. The page, fetched again, has the new one.
async function renewToken() {
  const { status, body } = await answered(await send("GET", location.pathname));
  if (status !== 200) throw new Unreachable("other"); // this page is not theirs to see any more
  const fresh = new DOMParser().parseFromString(body, "text/html");
  const value = fresh.querySelector("input[name=csrfmiddlewaretoken]")?.value;
  if (value) for (const input of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) input.value = value;
}

async function answered(response) {
  if (response.type === "opaqueredirect") throw new Unreachable("login");
  const asked = Number(response.headers.get("Retry-After")) * 1000 || 0;
  if ([429, 502, 503, 504].includes(response.status)) throw new Unreachable("busy", asked);
  if (response.status >= 500) throw new Unreachable("broken", asked);
  const text = await response.text().catch(() => {
    throw new Unreachable("offline"); // cut off in the middle: it may be stored, and is sent again
  });
  let body = text;
  if (response.headers.get("Content-Type")?.startsWith("application/json")) body = parsed(text);
  if (response.status === 409 && body.code === "person") throw new Unreachable("other");
  return { status: response.status, body };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Unreachable("broken");
  }
}

/** {status, body}: JSON, or the text of a page. Throws Unreachable. */
export async function get(path) {
  return answered(await send("GET", path));
}

/** The same; a stale token is renewed once. */
export async function post(path, body) {
  const response = await send("POST", path, body);
  if (response.status !== 403) return ours(response);
  await renewToken();
  return ours(await send("POST", path, body));
}

// All that we post is answered with JSON. A page with status 200 comes from something between us and the server, such
// as the login of a hotel's network: nothing is stored.
async function ours(response) {
  const result = await answered(response);
  if (result.status === 200 && typeof result.body !== "object") throw new Unreachable("offline");
  return result;
}

/**
 * Answers on their way, oldest first. `told({waiting, reason})` is called at each change; reason is null while the
 * server can be reached. `late({status, body, name})` is called with what was answered when nobody waited any more.
 */
export class Queue {
  constructor(shelf, told, late) {
    Object.assign(this, { shelf, told, late, reason: null, count: 0, waitMs: FIRST_WAIT_MS, timer: null, running: null });
    this.listeners = new Map(); // of a name: whoever waits for the first attempt
    addEventListener("online", () => this.flush());
  }

  get waiting() {
    return this.shelf.names("queue/");
  }

  get refused() {
    return this.shelf.names("refused/").map((name) => ({ name, ...this.shelf.get(name) }));
  }

  /** Whether an answer to this item waits here. */
  holds({ shown, made }) {
    const bodies = this.waiting.map((name) => this.shelf.get(name)?.body);
    return bodies.some((body) => body?.shown === shown && (body.made ?? made) === made);
  }

  /**
   * Keep it, then send it in its turn. Resolves after the first attempt: {status, body, name}, or null where the
   * server could not be reached and it goes out later.
   */
  add(path, body, draft = null) {
    const order = String(Date.now()).padStart(15, "0") + String(this.count++).padStart(6, "0");
    const name = `queue/${order}-${Math.random().toString(36).slice(2, 8)}`; // two tabs never share one
    this.shelf.set(name, { path, body, draft, tries: 0 });
    const attempt = new Promise((resolve) => this.listeners.set(name, resolve));
    this.flush();
    return attempt;
  }

  /** Send all that waits, in order, until the server cannot be reached; then again by itself. */
  flush() {
    clearTimeout(this.timer);
    if (!this.running) this.running = this.#run();
    return this.running;
  }

  async #run() {
    await null; // so that `running` is set before it is taken back
    try {
      for (let [name] = this.waiting; name; [name] = this.waiting) await this.#first(name);
      this.#empty();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.#later(error);
    } finally {
      this.running = null; // at once: whoever adds in the next moment starts another run
    }
  }

  async #first(name) {
    const entry = this.shelf.get(name);
    if (!entry) return this.shelf.remove(name); // another tab was faster, or nobody can read it
    try {
      this.#settle(name, entry, await post(entry.path, entry.body));
    } catch (error) {
      if (!(error instanceof Unreachable) || !this.#setAside(name, entry, error)) throw error;
    }
  }

  #empty() {
    this.reason = null;
    this.waitMs = FIRST_WAIT_MS;
    for (const name of [...this.listeners.keys()]) this.#tell(name, null); // another tab has sent them
    this.told(this);
  }

  #settle(name, entry, result) {
    if (result.status !== 200) this.#refuse(name, entry, result);
    this.shelf.remove(name);
    if (entry.draft && !this.#isOther(entry)) this.shelf.remove(entry.draft);
    if (this.listeners.has(name)) this.#tell(name, { ...result, name });
    else this.late({ ...result, name });
  }

  // Whether another tab has begun a draft of its own in the same place.
  #isOther({ draft, body }) {
    const kept = this.shelf.get(draft)?.uuid;
    return kept !== undefined && kept !== body.uuid;
  }

  // Whether the others may go on: what breaks the server each time must not hold them up for ever.
  #setAside(name, entry, error) {
    if (error.reason !== "broken") return false;
    this.shelf.set(name, { ...entry, tries: entry.tries + 1 });
    if (entry.tries + 1 < TRIES) return false;
    this.#settle(name, entry, { status: 500, body: {} });
    return true;
  }

  // `code` and `meanwhile` say what can be done about it: network.js.
  #refuse(name, entry, { status, body }) {
    const { error: why = String(status), code = "", meanwhile = null } = body ?? {};
    this.shelf.set(name.replace("queue/", "refused/"), { ...entry, why, code, meanwhile });
  }

  #later(error) {
    for (const name of [...this.listeners.keys()]) this.#tell(name, null);
    this.timer = setTimeout(() => this.flush(), Math.max(error.waitMs, this.waitMs));
    this.waitMs = Math.min(this.waitMs * 2, LONGEST_WAIT_MS);
    this.lost(error);
  }

  /** The server cannot be reached: Unreachable says why. */
  lost({ reason }) {
    this.reason = reason;
    this.told(this);
  }

  #tell(name, result) {
    this.listeners.get(name)(result);
    this.listeners.delete(name);
  }

  /** Out of the list of what was refused: it stands in the form again, or its owner let it go. */
  forget(name) {
    this.shelf.remove(name.replace("queue/", "refused/"));
    this.told(this);
  }

  /** Refused, and sent once more, with `changes` to what was sent. Resolves as `add` does. */
  again(name, changes = {}) {
    const entry = this.shelf.get(name);
    if (!entry) return Promise.resolve(null); // another tab was faster
    const queued = name.replace("refused/", "queue/");
    this.shelf.set(queued, { ...entry, body: { ...entry.body, ...changes }, tries: 0 });
    const attempt = new Promise((resolve) => this.listeners.set(queued, resolve));
    this.forget(name);
    this.flush();
    return attempt;
  }
}
