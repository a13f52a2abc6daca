// How texts are read: formatted, as they were typed, or with the words marked in which answers differ.

import { clearDifference, differs, toggleDifference } from "./diff.js";

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
  reachable(article);
  return on;
}

/** Mark the words in which the answers differ, or no longer; says which. */
export function toggleMarks(article, text) {
  if (!differs(article)) toggleRaw(article, false);
  const on = toggleDifference(article, text);
  reachable(article);
  return on;
}

/** What scrolls sideways (code, wide tables) can be scrolled by keys as well. */
export function reachable(article) {
  for (const one of article.querySelectorAll(".text pre, .text table"))
    if (one.scrollWidth > one.clientWidth) one.tabIndex = 0;
}
