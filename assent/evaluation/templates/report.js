"use strict";
// Draws the charts from the JSON in this page, and shows the values under the pointer or the arrow keys.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const HEIGHT = 176;
  const PAD = { top: 10, right: 12, bottom: 24 };
  const specs = JSON.parse(document.getElementById("charts").textContent);

  function element(name, attributes, parent, text) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    parent.append(node);
    return node;
  }

  function html(name, className, parent, text) {
    const node = document.createElement(name);
    node.className = className;
    if (text !== undefined) node.textContent = text;
    parent.append(node);
    return node;
  }

  function shown(value, share) {
    if (value === null || value === undefined) return "–";
    if (share) return `${shown(100 * value)}%`;
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2).replace(/\.?0+e/, "e").replace("-", "−");
    const rounded = Number(value.toPrecision(size >= 1000 ? Math.ceil(Math.log10(size + 1)) : 3));
    return rounded.toLocaleString("en", { maximumFractionDigits: 6 }).replace("-", "−");
  }

  function ticks(low, high, wanted) {
    const rough = (high - low) / wanted;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step);
    return found.map((value) => Number(value.toPrecision(12)));
  }

  // The room above and below does not reach where no value can lie: under 0, if none is there, and over a share of 1.
  function extent(lists, padding, share = false) {
    let low = Infinity;
    let high = -Infinity;
    for (const value of lists.flat()) {
      if (value === null) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    if (low > high) return null;
    const room = high > low ? (high - low) * padding : Math.abs(high) * 0.1 || 1;
    if (!padding && high > low) return [low, high];
    return [low < 0 ? low - room : Math.max(0, low - room), share && high <= 1 ? Math.min(1, high + room) : high + room];
  }

  // Breaks at gaps: a value that is missing is not bridged.
  function path(steps, values, x, y) {
    let pen = "M";
    let drawn = "";
    values.forEach((value, i) => {
      if (value === null) pen = "M";
      else {
        drawn += `${pen}${x(steps[i]).toFixed(1)},${y(value).toFixed(1)}`;
        pen = "L";
      }
    });
    return drawn;
  }

  function area(band, x, y) {
    let drawn = "";
    let run = [];
    const close = () => {
      if (run.length > 1) {
        const top = run.map((i) => `${x(band.steps[i]).toFixed(1)},${y(band.high[i]).toFixed(1)}`);
        const back = run.map((i) => `${x(band.steps[i]).toFixed(1)},${y(band.low[i]).toFixed(1)}`).reverse();
        drawn += `M${top.join("L")}L${back.join("L")}Z`;
      }
      run = [];
    };
    band.steps.forEach((_, i) => (band.low[i] === null ? close() : run.push(i)));
    close();
    return drawn;
  }

  function nearest(steps, wanted) {
    let low = 0;
    let high = steps.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (steps[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low > 0 && wanted - steps[low - 1] < steps[low] - wanted ? low - 1 : low;
  }

  class Chart {
    constructor(figure, spec, group) {
      Object.assign(this, { figure, spec, group, across: spec.across ?? "step" });
      this.colour = (series) => (series.colour < 0 ? "ink" : `series-${series.colour + 1}`);
      this.steps = [...new Set(spec.series.flatMap((series) => series.steps))].sort((a, b) => a - b);
      this.holder = figure.querySelector(".plot");
      this.bubble = html("div", "bubble", this.holder);
      this.bubble.setAttribute("role", "status");
      this.bubble.hidden = true;
      new ResizeObserver(() => this.draw()).observe(this.holder);
    }

    draw() {
      const width = this.holder.clientWidth;
      if (!width || width === this.width) return;
      this.width = width;
      this.svg?.remove();
      this.svg = element("svg", {
        width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, tabindex: 0, role: "img",
        "aria-label": `${this.spec.title}: a curve. Arrow keys read its values.`,
      }, this.holder);
      const { series, bands } = this.spec;
      const xs = extent([this.steps], 0);
      const ys = extent([...series.flatMap((s) => [s.raw ?? [], s.bold]), ...bands.flatMap((b) => [b.low, b.high])], 0.06, this.spec.share);
      if (!xs || !ys) return;
      const marks = ticks(...ys, 5);
      const left = 10 + 6.6 * Math.max(...marks.map((value) => shown(value, this.spec.share).length));
      this.x = (step) => left + ((step - xs[0]) / (xs[1] - xs[0])) * (width - left - PAD.right);
      this.y = (value) => PAD.top + ((ys[1] - value) / (ys[1] - ys[0])) * (HEIGHT - PAD.top - PAD.bottom);
      this.step = (at) => xs[0] + ((at - left) / (width - left - PAD.right)) * (xs[1] - xs[0]);
      this.axes(marks, ticks(...xs, Math.max(2, width / 90)), left, width);
      for (const band of bands) element("path", { d: area(band, this.x, this.y), class: `band ${this.colour(band)}` }, this.svg);
      for (const s of series) this.curve(s);
      this.cursor = element("line", { y1: PAD.top, y2: HEIGHT - PAD.bottom, class: "cursor", visibility: "hidden" }, this.svg);
      this.dots = series.map((s) => element("circle", { r: 3.5, class: `dot ${this.colour(s)}`, visibility: "hidden" }, this.svg));
      this.listen();
    }

    axes(marks, steps, left, width) {
      for (const value of marks) {
        const y = this.y(value);
        element("line", { x1: left, x2: width - PAD.right, y1: y, y2: y, class: "grid" }, this.svg);
        element("text", { x: left - 6, y: y + 4, class: "tick", "text-anchor": "end" }, this.svg, shown(value, this.spec.share));
      }
      element("text", { x: left, y: HEIGHT - 6, class: "tick" }, this.svg, this.across);
      const label = left + 16 + 6 * this.across.length;
      for (const step of steps.filter((value) => (this.across !== "step" || Number.isInteger(value)) && this.x(value) > label)) {
        const anchor = this.x(step) > width - PAD.right - 12 ? "end" : "middle";
        element("text", { x: this.x(step), y: HEIGHT - 6, class: "tick", "text-anchor": anchor }, this.svg, shown(step));
      }
    }

    curve(series) {
      const style = this.colour(series);
      if (series.raw) element("path", { d: path(series.steps, series.raw, this.x, this.y), class: `raw ${style}` }, this.svg);
      const line = path(series.steps, series.bold, this.x, this.y);
      element("path", { d: line, class: `line ${style}${series.thin ? " thin" : ""}` }, this.svg);
      if (series.raw || series.thin || series.steps.length > 30) return;
      series.bold.forEach((value, i) => {
        if (value === null) return;
        element("circle", { cx: this.x(series.steps[i]), cy: this.y(value), r: 2.2, class: `point ${style}` }, this.svg);
      });
    }

    listen() {
      const beside = this.group.filter((chart) => chart.across === this.across); // others have another axis
      const all = (step) => beside.forEach((chart) => chart.show(step, chart === this));
      this.svg.addEventListener("pointermove", (event) => all(this.step(event.clientX - this.svg.getBoundingClientRect().left)));
      this.svg.addEventListener("pointerleave", () => all(null));
      this.svg.addEventListener("blur", () => all(null));
      this.svg.addEventListener("keydown", (event) => {
        const last = this.steps.length - 1;
        const at = this.at ?? last;
        const target = { ArrowLeft: Math.max(0, at - 1), ArrowRight: Math.min(last, at + 1), Home: 0, End: last }[event.key];
        if (event.key === "Escape") all(null);
        if (target === undefined) return;
        event.preventDefault();
        all(this.steps[target]);
      });
    }

    show(step, mine) {
      if (!this.cursor) return;
      for (const node of [this.cursor, ...this.dots]) node.setAttribute("visibility", "hidden");
      this.bubble.hidden = true;
      this.at = null;
      if (step === null) return;
      this.at = nearest(this.steps, step);
      const found = this.steps[this.at];
      const x = this.x(found);
      this.cursor.setAttribute("x1", x);
      this.cursor.setAttribute("x2", x);
      this.cursor.setAttribute("visibility", "visible");
      this.bubble.replaceChildren();
      html("div", "bubble-step", this.bubble, `${this.across} ${shown(found)}`);
      this.spec.series.forEach((series, i) => this.value(series, this.dots[i], found, x));
      this.bubble.hidden = !mine;
      const room = this.width - this.bubble.offsetWidth - 4;
      this.bubble.style.left = `${Math.max(0, x + 12 > room ? Math.min(room, x - 12 - this.bubble.offsetWidth) : x + 12)}px`;
    }

    value(series, dot, step, x) {
      const at = nearest(series.steps, step);
      const value = series.bold[at];
      if (series.steps[at] !== step || value === null) return;
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", this.y(value));
      dot.setAttribute("visibility", "visible");
      const row = html("div", "bubble-row", this.bubble);
      html("span", `key ${this.colour(series)}`, row);
      const text = shown(value, this.spec.share);
      const raw = series.raw ? `${shown(series.raw[at], this.spec.share)}, smoothed ${text}` : text;
      html("span", "", row, series.label ? `${series.label} ${raw}` : raw);
    }
  }

  for (const section of document.querySelectorAll("[data-group]")) {
    const group = [];
    for (const figure of section.querySelectorAll("figure[data-chart]")) {
      group.push(new Chart(figure, specs[Number(figure.dataset.chart)], group));
    }
  }

  const root = document.documentElement;
  const toggle = document.getElementById("theme");
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const block = button.parentElement.querySelector("code");
      getSelection().selectAllChildren(block);
      try {
        await navigator.clipboard.writeText(block.textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Selected";
      }
    });
  }

  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
})();
