// Times of one's own answers, as this reader's clock and language have them.

const form = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
for (const one of document.querySelectorAll("time[data-at]")) {
  const at = new Date(Number(one.dataset.at) * 1000);
  one.dateTime = at.toISOString();
  one.textContent = form.format(at);
}
