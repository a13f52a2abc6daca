// Which words two texts do not share, and marking them in a page.
//
// `words(a, b)` -> [{kind: "same" | "gone" | "new", text}]: "same" and "gone" together are a, "same" and "new" are b.
// `toggleDifference(article, text)` marks `.answer .text[data-raw]` of an item, or puts the rendering back.
//     `text(key)` gives translations of "only_here" and "only_here_end", which screen readers say around a mark.
// `clearDifference(article)` puts it back where it is on; `differs(article)` says whether it is.
// `marked(pieces, text)` -> a fragment with <mark class="gone"> and <mark class="new">, for other pages;
//     `text(key)` gives "difference_gone", "difference_new" and "difference_end".
// <word-difference data-before data-after data-gone data-new data-end> shows what changed from one text to another: an
//     element of its own, so that a piece of a page that was fetched shows it too. diff.css has the looks.
//
// The difference is the shortest there is (Myers 1986, in linear space) for up to 2,000 changed tokens, or 1,000
// where both texts together have 40,000. Beyond that the search stops at the best place it has found and goes on from
// there, as GNU diff does: what is marked is still right, but may be more than need be. So two texts of 20,000
// characters take a fraction of a second at most.

const CJK = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}"; // stand without spaces: one by one
const WORD = `(?:(?![${CJK}])[\\p{L}\\p{M}\\p{N}_])+`;
const TOKENS = new RegExp(`[${CJK}]|${WORD}(?:['’]${WORD})*|\\s+|\`+|[^]`, "gu"); // a fence of code is one
const MOST_STEPS = 1000; // of one search from each side
const MOST_WORK = 20_000_000; // array reads of one search after the other, some 0.2 s

// Between two answers neither is the old one: what only one of them has is "only here".
const BETWEEN = { difference_gone: "only_here", difference_new: "only_here", difference_end: "only_here_end" };
const ENGLISH = { only_here: "only here", only_here_end: "end" };

export function tokens(text) {
  return text.match(TOKENS) ?? [];
}

export function words(a, b) {
  return joined(folded(pieces(a, b)));
}

// One piece a token, in the order of reading; of two that stand in one place, what is gone comes first.
export function pieces(a, b) {
  const left = tokens(a);
  const right = tokens(b);
  const numbers = new Map();
  const numbered = (list) => Int32Array.from(list, (one) => numbers.get(one) ?? (numbers.set(one, numbers.size), numbers.size - 1));
  const [gone, fresh] = changed(numbered(left), numbered(right));
  const found = [];
  for (let x = 0, y = 0; x < left.length || y < right.length; ) {
    if (x < left.length && gone[x]) found.push({ kind: "gone", text: left[x++] });
    else if (y < right.length && fresh[y]) found.push({ kind: "new", text: right[y++] });
    else {
      found.push({ kind: "same", text: left[x++] });
      y++;
    }
  }
  return found;
}

// A lone space between two changes is no common ground: it would cut a changed phrase into confetti.
function folded(list) {
  const between = (one, at) =>
    one.kind === "same" && /^[^\S\n]+$/u.test(one.text) && at > 0 && at < list.length - 1 &&
    list[at - 1].kind !== "same" && list[at + 1].kind !== "same";
  return list.flatMap((one, at) =>
    between(one, at) ? [{ kind: "gone", text: one.text }, { kind: "new", text: one.text }] : [one],
  );
}

// Neighbours of a kind as one piece; within a run of changes all that is gone comes before all that is new.
function joined(list) {
  const found = [];
  let run = { gone: "", new: "" };
  const close = () => {
    for (const kind of ["gone", "new"]) if (run[kind]) found.push({ kind, text: run[kind] });
    run = { gone: "", new: "" };
  };
  for (const { kind, text } of list) {
    if (kind !== "same") {
      run[kind] += text;
      continue;
    }
    close();
    if (found.at(-1)?.kind === "same") found.at(-1).text += text;
    else found.push({ kind, text });
  }
  close();
  return found;
}

// (what of a is gone, what of b is new), a flag a token.
function changed(a, b) {
  const gone = new Uint8Array(a.length);
  const fresh = new Uint8Array(b.length);
  const size = a.length + b.length + 3;
  const most = Math.max(64, Math.min(MOST_STEPS, Math.floor(MOST_WORK / size)));
  const search = { a, b, forward: new Int32Array(size), backward: new Int32Array(size), zero: b.length + 1, most };
  const open = [[0, a.length, 0, b.length]];
  while (open.length) {
    let [left, right, top, bottom] = open.pop();
    while (left < right && top < bottom && a[left] === b[top]) left++, top++;
    while (left < right && top < bottom && a[right - 1] === b[bottom - 1]) right--, bottom--;
    if (left === right) fresh.fill(1, top, bottom);
    else if (top === bottom) gone.fill(1, left, right);
    else {
      const [x, y] = middle(search, left, right, top, bottom);
      open.push([left, x, top, y], [x, right, y, bottom]);
    }
  }
  return [gone, fresh];
}

