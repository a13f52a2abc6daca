// Which of two answers is better: five different things to say, and if asked for how much better.
//
// One key is one judgement, unless the project asks how much: then a second one follows.

const BY_KEY = { 1: "left", 2: "right", 0: "tie", b: "both_bad", x: "cannot_judge" };

export const keys = [
  ["1", "key_left"],
  ["2", "key_right"],
  ["0", "key_tie"],
  ["B", "key_both_bad"],
  ["X", "key_cannot_judge"],
  ["← →", "key_arrows"],
];

const choices = (article) => [...article.querySelectorAll("[data-choice]")];
const chosen = (article) => article.querySelector("[data-choice][aria-pressed=true]")?.dataset.choice ?? null;
const strengths = (article) => article.querySelector(".strengths");
const strength = (article) => Number(strengths(article)?.querySelector("[aria-pressed=true]")?.dataset.strength) || null;
const asksHowMuch = (article) => Boolean(strengths(article)) && ["left", "right"].includes(chosen(article));
const isAsking = (article) => Boolean(strengths(article)) && !strengths(article).hidden;

export function start(article, page) {
  for (const button of choices(article)) button.addEventListener("click", () => take(article, page, button.dataset.choice));
  for (const button of strengths(article)?.querySelectorAll("[data-strength]") ?? [])
    button.addEventListener("click", () => takeStrength(article, page, button.dataset.strength));
}

export function answer(article) {
  const choice = chosen(article);
  if (!choice) return null;
  const much = asksHowMuch(article) && strength(article);
  return much ? { choice, strength: much } : { choice };
}

export function restore(article, { choice, strength: much }) {
  choose(article, choice);
  for (const button of strengths(article)?.querySelectorAll("[data-strength]") ?? [])
    button.setAttribute("aria-pressed", String(Number(button.dataset.strength) === much));
}

export const missing = (article, page) => page.text("choose");

export function key(event, article, page) {
  const pressed = event.key.toLowerCase();
  if (isAsking(article)) return keyOfStrength(pressed, article, page);
  if (pressed in BY_KEY) take(article, page, BY_KEY[pressed]);
  else if (pressed === "arrowleft" || pressed === "arrowright") step(article, page, pressed === "arrowleft" ? -1 : 1);
  else if (pressed === "enter" && chosen(article)) take(article, page, chosen(article));
  else return false;
  return true;
}

function keyOfStrength(pressed, article, page) {
  if (["1", "2", "3"].includes(pressed)) takeStrength(article, page, pressed);
  else if (pressed === "enter") takeStrength(article, page, "");
  else if (pressed === "escape" || pressed === "backspace") takeStrength(article, page, "back");
  else return false;
  return true;
}

function choose(article, choice) {
  for (const button of choices(article)) button.setAttribute("aria-pressed", String(button.dataset.choice === choice));
  const position = { left: "0", right: "1" }[choice];
  for (const one of article.querySelectorAll(".answer")) one.classList.toggle("chosen", one.dataset.position === position);
}

function take(article, page, choice) {
  choose(article, choice);
  page.changed();
  if (asksHowMuch(article)) asking(article, true);
  else page.submit();
}

function takeStrength(article, page, given) {
  if (given === "back") return asking(article, false);
  for (const button of strengths(article).querySelectorAll("[data-strength]"))
    button.setAttribute("aria-pressed", String(given !== "" && button.dataset.strength === given));
  page.changed();
  page.submit();
}

function asking(article, on) {
  article.querySelector(".choices").hidden = on;
  strengths(article).hidden = !on;
  article.focus({ preventScroll: true });
}

// Arrows walk along the choices; nothing is sent before Enter.
function step(article, page, by) {
  const all = choices(article);
  const now = all.findIndex((button) => button.dataset.choice === chosen(article));
  const to = now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(now + by, 0), all.length - 1);
  choose(article, all[to].dataset.choice);
  page.changed();
  page.say(all[to].textContent.trim());
}
