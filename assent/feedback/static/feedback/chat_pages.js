// What stands on the page: answers to page through, move between and copy; a message on its way; a failure.

// The answer `step` before or after this one, shown in its place; null where there is none.
export function page(answer, step) {
  const all = [...answer.parentElement.querySelectorAll(".reply")];
  const next = all[all.indexOf(answer) + step];
  if (!next) return null;
  const held = answer.contains(document.activeElement) ? document.activeElement.dataset.do : null;
  answer.hidden = true;
  next.hidden = false;
  const button = held && next.querySelector(`[data-do=${held}]:not(:disabled)`);
  if (held !== null) (button || next).focus({ preventScroll: true });
  return next;
}

export function neighbour(log, answer, step) {
  const all = [...log.querySelectorAll(".reply:not([hidden])")];
  return all[all.indexOf(answer) + step] ?? null;
}

// Whether the raw text is in the clipboard now. Plain http has no navigator.clipboard: there it goes by selection.
export async function copied(answer) {
  const { raw } = answer.querySelector(".text").dataset;
  try {
    await navigator.clipboard.writeText(raw);
    return true;
  } catch {
    return copiedBySelection(raw);
  }
}

function copiedBySelection(raw) {
  const field = document.createElement("textarea");
  const before = document.activeElement;
  field.className = "visually-hidden";
  field.value = raw;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  before?.focus({ preventScroll: true });
  return done;
}

// A message that the server has not answered yet, as chat_exchange.html shows those that it has.
export function said(text, you) {
  const exchange = document.createElement("div");
  exchange.className = "exchange";
  exchange.innerHTML = '<div class="said"><h2 class="visually-hidden"></h2><div class="words" dir="auto"></div></div>';
  exchange.querySelector("h2").textContent = you;
  exchange.querySelector(".words").textContent = text;
  return exchange;
}

export function notice(error, label, act) {
  const made = document.createElement("div");
  const [text, button] = [document.createElement("p"), document.createElement("button")];
  made.className = "notice bad trouble";
  made.setAttribute("role", "alert");
  text.textContent = error;
  Object.assign(button, { type: "button", textContent: label });
  button.addEventListener("click", act);
  made.append(text, button);
  return made;
}
