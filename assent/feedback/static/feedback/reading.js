// How texts are read: formatted, as they were typed, or with the words marked in which answers differ.

import { clearDifference, differs, toggleDifference } from "./diff.js";

const formatted = new WeakMap(); // element -> what it showed before it was shown as typed

/** The two switches among the tools of the page. Who wants texts as typed wants those of the next item so as well. */
export class Reading {
  constructor(root) {
    this.raw = root.querySelector("[data-do=raw]");
    this.marks = root.querySelector("[data-do=difference]");
    this.wantsRaw = false;
  }

  /** A new item is on the page. */
  begin(article) {
    this.marks.hidden = article.querySelectorAll(".answer").length < 2;
    this.#show(article, this.wantsRaw, false);
  }

  toggleRaw(article) {
    clearDifference(article);
    this.wantsRaw = !article.classList.contains("as-typed");
    this.#show(article, this.wantsRaw, false);
  }

  toggleMarks(article, text) {
    if (this.marks.hidden) return;
    if (!differs(article)) asTyped(article, false);
    this.#show(article, false, toggleDifference(article, text));
  }

  #show(article, raw, marks) {
    asTyped(article, raw);
    this.raw.setAttribute("aria-pressed", String(raw));
    this.marks.setAttribute("aria-pressed", String(marks));
    // What scrolls sideways (code, wide tables) can be scrolled by keys as well.
    for (const one of article.querySelectorAll(".text pre, .text table")) if (one.scrollWidth > one.clientWidth) one.tabIndex = 0;
  }
}

function asTyped(article, on) {
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
}
