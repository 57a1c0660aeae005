// The section Try it: a request, its answer, the same answer under other weights, and beside an earlier one.
import * as api from "./api.js";
import { card, el, ms, notice, number, replace, say } from "./dom.js";
import { requestForm } from "./form.js";
import { colour, Ranking } from "./ranking.js";
import { asAnswered, hasWeights, reorder, weightsOf } from "./reward.js";

const STAGES = ["queue", "decode", "encode_user", "score", "write"];

function timingBar(timing) {
  const total = timing.total || 1;
  return el("div", { class: "timing" },
    el("div", { class: "bar stages", "aria-hidden": "true" }, STAGES.map((stage, at) => {
      const part = el("span", { class: `segment inline s${at}`, title: `${stage} ${ms(timing[stage])}` });
      part.style.width = `${100 * (timing[stage] || 0) / total}%`;
      return part;
    })),
    el("p", { class: "muted small" }, `${ms(timing.total)} on the server: `,
      STAGES.map((stage, at) =>
        [at > 0 && " · ", el("span", { class: `key s${at}` }), ` ${stage} ${number(timing[stage])}`])));
}

const quote = text => `'${text.replaceAll("'", "'\\''")}'`;

export class TrySection {
  constructor(root) {
    this.root = root;
    this.request = { candidates: [] };
    this.lines = [];
    this.view = "form";
    this.kept = null; // an earlier {model, answer} to compare with
    this.current = null;
  }

  async show(name) {
    if (this.name === name) return;
    this.name = name;
    this.current = this.kept = null;
    this.model = await api.model(name);
    this.lines = await api.warmup(name).then(lines => lines.map(line => JSON.parse(line))).catch(() => []);
    this.request = this.lines[0] || { candidates: [] };
    this.draw();
  }

  /** Another version serves: the answer at hand is kept beside the one that it gives. */
  async changed() {
    if (!this.name) return;
    this.model = await api.model(this.name);
    if (this.current && !this.kept) this.kept = this.current;
    if (this.current) await this.send();
  }

  draw() {
    this.editor = el("div", { id: "editor" });
    this.outcome = el("div", { id: "outcome" });
    this.result = el("div", { id: "result" });
    const source = el("select", { id: "source", onchange: () => {
      const line = this.lines[Number(source.value)];
      this.request = structuredClone(line || { candidates: [] });
      this.drawEditor();
    } }, this.lines.map((line, at) =>
      el("option", { value: String(at) }, `Warm-up ${at + 1} (${(line.candidates || []).length})`)),
    el("option", { value: "own" }, "An empty one"));
    const toggle = [["form", "Form"], ["json", "JSON"]].map(([view, label]) => el("button", { class: "quiet",
      id: `view-${view}`, "aria-pressed": String(this.view === view), onclick: () => this.choose(view) }, label));
    replace(this.root, el("div", { class: "columns" },
      el("div", { class: "editing" }, card("Request",
        el("div", { class: "row" }, el("label", { class: "grow" }, "Start from", source),
          el("div", { class: "toggle", role: "group", "aria-label": "Edit as" }, toggle)),
        this.editor,
        el("div", { class: "row" }, el("button", { class: "primary", id: "rank", onclick: () => this.send() }, "Rank"),
          el("button", { class: "quiet", id: "copy", onclick: () => this.copy() }, "Copy as curl")),
        this.outcome)),
      this.result));
    this.drawEditor();
    replace(this.result, card(null, el("p", { class: "empty" }, "Rank the request to see how its candidates are ",
      "ordered, and what each signal contributes.")));
  }

  choose(view) {
    if (view !== this.view && !this.read()) return;
    this.view = view;
    for (const name of ["form", "json"]) {
      this.root.querySelector(`#view-${name}`).setAttribute("aria-pressed", String(name === view));
    }
    this.drawEditor();
  }

  drawEditor() {
    if (this.view === "form") {
      replace(this.editor, requestForm(this.request, () => replace(this.outcome)));
    } else {
      replace(this.editor, el("label", { for: "json" }, "Body of the request"), el("textarea", { id: "json", rows: "18",
        spellcheck: "false", class: "mono", value: JSON.stringify(this.request, null, 1) }));
    }
  }

  /** Takes over what stands in the JSON view; false: it is none. */
  read() {
    const area = this.root.querySelector("#json");
    if (!area) return true;
    try {
      this.request = JSON.parse(area.value);
      replace(this.outcome);
      return true;
    } catch (error) {
      replace(this.outcome, notice("bad", `Not JSON: ${error.message}`));
      return false;
    }
  }

