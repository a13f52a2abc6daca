// What the page says of the network: the banner over waiting answers, and the list of those that were refused.

import { newUuid } from "./drafts.js";

/** Keep both up to date: give the result to `new Queue(shelf, ...)`. `page` has `text` and `ask`. */
export function networkView(page) {
  return (queue) => {
    banner(queue, page);
    refusedList(queue, page);
  };
}

function button(text, act, kind = "quiet") {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: kind, textContent: text, onclick: act });
  return made;
}

function banner(queue, page) {
  const place = document.getElementById("network");
  place.hidden = queue.reason === null;
  if (place.hidden) return place.replaceChildren();
  const words = document.createElement("span");
  words.textContent = page.text(`net_${queue.reason}`, { number: queue.waiting.length });
  place.replaceChildren(words, " ");
  if (queue.reason === "login") {
    const link = document.createElement("a");
    Object.assign(link, { href: "/login", target: "_blank", className: "button", textContent: page.text("login") });
    place.append(link, " ");
  }
  place.append(button(page.text("try_now"), () => queue.flush(), "button"));
}

function refusedList(queue, page) {
  const section = document.getElementById("refused");
  const refused = queue.refused;
  section.hidden = refused.length === 0;
  section.querySelector("ul").replaceChildren(...refused.map((one) => entry(one, queue, page)));
}

function entry(one, queue, page) {
  const { name, path, body, why, meanwhile } = one;
  const row = document.createElement("li");
  const reason = document.createElement("p");
  reason.textContent = why;
  const raw = JSON.stringify({ path, ...body }, null, 1);
  const sent = document.createElement("textarea");
  Object.assign(sent, { readOnly: true, rows: 2, value: raw });
  sent.setAttribute("aria-label", page.text("refused_raw"));
  const discard = async () => (await page.ask(page.text("discard_sure"), page.text("discard"))) && queue.forget(name);
  const actions = document.createElement("p");
  actions.className = "row";
  actions.append(
    ...ways(one, queue, page),
    button(page.text("copy"), () => copy(sent, page)),
    download(raw, body.uuid ?? name.slice(-6), page),
    button(page.text("discard"), discard),
  );
  row.append(reason, meanwhile ? both(meanwhile, page) : "", folded(sent, page), actions);
  return row;
}

// What helps. The same once more helps where it was no conflict; where another window was faster, what is stored can
// be looked at, or mine becomes the revision after it.
function ways({ name, body, code, meanwhile }, queue, page) {
  if (!meanwhile) return code === "conflict" ? [] : [button(page.text("again"), () => queue.again(name), "button")];
  const mine = async () => {
    const anew = { uuid: newUuid(), revision: meanwhile.revision, next: false }; // its number may be taken
    const result = await queue.again(name, anew);
    if (result?.status === 200) page.saved(body.shown);
  };
  return [
    button(page.text("meanwhile_save"), mine, "button"),
    button(page.text("meanwhile_show"), () => page.open(body.shown), "button"),
  ];
}

// The item, and both answers in words: what is stored now, and what was not.
function both({ excerpt, stored, yours }, page) {
  const list = document.createElement("dl");
  list.className = "told";
  for (const [key, words] of [["meanwhile_item", excerpt], ["meanwhile_stored", stored], ["meanwhile_yours", yours]]) {
    const [term, meaning] = [document.createElement("dt"), document.createElement("dd")];
    [term.textContent, meaning.textContent] = [page.text(key), words];
    list.append(term, meaning);
  }
  return list;
}

function folded(sent, page) {
  const [details, summary] = [document.createElement("details"), document.createElement("summary")];
  summary.textContent = page.text("refused_raw");
  details.append(summary, sent);
  return details;
}

// navigator.clipboard is missing on plain http; the text is selected for the reader's own Ctrl+C as well.
function copy(field, page) {
  field.closest("details").open = true; // what is folded cannot be selected
  field.select();
  const done = () => page.say(page.text("copied"));
  if (navigator.clipboard) navigator.clipboard.writeText(field.value).then(done, () => {});
  else if (document.execCommand("copy")) done();
}

function download(text, name, page) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  Object.assign(link, { download: `answer-${name}.json`, className: "button quiet", textContent: page.text("download") });
  return link;
}
