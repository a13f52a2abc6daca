// Answers from the best to the worst, ties allowed: dragged, moved by buttons, or placed by digits one after another.
//
// The board at the foot holds a chip for each answer, by its number on the page; chips of one group are tied. Chips
// are faint until somebody has placed them: an order that nobody touched is asked about before it is sent.

import { inOrder, moved, placeOf, putAt, putWith, tied } from "./places.js";

const DRAG_PIXELS = 6; // less is a click
const MIDDLE = 0.3; // of a chip's width on each side is "before" or "after"; between them is "as good as"

export const keys = [
  ["1 … 9", "key_digit"],
  ["=", "key_tie"],
  ["← →", "key_arrows"],
  ["⌫", "key_back"],
];

// article -> {page, groups, placed: positions in the order of placing, chosen: a position or null, touched, confirmed}
const states = new WeakMap();

const board = (article) => article.querySelector(".places");
const chips = (article) => [...article.querySelectorAll(".chip")];
const chipOf = (article, position) => article.querySelector(`.chip[data-position="${position}"]`);
const count = (article) => article.querySelectorAll(".answer").length;

export function start(article, page) {
  const groups = inOrder(count(article));
  states.set(article, { page, groups, placed: [], chosen: null, touched: false, confirmed: false });
  draw(article);
  for (const button of article.querySelectorAll("[data-move]"))
    button.addEventListener("click", () => press(article, page, button.dataset.move));
  for (const one of article.querySelectorAll(".answer"))
    one.addEventListener("pointerenter", () => light(article, Number(one.dataset.position)));
  draggable(article, page);
}

export function answer(article) {
  const { groups, touched, confirmed } = states.get(article);
  return { ranking: groups, untouched: !touched, confirmed };
}

export function half(article) {
  const { groups, placed, touched } = states.get(article);
  return { ranking: groups, placed, touched };
}

export function restore(article, given) {
  const state = states.get(article);
  if (given.ranking.flat().length !== count(article)) return;
  Object.assign(state, {
    groups: given.ranking,
    placed: given.placed ?? given.ranking.flat(),
    touched: given.touched ?? true,
  });
  draw(article);
}

export async function ready(article, page) {
  const state = states.get(article);
  if (state.touched || state.confirmed) return true;
  state.confirmed = await page.ask(page.text("untouched"), page.text("untouched_yes"));
  return state.confirmed;
}

export function key(event, article, page) {
  const state = states.get(article);
  const digit = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1;
  if (digit >= 0) return digit < count(article) && place(article, page, digit);
  if (event.key === "=" || event.key === "+") return press(article, page, "tie");
  if (event.key === "Backspace") return takeBack(article, page);
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

// The next digit is the next place, from the best on. Once all are placed a digit only chooses.
function place(article, page, position) {
  const state = states.get(article);
  if (state.placed.includes(position)) return choose(article, position);
  const last = state.placed.at(-1);
  const at = last === undefined ? 0 : placeOf(state.groups, last) + 1;
  return change(article, page, position, putAt(state.groups, position, at));
}

function takeBack(article, page) {
  const state = states.get(article);
  const position = state.placed.pop();
  if (position === undefined) return true;
  change(article, page, position, putAt(state.groups, position, state.groups.length));
  state.placed.pop();
  state.chosen = state.placed.at(-1) ?? null;
  draw(article);
  page.changed();
  return true;
}

function change(article, page, position, groups) {
  const state = states.get(article);
  state.placed = [...state.placed.filter((one) => one !== position), position];
  Object.assign(state, { groups, chosen: position, touched: true });
  draw(article);
  page.changed();
  page.say(name(page, groups, position));
  return true;
}

function choose(article, position) {
  states.get(article).chosen = position;
  draw(article);
  return true;
}

// --- what is seen ---

function name(page, groups, position) {
  const at = placeOf(groups, position);
  return page.text(groups[at].length > 1 ? "chip_tied" : "chip", { number: position + 1, place: at + 1 });
}

function draw(article) {
  const { page, groups, placed, chosen } = states.get(article);
  const known = new Map(chips(article).map((chip) => [Number(chip.dataset.position), chip]));
  const drawn = groups.map((group) => {
    const place = document.createElement("span");
    place.className = group.length > 1 ? "place tied" : "place";
    place.append(...group.map((position) => known.get(position) ?? chip(article, position)));
    return place;
  });
  board(article).replaceChildren(...drawn);
  for (const one of chips(article)) {
    const position = Number(one.dataset.position);
    one.classList.toggle("placed", placed.includes(position));
    one.setAttribute("aria-pressed", String(position === chosen));
    one.setAttribute("aria-label", name(page, groups, position));
  }
  light(article, chosen);
  if (chosen !== null && board(article).closest(".bar").contains(document.activeElement)) chipOf(article, chosen).focus();
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
  const place = board(article);
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
    else if (!moving) choose(article, states.get(article).chosen === position ? null : position);
  });
  place.addEventListener("pointercancel", () => drop());
  function drop() {
    mark(article, null);
    held?.chip.classList.remove("dragged");
    if (held) held.chip.style.translate = "";
    held = null;
  }
}

/** Where a chip would come to stand: before, after or with the nearest other one. */
function target(article, dragged, { clientX, clientY }) {
  const away = (chip) => {
    const box = chip.getBoundingClientRect();
    return Math.hypot(clientX - (box.left + box.width / 2), 3 * (clientY - (box.top + box.height / 2)));
  };
  const others = chips(article).filter((chip) => chip !== dragged);
  if (!others.length) return null;
  const near = others.reduce((best, chip) => (away(chip) < away(best) ? chip : best));
  const box = near.getBoundingClientRect();
  const share = (clientX - box.left) / box.width;
  const [position, other] = [Number(dragged.dataset.position), Number(near.dataset.position)];
  const { groups } = states.get(article);
  if (share > MIDDLE && share < 1 - MIDDLE) return { near, how: "with", groups: putWith(groups, position, other) };
  const rest = putAt(groups, position, groups.length); // its own place would count: out of the way first
  const at = placeOf(rest, other);
  return share <= MIDDLE
    ? { near, how: "before", groups: putAt(rest, position, at) }
    : { near, how: "after", groups: putAt(rest, position, at + 1) };
}

function mark(article, to) {
  for (const chip of chips(article)) chip.classList.remove("before", "after", "with");
  to?.near.classList.add(to.how);
}
