// How texts are read: formatted, as they were typed, or with the words marked in which answers differ.

import { clearDifference, toggleDifference } from "./diff.js";

const formatted = new WeakMap(); // element -> what it showed before it was shown as typed

/** Show texts as typed, or formatted; says which. */
export function toggleRaw(article, on = !article.classList.contains("as-typed")) {
  clearDifference(article);
  article.classList.toggle("as-typed", on);
  for (const text of article.querySelectorAll(".text[data-raw]")) {
    if (on === formatted.has(text)) continue;
    if (on) {
      formatted.set(text, [...text.childNodes]);
      text.replaceChildren(text.dataset.raw);
    } else {
      text.replaceChildren(...formatted.get(text));
      formatted.delete(text);
    }
  }
  return on;
}

/** Mark the words in which the answers differ, or no longer; says which. */
export function toggleMarks(article, text) {
  toggleRaw(article, false);
  return toggleDifference(article, text);
}
