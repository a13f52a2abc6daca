// The page on which admins write a guideline: a preview as they type, and no text lost by leaving.

import "./diff.js"; // <word-difference>, for what changed

const PAUSE = 250; // milliseconds after the last key, before the server is asked

const editor = document.getElementById("guideline-editor");
if (editor) {
  preview(editor);
  keep(editor);
}

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
}

function keep(form) {
  let saved = form.elements.text.value;
  form.addEventListener("submit", () => (saved = form.elements.text.value));
  addEventListener("beforeunload", (event) => {
    if (form.elements.text.value !== saved) event.preventDefault();
  });
}