  async send() {
    if (!this.read()) return;
    try {
      const { answer, timing } = await api.rank(this.name, { ...this.request, explain: true });
      const isOther = this.current && this.current.answer.model.version !== answer.model.version;
      if (isOther && !this.kept) this.kept = this.current;
      if (answer.model.version !== this.model.version) this.model = await api.model(this.name);
      this.current = { model: this.model, answer, timing };
      replace(this.outcome);
      this.drawResult();
      say(`${answer.items.length} items were ranked in ${ms(timing.total)}`);
    } catch (refusal) {
      const faults = (refusal.errors || []).map(fault =>
        el("li", {}, el("code", {}, fault.pointer || fault.header || "body"), ` ${fault.message}`));
      const told = refusal.status === 401 ? "This needs the admin token: the button Token, above." : refusal.message;
      replace(this.outcome, notice("bad", told, faults.length > 0 && el("ul", {}, faults)));
    }
  }

  async copy() {
    if (!this.read()) return;
    const url = await api.dataPort().catch(() => "http://127.0.0.1:8080");
    const body = quote(JSON.stringify(this.request));
    const text = `curl -s ${url}/rank/${this.name} -H 'Content-Type: application/json' -d ${body}`;
    try {
      await navigator.clipboard.writeText(text);
      replace(this.outcome, notice("good", "Copied. It asks the data port."));
    } catch {
      const area = el("textarea", { rows: "6", readonly: true, class: "mono", "aria-label": "The command" });
      area.value = text;
      replace(this.outcome, notice("", "The browser does not let this page copy; here it is:"), area);
      area.select();
    }
  }

  drawResult() {
    const { answer, timing, model } = this.current;
    this.weights = weightsOf(model, (this.request.reward && this.request.reward.weights) || {});
    this.asked = { ...this.weights };
    this.ranking = new Ranking("Ranked items");
    const degraded = answer.degraded && notice("bad", `The budget sufficed for ${answer.degraded.scored} items; `,
      `${answer.degraded.unscored} have no score.`);
    replace(this.result, hasWeights(model) && this.sliders(model), card(null,
      el("div", { class: "title" }, el("h2", {}, `Answer of v${answer.model.version}`), this.keepButton()),
      timingBar(timing), degraded,
      this.kept ? el("div", { class: "two" }, this.keptList(),
        el("div", {}, el("h3", {}, `v${answer.model.version}, now`), this.ranking.node)) : this.ranking.node));
    this.order();
  }

  keptList() {
    const { model, answer } = this.kept;
    const list = new Ranking("The answer that was kept");
    list.show(model, asAnswered(answer.items));
    return el("div", {}, el("h3", {}, `v${answer.model.version}, kept`), list.node);
  }

  keepButton() {
    return el("button", { class: "quiet", id: "keep", onclick: () => {
      this.kept = this.kept ? null : this.current;
      this.drawResult();
    } }, this.kept ? "Drop the kept answer" : "Keep to compare");
  }

  /** Orders by the sliders' weights; without a change it is the answer itself. */
  order() {
    const { answer, model } = this.current;
    const isAsked = Object.entries(this.weights).every(([signal, weight]) => weight === this.asked[signal]);
    const items = isAsked ? asAnswered(answer.items) : reorder(model, answer.items, this.weights);
    const kept = this.kept && new Map(this.kept.answer.items.map((item, at) => [JSON.stringify(item.item), at]));
    let moves;
    if (kept) {
      moves = (item, at) => (kept.has(JSON.stringify(item.item)) ? kept.get(JSON.stringify(item.item)) - at : null);
    } else if (!isAsked) {
      moves = (item, at) => item.before - at;
    }
    this.ranking.show(model, items, moves);
    if (this.reset) this.reset.hidden = isAsked;
  }

  sliders(model) {
    const inputs = [];
    const rows = model.signals.map(signal => {
      const weight = this.asked[signal];
      const size = Math.max(1, 4 * Math.abs(weight));
      const label = `Weight of ${signal}`;
      const slide = el("input", { type: "range", min: String(weight > 0 ? 0 : -size), "aria-label": label,
        max: String(weight < 0 ? 0 : size), step: String(size / 200), value: String(weight) });
      const exact = el("input", { type: "number", step: "any", "aria-label": `${label}, as a number` });
      exact.value = String(weight);
      const take = (from, to) => {
        if (from.value === "" || !Number.isFinite(Number(from.value))) return;
        to.value = from.value;
        this.weights[signal] = Number(from.value);
        this.order();
      };
      slide.addEventListener("input", () => take(slide, exact));
      exact.addEventListener("input", () => take(exact, slide));
      inputs.push([slide, exact, weight]);
      return el("div", { class: "slider" }, el("span", { class: `key ${colour(model, signal)}` }),
        el("span", { class: "name" }, signal), slide, exact);
    });
    this.reset = el("button", { class: "quiet", id: "reset", hidden: true, onclick: () => {
      for (const [slide, exact, weight] of inputs) slide.value = exact.value = String(weight);
      this.weights = { ...this.asked };
      this.order();
    } }, "Back to the answer’s weights");
    return card("What if", el("p", { class: "muted small" }, "Other weights, from the probabilities that the answer ",
      "holds: the order follows at once, and nothing is asked of the server."),
    el("div", { class: "sliders" }, rows), el("div", { class: "row end" }, this.reset));
  }
}
