// The Markdown that training reports are written in: headings, paragraphs, lists, tables, code, emphasis.
import { el } from "./dom.js";

const PICTURE = /!\[[^\]]*\]\([^)]*\)/g;  // they stand beside the report, in the model folder
const PARTS = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*|\[([^\]]+)\]\([^)]*\)/g;

function inline(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(PARTS)) {
    nodes.push(text.slice(from, match.index));
    if (match[1]) nodes.push(el("code", {}, match[1]));
    else if (match[2]) nodes.push(el("strong", {}, match[2]));
    else if (match[3]) nodes.push(el("em", {}, match[3]));
    else nodes.push(match[4]);
    from = match.index + match[0].length;
  }
  nodes.push(text.slice(from));
  return nodes;
}

const cells = line => line.trim().replace(/^\||\|$/g, "").split("|").map(cell => cell.trim());

function tableOf(lines) {
  const [head, , ...rows] = lines.map(cells);
  return el("div", { class: "table", tabindex: "0" }, el("table", {},
    el("thead", {}, el("tr", {}, head.map(cell => el("th", { scope: "col" }, inline(cell))))),
    el("tbody", {}, rows.map(row => el("tr", {}, row.map((cell, at) =>
      el(at === 0 ? "th" : "td", at === 0 ? { scope: "row" } : {}, inline(cell))))))));
}

/** Elements of a text. Headings start at the third level: they stand inside of a card. */
export function markdown(text) {
  const nodes = [];
  for (const block of text.replace(PICTURE, "").split(/\n\s*\n|\n(?=#)/)) {
    const lines = block.split("\n").filter(line => line.trim() !== "");
    if (lines.length === 0) continue;
    const heading = /^(#{1,4}) (.*)/.exec(lines[0]);
    if (heading) {
      nodes.push(el(`h${Math.min(6, heading[1].length + 2)}`, {}, inline(heading[2])));
      lines.shift();
    }
    if (lines.length === 0) continue;
    if (lines.length > 1 && /^\|?[\s:|-]+\|?$/.test(lines[1])) nodes.push(tableOf(lines));
    else if (/^[-*] /.test(lines[0])) nodes.push(el("ul", {}, lines.map(line => el("li", {}, inline(line.slice(2))))));
    else nodes.push(el("p", {}, inline(lines.join(" "))));
  }
  return nodes;
}
