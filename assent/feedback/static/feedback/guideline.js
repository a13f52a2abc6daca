// <word-difference data-before data-after data-gone data-new data-end>: what changed from one text to another.
// An element of its own, so that a piece of a page that was fetched shows it too; and the live preview of the
// page on which admins write.

import { marked, words } from "./diff.js";

class WordDifference extends HTMLElement {
  connectedCallback() {
    const { before, after, gone, new: added, end } = this.dataset;
    const texts = { difference_gone: gone, difference_new: added, difference_end: end };
    this.replaceChildren(marked(words(before, after), (key) => texts[key]));
  }
}

customElements.define("word-difference", WordDifference);

const PAUSE = 250; // milliseconds after the last key, before the server is asked

const editor = document.getElementById("guideline-editor");
if (editor) preview(editor);

function preview(form) {
  const pane = document.getElementById("guideline-preview");
  let waiting = 0;
  let latest = 0; // answers may come out of order: only the last asked for is shown
  const show = async () => {
    const mine = ++latest;
    const response = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form) }).catch(() => null);
    if (mine === latest && response?.ok) pane.innerHTML = await response.text(); // cleaned by the server
  };
  form.elements.text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, PAUSE);
  });
  let saved = form.elements.text.value;
  form.addEventListener("submit", () => (saved = form.elements.text.value));
  addEventListener("beforeunload", (event) => {
    if (form.elements.text.value !== saved) event.preventDefault();
  });
}
