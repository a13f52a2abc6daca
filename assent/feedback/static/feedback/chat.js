// The chat: messages, answers made again, thumbs, copies, consent. The server makes all HTML of answers.
//
// A message is kept in the browser until the server has it, and has one uuid however often it is sent. The server
// says 202 as long as the model is at it; asking again by the uuid alone gives the answer once it is there.
import { consentButtons } from "./chat_consent.js";
import { Outbox, watch } from "./chat_events.js";
import { copied, neighbour, notice, page, said } from "./chat_pages.js";
import { newUuid, Shelf } from "./drafts.js";
import { post, Unreachable } from "./net.js";

const SLOW = 15_000; // milliseconds until people are told that they may leave
const texts = JSON.parse(document.getElementById("texts").textContent);
const [chat, log, composer, words, send, status, empty] = ["chat", "log", "composer", "words", "send", "status", "empty"].map(
  (id) => document.getElementById(id),
);
const here = location.pathname;
const shelf = new Shelf(chat.dataset.keep);
const outbox = new Outbox(shelf, `${here}implicit`);
const { agreed } = watch(chat, outbox);
let conversation = chat.dataset.conversation;
let busy = false;

const say = (text) => (status.textContent = text);
const last = () => log.lastElementChild;
const shown = (exchange) => exchange?.querySelector(".reply:not([hidden])");

start();

function start() {
  if (!conversation) conversation = unsentStart() ?? newUuid();
  const unsent = unsentHere();
  words.value = shelf.get(draftName()) ?? "";
  words.addEventListener("input", () => (grow(), shelf.set(draftName(), words.value)));
  composer.addEventListener("submit", (event) => (event.preventDefault(), spoken()));
  words.addEventListener("keydown", typed);
  log.addEventListener("click", clicked);
  document.addEventListener("keydown", pressed);
  enterSends();
  consentButtons(chat, { texts, say, withdrawn: () => outbox.withdraw() });
  help();
  grow();
  // What scrolls stops above the composer, whose height changes with its text.
  const measure = () => document.documentElement.style.setProperty("--bar", `${composer.offsetHeight}px`);
  new ResizeObserver(measure).observe(composer);
  measure();
  outbox.flush();
  if (unsent) deliver(bubble(unsent.text), unsent);
  else if (last()?.matches("[data-unanswered]")) deliver(last(), { conversation, uuid: last().dataset.turn });
  else tellUnsent();
  if (last()) scrollTo(0, document.body.scrollHeight);
  if (matchMedia("(pointer: fine)").matches) words.focus({ preventScroll: true });
}

// Drafts: one a conversation, and one for the next new one.
function draftName() {
  return `draft${here}${last() ? conversation : "new"}`;
}

function messageName(of = "") {
  return `message${here}${of}`;
}

function unsentStart() {
  return shelf.names(messageName()).map((name) => shelf.get(name)).find((message) => !message.after)?.conversation;
}

function unsentHere() {
  const unsent = shelf.get(messageName(conversation));
  if (!unsent || !log.querySelector(`[data-turn="${unsent.uuid}"]`)) return unsent;
  shelf.remove(messageName(conversation)); // it had arrived, and the page went before its answer came
  return null;
}

function tellUnsent() {
  const [unsent] = shelf.names(messageName()).map((name) => shelf.get(name));
  if (!unsent) return;
  const link = document.createElement("a");
  link.textContent = texts.unsent;
  link.href = unsent.after ? `?c=${unsent.conversation}` : "?c=new";
  status.replaceChildren(link);
}

// ---- Messages

function spoken() {
  const text = words.value;
  if (!text.trim() || words.disabled) return;
  if (busy) return say(texts.wait);
  const after = shown(last())?.dataset.answer ?? null;
  const message = { conversation, uuid: newUuid(), text, after };
  shelf.set(messageName(conversation), message);
  shelf.remove(draftName());
  words.value = "";
  grow();
  deliver(bubble(text), message);
}

