// A number for each answer and criterion. Digits rate the criterion that has the focus, and go on to the next one.
//
// The groups of buttons come in the bar and are moved below the answers that they rate.

export const keys = [
  ["1 2 3", "key_rate"],
  ["← →", "key_value"],
  ["↑ ↓", "key_criterion"],
  ["Backspace", "key_unrate"],
];

const groups = (article) => [...article.querySelectorAll(".rating")];
const steps = (group) => [...group.querySelectorAll("[role=radio]")];
const chosen = (group) => group.querySelector("[aria-checked=true]");
const current = (article) => article.querySelector(".rating.current") ?? groups(article)[0];
const position = (group) => Number(group.closest("[data-position]").dataset.position);

export function start(article, page) {
  for (const ratings of article.querySelectorAll(".ratings")) {
    article.querySelector(`.answer[data-position="${ratings.dataset.position}"]`).append(ratings);
  }
  for (const group of groups(article)) {
    group.querySelector(".steps").append(...scale(group, page));
    group.addEventListener("focusin", () => mark(article, group));
    group.addEventListener("click", (event) => {
      const button = event.target.closest("[role=radio]");
      if (button) rate(article, page, group, button);
    });
  }
  mark(article, groups(article)[0]);
  count(article, page);
}

function scale(group, page) {
  const [lowest, highest] = [Number(group.dataset.lowest), Number(group.dataset.highest)];
  return Array.from({ length: highest - lowest + 1 }, (_, step) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: lowest + step, tabIndex: step ? -1 : 0 });
    button.dataset.value = lowest + step;
    button.dataset.noPress = ""; // Enter submits; the space bar takes it
    button.setAttribute("role", "radio");
    button.setAttribute("aria-checked", "false");
    button.setAttribute("aria-label", page.text("step", { value: lowest + step, highest }));
    return button;
  });
}

export function half(article) {
  const answers = [...article.querySelectorAll(".answer")].map(() => ({}));
  for (const group of groups(article)) {
    if (chosen(group)) answers[position(group)][group.dataset.criterion] = Number(chosen(group).dataset.value);
  }
  return { ratings: answers };
}

export function answer(article) {
  return groups(article).every(chosen) ? half(article) : null;
}

export function restore(article, { ratings }) {
  for (const group of groups(article)) {
    const value = ratings[position(group)]?.[group.dataset.criterion];
    check(group, steps(group).find((button) => Number(button.dataset.value) === value));
  }
  mark(article, groups(article).find((group) => !chosen(group)) ?? groups(article)[0]);
  count(article);
}

export function missing(article, page) {
  const group = groups(article).find((one) => !chosen(one));
  focus(group);
  const heading = group.closest(".answer").querySelector("h2").textContent;
  return page.text("rate_missing", { criterion: group.querySelector("strong").textContent, answer: heading });
}

export function key(event, article, page) {
  const group = event.target.closest?.(".rating") ?? current(article);
  if (/^\d$/.test(event.key)) return byDigit(Number(event.key), article, page, group);
  const act = {
    ArrowLeft: () => step(article, page, group, -1),
    ArrowRight: () => step(article, page, group, 1),
    ArrowUp: () => focus(neighbour(article, group, -1) ?? group),
    ArrowDown: () => focus(neighbour(article, group, 1) ?? group),
    Backspace: () => (check(group), count(article, page), page.changed()),
    Enter: () => page.submit(),
  }[event.key];
  act?.();
  return Boolean(act);
}

// 0 is ten where a scale has no nought.
function byDigit(digit, article, page, group) {
  const value = digit === 0 && Number(group.dataset.lowest) > 0 ? 10 : digit;
  const button = steps(group).find((one) => Number(one.dataset.value) === value);
  if (!button) return false;
  rate(article, page, group, button);
  return true;
}

function rate(article, page, group, button) {
  check(group, button);
  count(article, page);
  page.changed();
  const next = neighbour(article, group, 1) ?? groups(article).find((one) => !chosen(one));
  if (groups(article).every(chosen)) {
    page.say(page.text("all_rated"));
    if (!neighbour(article, group, 1)) return article.querySelector("[data-do=submit]").focus({ preventScroll: true });
  } else page.say("");
  return focus(next);
}

// Arrows rate as well, and stay where they are.
function step(article, page, group, by) {
  const all = steps(group);
  const now = all.indexOf(chosen(group));
  const to = now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(now + by, 0), all.length - 1);
  check(group, all[to]);
  focus(group);
  count(article, page);
  page.changed();
  page.say(groups(article).every(chosen) ? page.text("all_rated") : "");
}

function check(group, button) {
  for (const one of steps(group)) {
    one.setAttribute("aria-checked", String(one === button));
    one.tabIndex = one === (button ?? steps(group)[0]) ? 0 : -1;
  }
}

function mark(article, group) {
  for (const one of groups(article)) one.classList.toggle("current", one === group);
}

function neighbour(article, group, by) {
  const all = groups(article);
  return all[all.indexOf(group) + by];
}

function focus(group) {
  (chosen(group) ?? steps(group)[0]).focus({ preventScroll: true });
  group.scrollIntoView({ block: "nearest" });
}

function count(article, page) {
  const place = article.querySelector(".rated");
  const [done, all] = [groups(article).filter(chosen).length, groups(article).length];
  place.dataset.form ||= page.text("rated", {});
  place.textContent = place.dataset.form.replace("{done}", done).replace("{all}", all);
}
