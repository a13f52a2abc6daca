// The windows over the page: skip, flag, a question, the keys, the guideline. All are <dialog>s of the page, so that
// Esc leaves them, and the keyboard stays inside and comes back to where it was.

import { get, Unreachable } from "./net.js";

/** Open a dialog by its name; resolves with its value when it closes: "" where it was left. */
function opened(name, pressed = () => {}) {
  const dialog = document.getElementById(`${name}-dialog`);
  dialog.returnValue = "";
  for (const button of dialog.querySelectorAll("[data-close]")) button.onclick = () => dialog.close("");
  // A click on what is behind leaves it as well.
  dialog.onpointerdown = (event) => {
    if (event.target === dialog && !inside(dialog, event)) dialog.close("");
  };
  // A key of the window is no key of the page behind it, even where it closes the window. Nothing is returned: false
  // from a handler would keep Esc from the browser.
  dialog.onkeydown = (event) => {
    event.stopPropagation();
    pressed(event, dialog);
  };
  dialog.dispatchEvent(new Event("left")); // opened again before the browser has told that it was closed
  const closed = new Promise((resolve) => {
    dialog.onclose = () => dialog.open || resolve(dialog.returnValue);
    dialog.addEventListener("left", () => resolve(""), { once: true });
  });
  dialog.showModal();
  return { dialog, closed };
}

function inside(dialog, event) {
  const box = dialog.getBoundingClientRect();
  return event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
}

// The key that opened it closes it.
const closedBy = (key) => (event, dialog) => event.key.toLowerCase() === key && dialog.close();

/** A text that was asked for, or null. What was typed stays in the field until it is sent: `keep` holds it. */
async function askedText(name, keep) {
  const { dialog, closed } = opened(name, chosenByDigit);
  const field = dialog.querySelector("textarea");
  field.value = keep.get();
  field.oninput = () => keep.set(field.value);
  for (const button of dialog.querySelectorAll("[data-reason]"))
    button.onclick = () => {
      field.value = button.dataset.reason;
      dialog.close("send");
    };
  // Among reasons none is chosen beforehand: Enter would take it.
  (dialog.querySelector("[data-reason]") ? dialog.querySelector("h2") : field).focus();
  const value = await closed;
  return value === "send" ? field.value : null;
}

// Digits choose a reason while nothing is typed; Ctrl+Enter sends. Enter where nothing is chosen asks for a reason.
function chosenByDigit(event, dialog) {
  const isTyped = event.target.matches("textarea");
  if (!isTyped) dialog.querySelectorAll("[data-reason]")[Number(event.key) - 1]?.click();
  const isSent = isTyped ? event.ctrlKey || event.metaKey : event.target.matches("h2");
  if (event.key !== "Enter" || !isSent) return;
  event.preventDefault(); // else it is typed as well, into the field that asks
  dialog.querySelector(".primary").click();
}

export const askSkip = (keep) => askedText("skip", keep);
export const askFlag = (keep) => askedText("flag", keep);

/** Whether the answer is yes. */
export async function ask(text, yes) {
  const { dialog, closed } = opened("question");
  dialog.querySelector("h2").textContent = text;
  dialog.querySelector(".primary").textContent = yes;
  dialog.querySelector(".primary").focus();
  return (await closed) === "yes";
}

export function showHelp(fill) {
  const { dialog } = opened("help", closedBy("?"));
  fill(dialog.querySelector("dl"));
}

/**
 * The guideline, in its current version; the last one that was read stays readable without the server. Resolves with
 * the number of the version that is shown; 0: none.
 */
export async function showGuideline(path, text) {
  const { dialog } = opened("guideline", closedBy("g"));
  const region = dialog.querySelector(".guideline");
  if (!region.childElementCount) region.textContent = text("moment");
  region.focus();
  try {
    const { status, body } = await get(path);
    if (status === 200) region.innerHTML = body; // made by our own server, of cleaned Markdown
    else region.textContent = body?.error ?? text("not_loaded");
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    if (!region.childElementCount) region.textContent = text("not_loaded");
  }
  return Number(region.querySelector("[data-version]")?.dataset.version ?? 0);
}
