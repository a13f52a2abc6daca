// Every key of the work page in one table; `?` lists them, with those of the task. Each is a button as well.

import { isFresh } from "./fresh.js";

const GENERAL = [
  ["Enter", "key_submit", "submit"],
  ["U", "key_undo", "undo"],
  ["S", "key_skip", "skip"],
  ["F", "key_flag", "flag"],
  ["C", "key_comment", "comment"],
  ["G", "key_guideline", "guideline"],
  ["D", "key_difference", "difference"],
  ["R", "key_raw", "raw"],
  ["Esc", "key_escape", "escape"],
  ["?", "key_help", "help"],
];
const ACTIONS = new Map(GENERAL.map(([key, , action]) => [key === "Esc" ? "escape" : key.toLowerCase(), action]));
const HOLDS_ITS_KEYS = "input, textarea, select, [contenteditable]";
const PRESSED_BY_ENTER = "button:not([data-no-press]), a[href], summary"; // data-no-press: its module answers Enter

/**
 * Listen to the keyboard and to buttons. `page.module` (or null) has the first word on every key, then `page.act(action)` does what
 * the table says. Nobody listens while something is typed, a window is open, or a modifier is held.
 */
export function listen(page) {
  document.getElementById("work").addEventListener("click", (event) => {
    const action = event.target.closest("[data-do]")?.dataset.do;
    if (action) page.act(action);
  });
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.(HOLDS_ITS_KEYS)) return typing(event, page);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // A key that is held down must not judge one item after another.
    if (event.repeat && !event.key.startsWith("Arrow")) return;
    const isPress = event.key === "Enter" || event.key === " ";
    if (isPress && event.target.closest?.(PRESSED_BY_ENTER)) return; // the browser clicks it
    const isAnswer = page.article && !page.article.inert && !isFresh() && page.module.key(event, page.article, page);
    if (isAnswer) return event.preventDefault();
    const action = ACTIONS.get(event.key.toLowerCase());
    if (action && page.act(action) !== false) event.preventDefault();
  });
}

// Inside a field: Esc leaves it, Ctrl+Enter submits.
function typing(event, page) {
  if (event.key === "Escape") {
    event.target.blur();
    page.article?.focus({ preventScroll: true });
    event.preventDefault();
  } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && page.article) {
    event.preventDefault();
    page.act("submit");
  }
}

/** Write the table of keys into a <dl>. */
export function list(where, page) {
  const rows = [...(page.article ? page.module.keys : []), ...GENERAL];
  where.replaceChildren(
    ...rows.map(([key, text]) => {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      for (const one of key.split(" ")) {
        const cap = document.createElement("kbd");
        cap.textContent = one;
        term.append(cap, " ");
      }
      const meaning = document.createElement("dd");
      meaning.textContent = page.text(text);
      row.append(term, meaning);
      return row;
    }),
  );
}
