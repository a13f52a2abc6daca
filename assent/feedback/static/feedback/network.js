// What the page says of the network: the banner over waiting answers, and the list of those that were refused.

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

function entry({ name, path, body, why }, queue, page) {
  const row = document.createElement("li");
  const reason = document.createElement("p");
  reason.textContent = why;
  const sent = document.createElement("textarea");
  Object.assign(sent, { readOnly: true, rows: 2, value: JSON.stringify({ path, ...body }, null, 1) });
  sent.setAttribute("aria-label", page.text("refused_raw"));
  const discard = async () => (await page.ask(page.text("discard_sure"), page.text("discard"))) && queue.forget(name);
  const actions = document.createElement("p");
  actions.className = "row";
  actions.append(
    button(page.text("again"), () => queue.again(name), "button"),
    button(page.text("copy"), () => copy(sent, page)),
    download(sent.value, body.uuid ?? name.slice(-6), page),
    button(page.text("discard"), discard),
  );
  row.append(reason, sent, actions);
  return row;
}

// navigator.clipboard is missing on plain http; the text is selected for the reader's own Ctrl+C as well.
function copy(field, page) {
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
