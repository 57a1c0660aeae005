// A ranked list: a bar for every term of the reward, and how far each item has moved.
import { el, hidden, number, replace, score } from "./dom.js";

const FIRST_SHOWN = 25;

/** A class for each signal's colour; see console.css. */
export const colour = (model, signal) => `c${model.signals.indexOf(signal) % 12}`;

function move(steps) {
  if (steps === null) return el("span", { class: "move new" }, "new");
  if (steps === 0) {
    return el("span", { class: "move" }, el("span", { "aria-hidden": "true" }, "·"), hidden("same place"));
  }
  const up = steps > 0;
  return el("span", { class: `move ${up ? "up" : "down"}` },
    el("span", { "aria-hidden": "true" }, `${up ? "▲" : "▼"} ${Math.abs(steps)}`),
    hidden(`${up ? "up" : "down"} ${Math.abs(steps)}`));
}

/** The largest sums of positive and of negative terms: all bars have one scale. */
function extent(items) {
  let high = 0, low = 0;
  for (const { terms } of items) {
    const values = Object.values(terms || {});
    high = Math.max(high, values.filter(term => term > 0).reduce((sum, term) => sum + term, 0));
    low = Math.min(low, values.filter(term => term < 0).reduce((sum, term) => sum + term, 0));
  }
  return { low, width: high - low || 1 };
}

function place(node, from, to, { low, width }) {
  node.style.left = `${100 * (from - low) / width}%`;
  node.style.width = `${100 * (to - from) / width}%`;
  return node;
}

function bar(model, terms, scale) {
  let high = 0, low = 0;
  const segments = Object.entries(terms).filter(([, term]) => term !== 0).map(([signal, term]) => {
    const [from, to] = term > 0 ? [high, high += term] : [low += term, low - term];
    const segment = el("span", { class: `segment ${colour(model, signal)}`, title: `${signal} ${number(term)}` });
    return place(segment, from, to, scale);
  });
  const zero = el("span", { class: "zero" });
  zero.style.left = `${-100 * scale.low / scale.width}%`;
  return el("div", { class: "bar", "aria-hidden": "true" }, segments, zero);
}

function details(model, item) {
  const size = Math.max(...Object.values(item.terms).map(Math.abs)) || 1;
  return el("table", { class: "terms" },
    el("caption", { class: "hidden-text" }, `Terms of ${item.item}`),
    el("thead", {}, el("tr", {}, ["Signal", "Probability", "Term", ""].map(head => el("th", { scope: "col" }, head)))),
    el("tbody", {}, Object.entries(item.signals).map(([signal, value]) => {
      const term = item.terms[signal];
      const length = el("span", { class: `segment ${colour(model, signal)}` });
      length.style.width = `${100 * Math.abs(term || 0) / size}%`;
      return el("tr", {}, el("th", { scope: "row" }, signal), el("td", {}, number(value)),
        el("td", {}, term === undefined ? "" : number(term)), el("td", { class: "length" }, length));
    })));
}

function why(item) {
  if (item.error) return "not a finite score";
  return item.unknown ? "unknown to the model" : "the time did not suffice";
}

function entry(model, item, at, scale, moves) {
  const head = [el("span", { class: "place" }, String(at + 1)), moves && move(moves(item, at)),
    el("span", { class: "id" }, String(item.item),
      item.unknown && item.terms && el("span", { class: "tag" }, "new item")),
    el("span", { class: "score" }, item.score === null ? "–" : score(item.score))];
  if (!item.terms) {
    return el("li", { class: "item bare", "data-item": JSON.stringify(item.item) },
      el("div", { class: "head" }, head), item.score === null && el("span", { class: "muted small" }, why(item)));
  }
  const more = el("details", {}, el("summary", {}, el("div", { class: "head" }, head), bar(model, item.terms, scale)));
  more.addEventListener("toggle", () => {
    if (more.open && !more.querySelector("table")) more.append(details(model, item));
  });
  return el("li", { class: "item", "data-item": JSON.stringify(item.item) }, more);
}

/** Lets what has moved glide to its new place, unless the reader asks for less motion. */
function glide(list, before) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (const node of list.children) {
    const from = before.get(node.dataset.item);
    const to = node.offsetTop;
    if (from === undefined || from === to || Math.abs(from - to) > 1200) continue;
    const steps = [{ transform: `translateY(${from - to}px)` }, { transform: "none" }];
    node.animate(steps, { duration: 180, easing: "ease-out" });
  }
}

export class Ranking {
  constructor(label) {
    this.list = el("ol", { class: "ranking", "aria-label": label });
    this.more = el("button", { class: "quiet", hidden: true, onclick: () => {
      this.shown = Infinity;
      this.show(...this.last);
    } });
    this.node = el("div", {}, this.list, this.more);
    this.shown = FIRST_SHOWN;
  }

  /** moves(item, index) tells how many places an item has risen, null where it was not there; undefined: no moves. */
  show(model, items, moves) {
    this.last = [model, items, moves];
    const before = new Map([...this.list.children].map(node => [node.dataset.item, node.offsetTop]));
    const open = new Set([...this.list.querySelectorAll("details[open]")].map(node => node.parentNode.dataset.item));
    const scale = extent(items);
    replace(this.list, items.slice(0, this.shown).map((item, at) => entry(model, item, at, scale, moves)));
    for (const node of this.list.children) {
      if (open.has(node.dataset.item) && node.firstChild.tagName === "DETAILS") node.firstChild.open = true;
    }
    this.more.hidden = items.length <= this.shown;
    this.more.textContent = `Show all ${items.length}`;
    glide(this.list, before);
  }
}
