// Answers as they stand on the page: paging through several, moving between them, copying one.

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
