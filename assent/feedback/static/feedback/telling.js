// What the page tells: its texts in the reader's language, the line at the foot, how much is done.

const root = document.getElementById("work");
const line = document.getElementById("said");
const TEXTS = JSON.parse(document.getElementById("texts").textContent);

/** A text by its name: of the article on the page, else of the page; `{number}` and the like filled in. */
export function text(key, values = {}) {
  const own = root.querySelector(`article.item [data-text="${key}"]`)?.textContent;
  return (own ?? TEXTS[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** For `say`: a text that promises the next item only where there is one by then. */
export const goingOn = (name) => () => text(root.querySelector("article.item") ? `${name}_next` : name);

// What gets the focus is scrolled to above the bar at the foot, and ratings stay above it: --bar is its height.
const bars = new ResizeObserver(([{ target }]) => {
  document.documentElement.style.setProperty("--bar", `${target.offsetHeight}px`);
});

/** Another article is on the page, with a bar of its own. */
export function watchBar(article) {
  bars.disconnect();
  bars.observe(article.querySelector(".bar"));
}

/** Seen at the foot and read out; `kind`: "", "warn" or "bad". The bar above it makes room. */
export function say(words, kind = "") {
  line.className = `said ${kind}`;
  line.textContent = typeof words === "function" ? words() : words;
  root.style.setProperty("--said", `${line.offsetHeight}px`);
}

/** `over`: nothing more is given here, whatever is left. */
export function showProgress(now, over) {
  if (!now) return;
  const values = { mine: now.mine.toLocaleString(), left: now.left.toLocaleString() };
  const form = over ? "progress_over" : now.more ? "progress_more" : "progress";
  document.getElementById("progress").textContent = text(form, values);
}
