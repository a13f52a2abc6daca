// The page on which people judge. It asks for an item, shows it, keeps what is typed, and sends the answer.
//
// ## Modules of tasks
//
// What is particular to a task stands in `tasks/<task>.js` and in the template `tasks/<task>.html`, which is the
// inside of the bar at the foot of <article class="item">. The module exports:
//
//   start(article, page)          once for each item, right after its HTML is in the page: attach listeners
//   answer(article) -> object     what is sent, as store/answers.py reads it, in positions; null: not complete yet.
//                                 The comment is no part of it: the page adds it
//   restore(article, answer)      put an answer back: one that was stored, or what `half` or `answer` gave
//   key(event, article, page)     a key was pressed, and nothing is being typed: true if it was for this task.
//                                 Called before the general keys of keys.js (Enter U S F C G D R ?), so leave those alone.
//                                 Enter and space on a button click it, unless it has the attribute data-no-press
//   keys                          [["1", "key_left"], ...]: for the list under `?`; several keys with a space between
//   half(article) -> object       optional: what there is of an answer that is not complete, for the draft
//   ready(article, page)          optional, may be async: false stops the sending, to ask something first
//   missing(article, page) -> str optional: what to say where `answer` is null
//
// A module keeps its state in the article (or a WeakMap by it), never in itself: articles come and go.
// `page` has:
//
//   page.changed()                something was answered or typed: the draft is saved
//   page.submit()                 send what `answer` gives, as Enter does
//   page.text(key, values)        a translated text: <span hidden data-text="key"> of the article, else of the page
//   page.say(text, kind)          tell it: in the line at the foot, and to screen readers; kind "bad" where it is wrong
//   await page.ask(text, yes)     a question in a window: true where `yes` was pressed
//
// Any field with a name in the article counts as typed: input events save the draft by themselves.

import * as comment from "./comment.js";
import { ask, askFlag, askSkip, showGuideline, showHelp } from "./dialogs.js";
import { draft, newUuid, note, Shelf, sweep } from "./drafts.js";
import * as fresh from "./fresh.js";
import * as keys from "./keys.js";
import { get, post, Queue, Unreachable } from "./net.js";
import { networkView } from "./network.js";
import { Reading } from "./reading.js";
import { goingOn, say, showProgress, text, watchBar } from "./telling.js";
import { Watch } from "./watch.js";

const root = document.getElementById("work");
const stage = document.getElementById("stage");
const { path, keep, task } = root.dataset;
const AGAIN_MS = [500, 1000, 2000, 4000, 8000, 15_000]; // until the server is asked for an item once more

const shelf = new Shelf(keep);
const queue = new Queue(shelf, (now) => heard(now), (result) => late(result));
const reading = new Reading(root);
const watch = new Watch(Number(root.dataset.heartbeat) * 1000, beat);
let item = null; // what the server gave, draft, sending; null: no item is on the page
let asking = 0; // the number of the last request for an item: an earlier one that comes late is not shown
let wake = () => {}; // whoever waits for the server

const WHILE_SENDING = new Set(["guideline", "help"]);
const page = {
  article: null,
  module: null,
  changed,
  submit: () => void submit(),
  text,
  say,
  ask,
  act: (action) => {
    const waits = (item?.sending && !WHILE_SENDING.has(action)) || (action === "submit" && fresh.isFresh());
    return waits ? undefined : ACTIONS[action]?.();
  },
  open: (shown) => item?.sending || (save(), void reopen(shown)),
  saved: (shown) => (item?.shown === shown ? void reopen(shown, text("stored")) : say(text("stored"))),
};
const network = networkView(page);

const ACTIONS = {
  submit: () => (page.article ? submit() : stage.querySelector("[data-do=continue], .way-on")?.click()),
  continue: () => next(),
  undo: () => undo(),
  leave: () => leave(),
  skip: () => page.article && skip(),
  flag: () => page.article && flag(),
  comment: () => page.article && comment.open(page.article),
  guideline: () => void showGuideline(`${path}guideline`, text).then((version) => item?.draft.read(version)),
  difference: () => page.article && reading.toggleMarks(page.article, text),
  raw: () => page.article && reading.toggleRaw(page.article),
  escape: () => (page.article?.querySelector("[data-do=leave]") ? leave() : false),
  help: () => showHelp((where) => keys.list(where, page)),
};

function heard(now) {
  network(now);
  if (now.reason === null) wake();
}

// --- an item comes ---

/** Ask for the next item until there is an answer, and show it. */
async function next(words = "", kind = "") {
  const number = ++asking;
  for (let tries = 0; number === asking; tries++) {
    const body = await itemFrom(() => post(`${path}next`, {}));
    if (number !== asking) return;
    // What waits here to be sent would come again: the server does not know yet that it is answered.
    if (body && !queue.holds(body)) return show(body, words, kind);
    await soon(AGAIN_MS[Math.min(tries, AGAIN_MS.length - 1)]);
  }
}

/** After so long, or as soon as the server is heard again. */
function soon(ms) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    wake = () => (clearTimeout(timer), resolve());
  });
}

/** The body of an answer with an item, or null where there is none yet. */
async function itemFrom(request) {
  try {
    const { status, body } = await request();
    if (status === 200) return body;
    say(body?.error ?? text("not_loaded"), "bad");
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    queue.lost(error);
  }
  return null;
}

