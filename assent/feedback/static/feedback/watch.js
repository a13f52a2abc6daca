// How long somebody has looked at an item, and whether they still do.

const ACTIVE_MS = 5 * 60_000; // without a key, a pointer or a scroll nobody is at work any more

export class Watch {
  /** `beat()` is called every `everyMs` while the page is visible and somebody is active. */
  constructor(everyMs, beat) {
    Object.assign(this, { before: 0, since: null, active: performance.now() });
    const seen = () => (this.active = performance.now());
    for (const kind of ["keydown", "pointerdown", "pointermove", "scroll", "input"])
      addEventListener(kind, seen, { passive: true, capture: true });
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#pause() : this.#go()));
    this.running = false;
    setInterval(() => this.running && this.isActive && beat(), everyMs);
  }

  get isActive() {
    return !document.hidden && performance.now() - this.active < ACTIVE_MS;
  }

  /** Seconds in which the page was visible, those of earlier visits with them. */
  get seconds() {
    return this.before + (this.since === null ? 0 : (performance.now() - this.since) / 1000);
  }

  start(before) {
    Object.assign(this, { before, since: document.hidden ? null : performance.now(), running: true });
  }

  stop() {
    this.#pause();
    this.running = false;
  }

  #pause() {
    this.before = this.seconds;
    this.since = null;
  }

  #go() {
    if (this.running && this.since === null) this.since = performance.now();
  }
}
