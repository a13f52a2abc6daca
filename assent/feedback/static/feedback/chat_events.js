// What was done with answers, on its way to the server.
//
// `Outbox(shelf, path)`: `add(turn, kind, seconds)` keeps an event until the server has it, over reloads too.
// `watch(chat, outbox)`: copies, clicks and reading times of answers, once `chat.dataset.consent` is "given", and no
//     longer; thumbs are no matter of this. Reading time counts in whole looks: as long as half of an answer, or half
//     of the window, shows it, the page is in front, and somebody has moved within the last minute.
import { newUuid } from "./drafts.js";
import { headers, post, Unreachable } from "./net.js";

const MOST = 100; // events a request
const NEVER = [400, 409, 422]; // what is answered so is never stored; whoever is no member now may be one again
const FIRST_WAIT = 1000, LONGEST_WAIT = 30_000; // milliseconds until the server is tried again
const IDLE = 60_000; // milliseconds without a sign of a reader
const BEAT = 500; // milliseconds between looks
const LEAST = 1; // seconds: less was no reading

export class Outbox {
  constructor(shelf, path) {
    Object.assign(this, { shelf, path, name: `events${path}`, sending: false });
  }

  get waiting() {
    return this.shelf.get(this.name) ?? [];
  }

  set waiting(events) {
    if (events.length) this.shelf.set(this.name, events);
    else this.shelf.remove(this.name);
  }

  add(turn, kind, seconds) {
    const event = { uuid: newUuid(), turn, kind };
    if (seconds !== undefined) event.seconds = seconds;
    this.waiting = [...this.waiting, event];
    return this.flush();
  }

  // Sends all there is, the oldest first, and tries again until the server has answered.
  async flush() {
    if (this.sending) return;
    this.sending = true;
    for (let wait = FIRST_WAIT, most = MOST; this.waiting.length; ) {
      const events = this.waiting.slice(0, most);
      const outcome = await this.#sent(events);
      if (outcome === "later") {
        await new Promise((resolve) => setTimeout(resolve, wait));
        wait = Math.min(wait * 2, LONGEST_WAIT);
      } else if (outcome === "refused" && most > 1) most = 1; // one that is refused takes no other with it
      else this.drop((event) => events.some((sent) => sent.uuid === event.uuid)); // stored, or never to be
    }
    this.sending = false;
  }

  async #sent(events) {
    try {
      const { status, body } = await post(this.path, { events });
      if (status === 200) return "stored";
      return NEVER.includes(status) || body?.code === "unknown" ? "refused" : "later";
    } catch (error) {
      if (error instanceof Unreachable) return "later";
      throw error;
    }
  }

  // The page goes: no answer is waited for. What does not arrive is sent by the next visit, and stored once.
  leave() {
    const events = this.waiting.slice(0, MOST);
    if (!events.length) return;
    const sent = { method: "POST", keepalive: true, headers: headers(), body: JSON.stringify({ events }) };
    fetch(this.path, sent).catch(() => {});
  }

  drop(which) {
    this.waiting = this.waiting.filter((event) => !which(event));
  }

  // After a withdrawal nothing more goes out but thumbs.
  withdraw() {
    this.drop((event) => !event.kind.startsWith("thumb"));
  }
}

export function watch(chat, outbox) {
  const agreed = () => chat.dataset.keeps === "yes" && chat.dataset.consent === "given";
  const seen = new Map(); // answer -> seconds since the last report
  const shown = new Set();
  let sign = performance.now();
  let last = sign;

  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const half = entry.intersectionRatio >= 0.5 || entry.intersectionRect.height >= innerHeight / 2;
      if (entry.isIntersecting && half) shown.add(entry.target);
      else shown.delete(entry.target);
    }
  }, { threshold: [0, 0.1, 0.25, 0.5, 0.75, 1] });

  const observe = () => chat.querySelectorAll(".reply").forEach((one) => observer.observe(one));
  new MutationObserver(observe).observe(chat.querySelector("#log"), { childList: true, subtree: true });
  observe();

  const look = () => {
    const now = performance.now();
    const reading = agreed() && document.visibilityState === "visible" && now - sign < IDLE;
    for (const answer of reading ? shown : []) {
      if (!answer.isConnected) shown.delete(answer);
      else seen.set(answer.dataset.answer, (seen.get(answer.dataset.answer) ?? 0) + (now - last) / 1000);
    }
    last = now;
  };
  const report = () => {
    look();
    for (const [turn, seconds] of agreed() ? seen : []) {
      if (seconds >= LEAST) outbox.add(turn, "dwell", Math.round(seconds * 10) / 10);
    }
    seen.clear();
    outbox.leave();
  };

  setInterval(look, BEAT);
  for (const name of ["pointermove", "pointerdown", "keydown", "scroll", "wheel", "touchmove"]) {
    addEventListener(name, () => (sign = performance.now()), { passive: true, capture: true });
  }
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && report());
  addEventListener("pagehide", report);

  const answerOf = (node) => (node instanceof Element ? node : node?.parentElement)?.closest(".reply .text");
  chat.addEventListener("click", (event) => {
    const text = answerOf(event.target);
    if (text && agreed()) outbox.add(text.closest(".reply").dataset.answer, "click");
  });
  document.addEventListener("copy", () => {
    const text = answerOf(getSelection()?.anchorNode);
    if (text && agreed()) outbox.add(text.closest(".reply").dataset.answer, "copy");
  });
  return { agreed };
}