function bubble(text) {
  const exchange = said(text, texts.you);
  log.append(exchange);
  empty.hidden = true;
  return exchange;
}

async function deliver(exchange, message) {
  const reply = await asked("say", message, exchange, () => {
    shelf.remove(messageName(conversation)); // the server has it
    history.replaceState(null, "", `?c=${conversation}`);
    return { conversation, uuid: message.uuid };
  });
  if (reply.html) return answered(exchange, reply.html);
  if (reply.sent.text === undefined) return trouble(exchange, reply, () => deliver(exchange, { ...reply.sent, retry: true }));
  if (reply.reason) return trouble(exchange, reply, () => deliver(exchange, message));
  exchange.remove(); // refused: the words go back to where they can be mended
  shelf.remove(messageName(conversation));
  words.value = [message.text, words.value].filter((one) => one.trim()).join("\n\n");
  shelf.set(draftName(), words.value);
  empty.hidden = Boolean(last());
  grow();
  return say(`${reply.error} ${texts.put_back}`);
}

// Sends until the server has answered, and asks again while it says 202. `stored` gives what to send from the first
// sign on that the server has it. The reply: {html}, or {error}, with `reason` where it was the way and not the words.
async function asked(path, sent, exchange, stored = () => sent) {
  const begun = performance.now();
  waiting(exchange, true);
  try {
    for (let wait = 400, broken = 0; ; wait = Math.min(wait * 1.3, 3000)) {
      const reply = await once(path, sent);
      if (reply.status === 200 || reply.status === 202) sent = stored();
      if (reply.status === 202) say(progress(reply.body.ahead, performance.now() - begun));
      else if (reply.status) return { sent, error: texts.failed, ...reply.body };
      else if (["login", "other"].includes(reply.reason)) return { sent, reason: reply.reason, error: texts[reply.reason] };
      else if (reply.reason === "broken" && ++broken === 3) return { sent, reason: reply.reason, error: texts.failed };
      else say(texts.offline);
      await new Promise((resolve) => setTimeout(resolve, reply.status ? wait : Math.max(wait, 2000)));
    }
  } finally {
    waiting(exchange, false);
  }
}

async function once(path, body) {
  try {
    return await post(`${here}${path}`, body);
  } catch (error) {
    if (error instanceof Unreachable) return { status: 0, reason: error.reason };
    throw error;
  }
}

function progress(ahead, milliseconds) {
  if (ahead) return texts.ahead.replace("%(count)s", ahead);
  return milliseconds > SLOW ? texts.slow : texts.thinking;
}

function waiting(exchange, on) {
  busy = on;
  send.setAttribute("aria-disabled", on);
  exchange.setAttribute("aria-busy", on);
  exchange.querySelector(".trouble")?.remove();
  exchange.querySelector(".thinking")?.remove();
  if (!on) return say("");
  const dots = document.createElement("div");
  dots.className = "thinking";
  dots.append(...[1, 2, 3].map(() => document.createElement("i")));
  exchange.append(dots);
  say(texts.thinking);
  dots.scrollIntoView({ block: "nearest" });
}

function answered(exchange, html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const fresh = holder.content.querySelector(".exchange");
  const focused = exchange.contains(document.activeElement);
  exchange.replaceWith(fresh);
  // Seen to its end, and if it is longer than there is room for, read from its beginning.
  const reply = shown(fresh);
  reply.scrollIntoView({ block: "end" });
  if (reply.getBoundingClientRect().top < 0) reply.scrollIntoView({ block: "start" });
  if (focused) reply.focus({ preventScroll: true });
  return fresh;
}

function trouble(exchange, { error }, retry) {
  const told = notice(error, texts.again, () => busy || retry());
  exchange.append(told);
  told.scrollIntoView({ block: "nearest" });
}

// ---- What is done with answers

function clicked(event) {
  const button = event.target.closest("[data-do]");
  if (button) act(button.dataset.do, button.closest(".reply"));
}

