// The answer that a person writes.
import { complain, count, focusSoon, grow, write } from "./writing.js";

export const keys = [
  ["E", "key_write"],
  ["Ctrl Enter", "key_send"],
];

const field = (article) => article.querySelector("textarea.writing");
const pages = new WeakMap(); // article -> page, for what is put back

export function start(article, page) {
  pages.set(article, page);
  focusSoon(write(article, page));
}

export const half = (article) => ({ text: field(article).value });

export function answer(article) {
  return field(article).value.trim() ? half(article) : null;
}

export function restore(article, { text }) {
  field(article).value = text;
  grow(field(article));
  count(article, text, pages.get(article));
}

export const missing = (article, page) => complain(article, page.text("nothing"));

export function key(event, article) {
  if (event.key.toLowerCase() !== "e") return false;
  field(article).focus();
  return true;
}
