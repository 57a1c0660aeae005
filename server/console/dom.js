// Elements and texts. Nothing here or elsewhere makes markup out of strings.

/** An element: el("button", {class: "quiet", onclick: f}, "text", child…). `on…` are listeners, false is left out. */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "value" || key === "checked") node[key] = value;
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value);
  }
  append(node, children);
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
}

export function replace(node, ...children) {
  node.replaceChildren();
  append(node, children);
}

/** Tells those who cannot see it. */
export function say(text) {
  document.getElementById("say").textContent = text;
}

export const hidden = text => el("span", { class: "hidden-text" }, text);

export function card(title, ...children) {
  return el("section", { class: "card" }, title && el("h2", {}, title), children);
}

export function notice(kind, ...children) {
  return el("p", { class: `notice ${kind}`, role: kind === "bad" ? "alert" : null }, children);
}

export function table(heads, rows, caption) {
  return el("div", { class: "table", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {},
      el("caption", { class: "hidden-text" }, caption),
      el("thead", {}, el("tr", {}, heads.map(head => el("th", { scope: "col" }, head)))),
      el("tbody", {}, rows.map(row => el("tr", {}, row.map((cell, at) =>
        at === 0 ? el("th", { scope: "row" }, cell) : el("td", {}, cell)))))));
}

/** A list of names and values. */
export function facts(pairs) {
  return el("dl", { class: "facts" }, pairs.map(([name, value]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(n) {
  let unit = 0;
  while (n >= 1024 && unit < UNITS.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${UNITS[unit]}`;
}

/** Three significant digits, never an exponent where plain digits do. */
export function number(x) {
  if (x === null || x === undefined || !Number.isFinite(x)) return "–";
  const size = Math.abs(x);
  if (size !== 0 && size < 0.001) return x.toExponential(1);
  if (size >= 1000) return Math.round(x).toLocaleString("en");
  return String(Number(x.toPrecision(3)));
}

/** Scores stand below each other: as many digits after the point for all of a usual size. */
export function score(x) {
  const size = Math.abs(x);
  return size !== 0 && (size < 0.001 || size >= 1000) ? number(x) : x.toFixed(3);
}

export const ms = x => (Number.isFinite(x) ? `${number(x)} ms` : "–");
