// Answers from the best to the worst, ties allowed: dragged, moved by buttons, or placed by digits one after another.
//
// A chip stands for each answer, by its number on the page. All begin in the tray, and fill the places of the board one
// by one; chips of one place are tied. Enter before the first is placed asks whether the order of the page is meant.

import { inOrder, moved, placeOf, putAt, putWith, tied, without } from "./places.js";

const DRAG_PIXELS = 6; // less is a click
const MIDDLE = 0.3; // of a chip's width on each side is "before" or "after"; between them is "as good as"

export const keys = [
  ["1 … 9", "key_digit"],
  ["=", "key_tie"],
  ["← →", "key_arrows"],
  ["⌫", "key_back"],
];

// article -> {page, groups: what is placed, placed: positions in the order of placing, chosen: a position or null,
// confirmed: the order of the page is meant}
const states = new WeakMap();

const board = (article) => article.querySelector(".places");
const tray = (article) => article.querySelector(".tray");
const chips = (article) => [...article.querySelectorAll(".chip")];
const chipOf = (article, position) => article.querySelector(`.chip[data-position="${position}"]`);
const count = (article) => article.querySelectorAll(".answer").length;
const left = (article) => inOrder(count(article)).flat().filter((one) => placeOf(states.get(article).groups, one) < 0);

export function start(article, page) {
  states.set(article, { page, groups: [], placed: [], chosen: null, confirmed: false });
  draw(article);
  for (const button of article.querySelectorAll("[data-move]"))
    button.addEventListener("click", () => press(article, page, button.dataset.move));
  for (const one of article.querySelectorAll(".answer"))
    one.addEventListener("pointerenter", () => light(article, Number(one.dataset.position)));
  draggable(article, page);
}

export function answer(article) {
  const { groups, confirmed } = states.get(article);
  return left(article).length ? null : { ranking: groups, untouched: confirmed, confirmed };
}

export function half(article) {
  const { groups, placed } = states.get(article);
  return { ranking: groups, placed };
}

export function restore(article, { ranking, placed = ranking.flat() }) {
  const groups = ranking.map((group) => group.filter((one) => placed.includes(one))).filter((group) => group.length);
  Object.assign(states.get(article), { groups, placed });
  draw(article);
}

export async function ready(article, page) {
  const state = states.get(article);
  if (state.groups.length) return true;
  const groups = inOrder(count(article));
  const order = groups.map(([one]) => one + 1).join(" › ");
  if (!(await page.ask(page.text("untouched", { order }), page.text("untouched_yes")))) return false;
  Object.assign(state, { groups, confirmed: true });
  draw(article);
  return true;
}

export function missing(article, page) {
  return page.text("left", { numbers: left(article).map((one) => one + 1).join(", ") });
}

export function key(event, article, page) {
  const state = states.get(article);
  const digit = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1;
  if (digit >= 0) return digit < count(article) && place(article, page, digit);
  if (event.key === "=" || event.key === "+") return press(article, page, "tie");
  if (event.key === "Backspace") return takeBack(article, page);
  const chip = event.key === " " && event.target.closest?.(".chip");
  if (chip) return take(article, page, Number(chip.dataset.position));
  if (state.chosen === null) return false;
  if (["ArrowLeft", "ArrowUp"].includes(event.key)) return press(article, page, "-1");
  if (["ArrowRight", "ArrowDown"].includes(event.key)) return press(article, page, "1");
  if (event.key === " " || event.key === "Escape") return choose(article, null);
  return false;
}

// --- what keys and buttons do ---

function press(article, page, move) {
  const { groups, chosen } = states.get(article);
  if (move === "submit") page.submit();
  else if (chosen === null) page.say(page.text("choose_chip"), "bad");
  else if (move === "tie") change(article, page, chosen, tied(groups, chosen));
  else change(article, page, chosen, moved(groups, chosen, Number(move)));
  return true;
}

// The next digit is the next place, from the best on. What is placed a digit only chooses.
function place(article, page, position) {
  const { groups } = states.get(article);
  if (placeOf(groups, position) >= 0) return choose(article, position);
  return change(article, page, position, putAt(groups, position, groups.length));
}

// A chip was pressed: again, it is no longer chosen.
function take(article, page, position) {
  return states.get(article).chosen === position ? choose(article, null) : place(article, page, position);
}

function takeBack(article, page) {
  const state = states.get(article);
  const position = state.placed.pop();
  if (position === undefined) return true;
  Object.assign(state, { groups: without(state.groups, position), chosen: state.placed.at(-1) ?? null });
  draw(article);
  page.changed();
  page.say(name(page, state.groups, position));
  return true;
}

function change(article, page, position, groups) {
  const state = states.get(article);
  if (!state.placed.includes(position)) state.placed.push(position);
  Object.assign(state, { groups, confirmed: false });
  choose(article, position);
  page.changed();
  page.say(name(page, groups, position));
  return true;
}

