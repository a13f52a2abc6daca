// A field to write in that grows with its text and counts it: what demonstrations and edits share.

const PAUSE = 150; // milliseconds without a key until words are counted
const MOST = 100_000; // characters, as store/answers.py has it
const complained = new WeakSet(); // articles whose answer was found wanting
const segmenter = globalThis.Intl?.Segmenter && new Intl.Segmenter(undefined, { granularity: "word" });

// Puts the editor below what was asked, and calls `changed` a moment after each change.
export function write(article, page, changed = () => {}) {
  const field = article.querySelector("textarea.writing");
  article.querySelector(".face").append(field.closest(".writer"));
  let timer;
  const told = () => {
    grow(field);
    if (complained.delete(article)) page.say("");
    clearTimeout(timer);
    timer = setTimeout(() => {
      count(article, field.value, page);
      changed();
    }, PAUSE);
  };
  field.addEventListener("input", told);
  count(article, field.value, page);
  return field;
}

// What is missing, told once: it goes as soon as somebody writes on.
export function complain(article, words) {
  complained.add(article);
  return words;
}

export function grow(field) {
  if (CSS.supports("field-sizing", "content")) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
}

// Chinese has no spaces: the browser knows where its words end.
export function wordsIn(text) {
  if (!segmenter) return text.match(/[\p{L}\p{N}]+/gu)?.length ?? 0;
  let number = 0;
  for (const { isWordLike } of segmenter.segment(text)) number += isWordLike ? 1 : 0;
  return number;
}

export function count(article, text, page) {
  const place = article.querySelector(".counts");
  let characters = 0;
  for (const _ of text) characters++; // code points, as Python counts
  const long = characters > MOST;
  place.classList.toggle("error", long);
  const values = { characters: characters.toLocaleString(), words: long ? "" : wordsIn(text).toLocaleString() };
  place.textContent = page.text(long ? "too_long" : "counts", values);
}

// Whoever has a keyboard can write at once; on a phone the keyboard would cover what is asked.
export function focusSoon(field) {
  if (matchMedia("(pointer: fine)").matches) requestAnimationFrame(() => field.focus({ preventScroll: true }));
}