// A point that a shortest path passes: searched from both ends at once, a diagonal (x - y) at a time, where
// `forward` and `backward` hold the furthest x on each. Myers 1986, section 4b; names as in GNU diffseq.h.
function middle({ a, b, forward, backward, zero, most }, left, right, top, bottom) {
  const lowest = left - bottom, highest = right - top;
  const first = left - top, last = right - bottom;
  const odd = (first - last) & 1;
  let [fmin, fmax, bmin, bmax] = [first, first, last, last];
  forward[zero + first] = left;
  backward[zero + last] = right;
  for (let cost = 1; ; cost++) {
    if (fmin > lowest) forward[zero + --fmin - 1] = -1;
    else fmin++;
    if (fmax < highest) forward[zero + ++fmax + 1] = -1;
    else fmax--;
    for (let d = fmax; d >= fmin; d -= 2) {
      let x = Math.max(forward[zero + d - 1] + 1, forward[zero + d + 1]);
      while (x < right && x - d < bottom && a[x] === b[x - d]) x++;
      forward[zero + d] = x;
      if (odd && bmin <= d && d <= bmax && backward[zero + d] <= x) return [x, x - d];
    }
    if (bmin > lowest) backward[zero + --bmin - 1] = right + bottom + 1;
    else bmin++;
    if (bmax < highest) backward[zero + ++bmax + 1] = right + bottom + 1;
    else bmax--;
    for (let d = bmax; d >= bmin; d -= 2) {
      let x = Math.min(backward[zero + d - 1], backward[zero + d + 1] - 1);
      while (left < x && top < x - d && a[x - 1] === b[x - d - 1]) x--;
      backward[zero + d] = x;
      if (!odd && fmin <= d && d <= fmax && x <= forward[zero + d]) return [x, x - d];
    }
    if (cost >= most) return furthest({ forward, zero }, [fmin, fmax], right, bottom);
  }
}

// Too far apart: where the search from the front has come furthest, all counted.
function furthest({ forward, zero }, [fmin, fmax], right, bottom) {
  let best = [-1, -1];
  for (let d = fmax; d >= fmin; d -= 2) {
    const x = Math.min(forward[zero + d], right, bottom + d);
    if (x + x - d > best[0] + best[1]) best = [x, x - d];
  }
  return best;
}

export function marked(list, text) {
  const fragment = document.createDocumentFragment();
  for (const piece of list) fragment.append(piece.kind === "same" ? piece.text : mark(piece, text));
  return fragment;
}

function mark({ kind, text: content }, text) {
  const made = document.createElement("mark");
  made.className = kind;
  made.append(heard(`${text(`difference_${kind}`)}: `), content, heard(` (${text("difference_end")})`));
  return made;
}

// For those who hear the page: a mark has no voice of its own.
function heard(words) {
  const made = document.createElement("span");
  made.className = "visually-hidden";
  made.dir = "ltr"; // the text around it, not this, says in which direction it is read: dir=auto
  made.textContent = words;
  return made;
}

class WordDifference extends HTMLElement {
  connectedCallback() {
    const { before, after, gone, new: added, end } = this.dataset;
    const texts = { difference_gone: gone, difference_new: added, difference_end: end };
    this.classList.add("difference");
    this.replaceChildren(marked(words(before, after), (key) => texts[key]));
  }
}

customElements.define("word-difference", WordDifference);

const before = new WeakMap(); // element -> what it showed before

export function differs(article) {
  return answers(article).some((one) => before.has(one));
}

export function toggleDifference(article, text = (key) => ENGLISH[key]) {
  if (differs(article)) return clearDifference(article), false;
  const all = answers(article);
  if (all.length < 2) return false;
  const first = all.find((one) => one.closest(".answer").matches(":focus-within, .focused, [aria-current=true]")) ?? all[0];
  const said = (key) => text(BETWEEN[key]);
  const show = (one, list, kept) => put(one, marked(list.filter(({ kind }) => kind === "same" || kind === kept), said));
  if (all.length === 2) {
    const [left, right] = all;
    const list = words(left.dataset.raw, right.dataset.raw);
    show(left, list, "gone");
    show(right, list, "new");
  } else for (const one of all) show(one, words(first.dataset.raw, one.dataset.raw), "new");
  return true;
}

export function clearDifference(article) {
  for (const one of answers(article)) {
    if (!before.has(one)) continue;
    one.replaceChildren(...before.get(one));
    one.classList.remove("difference", "with-code");
    before.delete(one);
  }
}

function answers(article) {
  return [...article.querySelectorAll(".answer .text[data-raw]")];
}

function put(element, fragment) {
  before.set(element, [...element.childNodes]);
  element.replaceChildren(fragment);
  element.classList.add("difference"); // raw text: spaces and lines as they are
  element.classList.toggle("with-code", element.dataset.raw.includes("```")); // its columns stay columns
}