function choose(article, position) {
  states.get(article).chosen = position;
  draw(article);
  article.querySelector(`.answer[data-position="${position}"]`)?.scrollIntoView({ block: "nearest" });
  return true;
}

// --- what is seen ---

function name(page, groups, position) {
  const at = placeOf(groups, position);
  if (at < 0) return page.text("chip_left", { number: position + 1 });
  return page.text(groups[at].length > 1 ? "chip_tied" : "chip", { number: position + 1, place: at + 1 });
}

function draw(article) {
  const { page, groups, chosen } = states.get(article);
  const known = new Map(chips(article).map((chip) => [Number(chip.dataset.position), chip]));
  const chipsOf = (group) => group.map((position) => known.get(position) ?? chip(article, position));
  const waiting = left(article);
  board(article).replaceChildren(...[...groups, ...waiting.map(() => [])].map((group) => placeFor(chipsOf(group))));
  tray(article).querySelector(".chips").replaceChildren(...chipsOf(waiting));
  tray(article).classList.toggle("all-placed", !waiting.length);
  for (const one of chips(article)) {
    const position = Number(one.dataset.position);
    one.classList.toggle("placed", !waiting.includes(position));
    one.setAttribute("aria-pressed", String(position === chosen));
    one.setAttribute("aria-label", name(page, groups, position));
  }
  light(article, chosen);
  const isInBar = board(article).closest(".bar").contains(document.activeElement);
  if (chosen !== null && isInBar) chipOf(article, chosen).focus({ preventScroll: true });
}

function placeFor(chips) {
  const place = document.createElement("span");
  place.className = ["place empty", "place", "place tied"][Math.min(chips.length, 2)];
  place.append(...chips);
  return place;
}

function chip(article, position) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "chip", textContent: position + 1 });
  made.dataset.position = position;
  made.dataset.noPress = ""; // Enter submits, and does not click it
  made.addEventListener("focus", () => light(article, position));
  return made;
}

// The answer that a chip stands for, and the chip of an answer.
function light(article, position) {
  for (const one of [...article.querySelectorAll(".answer"), ...chips(article)])
    one.classList.toggle("lit", Number(one.dataset.position) === position);
}

// --- dragging: pointer events, so that fingers and pens work as well ---

function draggable(article, page) {
  const place = board(article).closest(".board-row");
  let held = null; // {chip, x, y, moving}
  place.addEventListener("pointerdown", (event) => {
    const chip = event.target.closest(".chip");
    if (!chip || event.button !== 0) return;
    held = { chip, x: event.clientX, y: event.clientY, moving: false };
    chip.setPointerCapture(event.pointerId);
  });
  place.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [x, y] = [event.clientX - held.x, event.clientY - held.y];
    held.moving ||= Math.hypot(x, y) > DRAG_PIXELS;
    if (!held.moving) return;
    held.chip.classList.add("dragged");
    held.chip.style.translate = `${x}px ${y}px`;
    mark(article, target(article, held.chip, event));
  });
  place.addEventListener("pointerup", (event) => {
    if (!held) return;
    const [{ chip, moving }, to] = [held, target(article, held.chip, event)];
    drop();
    const position = Number(chip.dataset.position);
    if (moving && to) change(article, page, position, to.groups);
    else if (!moving) take(article, page, position);
  });
  place.addEventListener("pointercancel", () => drop());
  function drop() {
    mark(article, null);
    held?.chip.classList.remove("dragged");
    if (held) held.chip.style.translate = "";
    held = null;
  }
}

/** Where a chip would come to stand: in the next empty place, or before, after or with the nearest other one. */
function target(article, dragged, { clientX, clientY }) {
  const away = (chip) => {
    const box = chip.getBoundingClientRect();
    return Math.hypot(clientX - (box.left + box.width / 2), 3 * (clientY - (box.top + box.height / 2)));
  };
  const others = [...board(article).querySelectorAll(".chip, .empty")].filter((one) => one !== dragged);
  if (!others.length) return null;
  const near = others.reduce((best, chip) => (away(chip) < away(best) ? chip : best));
  const box = near.getBoundingClientRect();
  const share = (clientX - box.left) / box.width;
  const [position, other] = [Number(dragged.dataset.position), Number(near.dataset.position)];
  const { groups } = states.get(article);
  if (near.matches(".empty")) return { near, how: "with", groups: putAt(groups, position, groups.length) };
  if (share > MIDDLE && share < 1 - MIDDLE) return { near, how: "with", groups: putWith(groups, position, other) };
  const rest = putAt(groups, position, groups.length); // its own place would count: out of the way first
  const at = placeOf(rest, other);
  return share <= MIDDLE
    ? { near, how: "before", groups: putAt(rest, position, at) }
    : { near, how: "after", groups: putAt(rest, position, at + 1) };
}

function mark(article, to) {
  for (const one of board(article).querySelectorAll(".chip, .empty")) one.classList.remove("before", "after", "with");
  to?.near.classList.add(to.how);
}