async function show(body, words = "", kind = "") {
  asking++;
  if (queue.reason && !queue.waiting.length) queue.flush(); // the server is back: so says the banner
  stage.innerHTML = body.html;
  fresh.begin();
  page.article = stage.querySelector("article.item");
  item = page.article && { ...body, sending: false };
  root.classList.toggle("without-item", !item);
  for (const tools of root.querySelectorAll(".of-item")) tools.hidden = !item;
  showProgress(body.progress, body.state === "closed" || body.state === "failed");
  if (item) begin(body);
  else watch.stop();
  (page.article ?? stage.querySelector("h2"))?.focus({ preventScroll: true });
  scrollTo(0, 0);
  say(words, kind);
}

function begin(body) {
  const { article, module } = page;
  item.draft = draft(shelf, body);
  module.start(article, page);
  const given = item.draft.given ?? body.answer;
  if (given) module.restore(article, given);
  comment.put(article, item.draft.begun ? item.draft.comment : (body.answer?.comment ?? ""));
  article.addEventListener("input", changed);
  reading.begin(article);
  watchBar(article);
  watch.start(item.draft.seconds);
}

// --- what is typed is kept ---

function changed() {
  if (item) item.draft.begun = true;
  save();
}

function save() {
  if (!item || item.sending) return;
  const { article, module } = page;
  if (item.draft.begun) {
    item.draft.given = (module.half ?? module.answer)(article) ?? null;
    item.draft.comment = comment.field(article).value;
  }
  item.draft.seconds = watch.seconds;
  if (!item.draft.save()) say(text("no_drafts"), "warn");
}

// --- an answer goes ---

async function submit() {
  const { article, module } = page;
  if (!item || item.sending) return;
  if (module.ready && !(await module.ready(article, page))) return;
  const answer = module.answer(article);
  if (!answer) return say(module.missing?.(article, page) ?? text("incomplete"), "bad");
  changed();
  const { uuid, comment: words, seconds, guideline, name } = item.draft;
  if (words.trim()) answer.comment = words;
  const { shown, made, revision } = item;
  sending(true);
  say("");
  const told = { seconds: Number(seconds.toFixed(2)), guideline };
  const body = { uuid, shown, made, revision, answer, ...told, next: true };
  const result = await queue.add(`${path}judgements`, body, name);
  if (item?.shown === shown) settled(result);
}

/** The server has answered, or could not be reached (null): then the answer goes out later, by itself. */
function settled(result) {
  if (result?.status === 422) return mend(result);
  if (location.hash) history.replaceState(null, "", path);
  if (result?.body?.feedback) return show({ html: result.body.feedback });
  if (!result && shelf.isLosing) say(text("no_drafts"), "warn");
  if (result?.status !== 200) return result ? next(text("refused_told"), "bad") : next(); // the list at the top says why
  const words = result.body.surplus ? text("surplus") : goingOn("stored");
  return result.body.next ? show(result.body.next, words) : next(words);
}

// What waited has gone out: of practice and tests people are told, whatever they look at by now.
function late({ body }) {
  if (!body?.feedback) return;
  save();
  show({ html: body.feedback });
}

// Not an answer yet: it goes back into the form, as it was.
function mend({ body, name }) {
  sending(false);
  save();
  queue.forget(name);
  say(body.error, "bad");
}

function sending(on) {
  item.sending = on;
  page.article.inert = on;
  page.article.classList.toggle("sending", on);
  if (on) watch.stop();
  else watch.start(item.draft.seconds);
}

// --- back to what was judged, skip, flag ---

async function undo() {
  if (queue.waiting.length) return say(text("on_its_way"), "bad");
  save();
  const number = asking;
  const body = await itemFrom(() => get(`${path}last`));
  if (number !== asking || item?.sending) return; // something was sent, or came, meanwhile
  if (body) return body.state === "none" ? say(text("nothing_to_undo")) : show(body);
}

function leave() {
  item?.draft.clear();
  history.replaceState(null, "", path);
  return next();
}

async function reopen(shown, words = "") {
  const number = ++asking;
  const body = await itemFrom(() => get(`${path}mine/${shown}`));
  if (number === asking) return body ? show(body, words) : item || next(); // else something came meanwhile
}

async function skip() {
  const { shown, made } = item;
  const kept = note(shelf, item, "skip");
  const reason = await askSkip(kept);
  if (reason === null || item?.shown !== shown) return;
  sending(true);
  const result = await queue.add(`${path}skip`, { shown, made, reason }, kept.name);
  if (result?.status === 200) item.draft.clear();
  return next(result?.status === 200 ? goingOn("skipped") : "");
}

async function flag() {
  const { shown, made } = item;
  const kept = note(shelf, item, "flag");
  const words = await askFlag(kept);
  if (!words?.trim()) return;
  const result = await queue.add(`${path}flag`, { uuid: newUuid(), shown, made, text: words }, kept.name);
  if (result?.status === 200) say(text("flagged"));
}

// Keep the lease while somebody is at work; a lost one takes nothing from them.
async function beat() {
  save();
  if (!item || item.lost) return;
  const { shown, made } = item;
  const { status, body } = await post(`${path}heartbeat`, { shown, made }).catch(() => ({ status: 0 }));
  if (status !== 200 || body.held || item?.shown !== shown) return;
  item.lost = true;
  say(text("lease_lost"), "warn");
}

// --- start ---

async function start() {
  page.module = await import(`./tasks/${task}.js`);
  sweep(shelf);
  keys.listen(page);
  addEventListener("pagehide", save);
  addEventListener("beforeunload", (event) => shelf.isLosing && event.preventDefault()); // the browser asks
  network(queue);
  const number = asking;
  await queue.flush(); // what an earlier visit left; then the server knows what is answered
  const judged = location.hash.match(/^#judged-(\d+)$/)?.[1];
  if (number === asking) await (judged ? reopen(judged) : next());
}

start();
