// One of the answers, mended. What is typed for one is kept while another is looked at.
import { marked, words } from "../diff.js";
import { complain, count, focusSoon, grow, write } from "./writing.js";

export const keys = [
  ["1 2", "key_choose"],
  ["E", "key_write"],
  ["Z", "key_original"],
  ["Ctrl Enter", "key_send"],
];

const states = new WeakMap(); // article -> {page, position, texts: by position}
const answers = (article) => [...article.querySelectorAll(".answer")];
const field = (article) => article.querySelector("textarea.writing");
// A field knows one kind of line end; the original may have another, which is no change that anybody made.
const original = (article, position) => answers(article)[position].querySelector(".text").dataset.raw.replace(/\r\n?/g, "\n");

export function start(article, page) {
  states.set(article, { page, position: null, texts: {} });
  const writing = write(article, page, () => showChanges(article));
  writing.addEventListener("input", () => keep(article));
  const all = answers(article);
  if (all.length === 1) return choose(article, 0);
  const button = article.querySelector("button.mend");
  all.forEach((one, position) => {
    const own = button.cloneNode(true);
    own.hidden = false;
    own.querySelector("kbd").textContent = position + 1;
    own.addEventListener("click", () => (choose(article, position), page.changed()));
    one.append(own);
  });
  return count(article, "", page);
}

export function half(article) {
  const { position, texts } = states.get(article);
  return position === null ? null : { position, text: field(article).value, texts: { ...texts } };
}

export function answer(article) {
  const { position } = states.get(article);
  if (position === null) return null;
  const text = field(article).value;
  return text.trim() && text !== original(article, position) ? { position, text } : null;
}

export function restore(article, { position, text, texts = {} }) {
  Object.assign(states.get(article), { texts: { ...texts, [position]: text } });
  choose(article, position);
}

export function missing(article, page) {
  if (states.get(article).position === null) return page.text("choose_answer");
  field(article).focus();
  return complain(article, page.text(field(article).value.trim() ? "unchanged" : "emptied"));
}

export function key(event, article, page) {
  const pressed = event.key.toLowerCase();
  const { position } = states.get(article);
  if (pressed >= "1" && pressed <= "9" && answers(article)[Number(pressed) - 1]) {
    choose(article, Number(pressed) - 1);
    page.changed();
  } else if (pressed === "e" && position !== null) field(article).focus();
  else if (pressed === "z" && position !== null) putBack(article, page);
  else return false;
  return true;
}

function choose(article, position) {
  const state = states.get(article);
  state.position = position;
  answers(article).forEach((one, place) => {
    one.classList.toggle("chosen", place === position);
    one.querySelector("button.mend")?.setAttribute("aria-pressed", String(place === position));
  });
  article.querySelector(".writer").hidden = false;
  put(article, state.texts[position] ?? original(article, position));
  focusSoon(field(article));
  if (answers(article).length > 1) article.querySelector(".writer").scrollIntoView({ block: "center" });
}

function put(article, text) {
  field(article).value = text;
  grow(field(article));
  keep(article);
  count(article, text, states.get(article).page);
  showChanges(article);
}

function keep(article) {
  const { position, texts } = states.get(article);
  texts[position] = field(article).value;
}

async function putBack(article, page) {
  const { position } = states.get(article);
  if (field(article).value === original(article, position)) return;
  if (!(await page.ask(page.text("original_sure"), page.text("original_yes")))) return;
  put(article, original(article, position));
  page.changed();
}

function showChanges(article) {
  const { page, position } = states.get(article);
  const list = words(original(article, position), field(article).value);
  const place = article.querySelector(".changes");
  const same = list.every(({ kind }) => kind === "same");
  place.classList.toggle("soft", same);
  place.replaceChildren(same ? page.text("no_changes") : marked(list, (name) => page.text(name)));
}