function act(what, answer) {
  if (what.startsWith("thumb")) thumb(what, answer);
  else if (what === "copy") copy(answer);
  else if (what === "again") again(answer);
  else turn(answer, what === "next" ? 1 : -1);
}

function turn(answer, step) {
  const next = page(answer, step);
  if (next) say(next.parentElement === last() && next.nextElementSibling ? texts.older : "");
}

function thumb(kind, answer) {
  const pressed = answer.querySelector(`[data-do=${kind}]`).getAttribute("aria-pressed") === "true";
  const now = pressed ? "thumb_none" : kind;
  for (const button of answer.querySelectorAll("[data-do^=thumb]")) {
    button.setAttribute("aria-pressed", button.dataset.do === now);
  }
  outbox.add(answer.dataset.answer, now);
  say(texts[now]);
}

async function copy(answer) {
  if (!(await copied(answer))) return say(texts.not_copied);
  if (agreed()) outbox.add(answer.dataset.answer, "copy");
  return say(texts.copied);
}

async function again(answer, number = newUuid(), retry = false) {
  const exchange = answer.closest(".exchange");
  if (busy || exchange !== last() || words.disabled) return;
  const count = exchange.querySelectorAll(".reply").length;
  const message = { conversation, uuid: number, turn: answer.dataset.answer };
  const reply = await asked("regenerate", { ...message, retry }, exchange, () => message);
  if (!reply.html) return trouble(exchange, reply, () => again(answer, number, true));
  const fresh = answered(exchange, reply.html);
  if (fresh.querySelectorAll(".reply").length === count) say(texts.same);
}

// ---- Keys

function typed(event) {
  if (event.isComposing || event.keyCode === 229) return; // an input method is choosing a character
  const modified = event.ctrlKey || event.metaKey;
  if (event.key === "Enter" && !event.shiftKey && (modified || enter().checked)) {
    event.preventDefault();
    spoken();
  } else if (event.key === "Escape") shown(last())?.focus();
}

function pressed(event) {
  const other = event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
  if (other || event.target.closest("textarea, input, select, dialog")) return;
  const answer = event.target.closest(".reply") ?? shown(last());
  const keys = {
    "+": () => answer && act("thumb_up", answer), "=": () => answer && act("thumb_up", answer),
    "-": () => answer && act("thumb_down", answer), c: () => answer && act("copy", answer),
    r: () => answer && act("again", answer),
    ArrowLeft: () => answer && turn(answer, -1), ArrowRight: () => answer && turn(answer, 1),
    ArrowUp: () => focus(answer, -1), ArrowDown: () => focus(answer, 1),
    n: () => document.getElementById("new").click(), "/": () => words.focus(),
    "?": () => document.getElementById("help").showModal(),
  };
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (!keys[key]) return;
  event.preventDefault();
  keys[key]();
}

function focus(answer, step) {
  (neighbour(log, answer, step) ?? (step > 0 ? words : answer))?.focus();
}

function enter() {
  return document.getElementById("enter-sends");
}

function enterSends() {
  const tell = () => (document.getElementById("send-hint").textContent = enter().checked ? texts.enter : texts.ctrl_enter);
  enter().checked = shelf.get("chat-enter") ?? matchMedia("(pointer: fine)").matches; // phones have no other way to a new line
  enter().addEventListener("change", () => (shelf.set("chat-enter", enter().checked), tell()));
  tell();
}

function grow() {
  if (CSS.supports("field-sizing", "content")) return;
  words.style.height = "auto"; // set by script, which the policy allows; a style attribute it would not
  words.style.height = `${words.scrollHeight}px`;
}

function help() {
  document.getElementById("help-open").addEventListener("click", () => document.getElementById("help").showModal());
  document.addEventListener("click", (event) => {
    const open = document.querySelector(".earlier[open]");
    if (open && !open.contains(event.target)) open.open = false;
  });
}
