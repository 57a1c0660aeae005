// The section Model: what serves, where it came from, and how to serve something else.
import * as api from "./api.js";
import { bytes, card, el, facts, notice, number, replace, say, table } from "./dom.js";
import { markdown } from "./report.js";

const STATES = { serving: "good", loaded: "", refused: "bad" };

function overview(model) {
  const { tensors_used: used, tensors_dropped: dropped, memory, parity } = model;
  return card(`${model.name}`, el("div", { class: "hero" },
    el("div", {}, el("span", { class: "figure" }, `v${model.version}`), el("span", { class: "muted" }, "serving")),
    facts([
      ["Parity", parity.golden_requests === 0 ? "no golden requests"
        : `${number(parity.max_abs_error)} over ${parity.golden_requests} requests`],
      ["Reward", model.reward.type],
      ["Tensors used", `${used.count} · ${bytes(used.bytes)}`],
      ["Tensors dropped", dropped.count === 0 ? "none" : `${dropped.count} · ${bytes(dropped.bytes)}`],
      ["Weights in memory", bytes(memory.weights_bytes)],
      ["Scratch of the workers", bytes(memory.scratch_bytes)],
      ["Warm-up requests", model.warmup_requests],
      ["History", `the last ${model.limits.max_history} events`],
      ["Most candidates", model.limits.max_candidates.toLocaleString("en")],
    ])),
  el("p", { class: "chips" }, el("span", { class: "muted" }, "Signals "), model.signals.map(name =>
    el("span", { class: "chip" }, name, model.reward.weights && model.reward.weights[name] !== undefined &&
      el("b", {}, ` × ${number(model.reward.weights[name])}`)))),
  el("p", { class: "muted small mono break" }, `sha256 ${model.sha256}`));
}

function versions(model, change) {
  const rows = [...model.versions].sort((a, b) => b.version - a.version).map(({ version, state, reason }) => [
    `v${version}`,
    el("span", { class: `pill ${STATES[state]}` }, state),
    reason || "",
    el("button", { class: "quiet", onclick: () => change(version), "aria-label":
      state === "serving" ? `Load version ${version} again` : `Serve version ${version}` },
    state === "serving" ? "Load again" : "Serve"),
  ]);
  const other = el("input", { type: "number", min: "1", step: "1", id: "other-version", class: "short" });
  return card("Versions",
    el("div", { class: "versions" }, table(["Version", "State", "Reason", ""], rows, "Versions that were tried")),
    el("div", { class: "row" },
      el("button", { class: "primary", id: "reload", onclick: () => change(null) }, "Load the newest"),
      el("form", { class: "row", onsubmit: event => {
        event.preventDefault();
        if (other.value) change(Number(other.value));
      } }, el("label", { class: "inline", for: "other-version" }, "or version"), other,
      el("button", { class: "quiet" }, "Serve"))),
    el("p", { class: "muted small" }, "A version is loaded, checked against its golden requests and warmed up before ",
      "it serves; if anything fails, the one that serves goes on."),
    el("div", { id: "reload-outcome" }));
}

function tensors(model) {
  const rows = [...model.tensors].sort((a, b) => a.used - b.used || b.bytes - a.bytes).map(tensor => [
    el("code", {}, tensor.name), tensor.dtype, tensor.shape.join(" × "), bytes(tensor.bytes),
    tensor.used ? "used" : el("span", { class: "pill" }, "dropped"),
  ]);
  return el("details", { class: "card" }, el("summary", {}, el("h2", {}, `Tensors (${rows.length})`)),
    table(["Name", "Type", "Shape", "Size", ""], rows, "Tensors of the model's file"));
}

export class ModelSection {
  constructor(root, { changed }) {
    this.root = root;
    this.changed = changed; // told after another version has been loaded
  }

  async show(name) {
    this.name = name;
    try {
      this.draw(await api.model(name));
      const text = await api.report(name).catch(() => null);
      if (text) this.root.append(el("details", { class: "card report" },
        el("summary", {}, el("h2", {}, "Training report")), markdown(text)));
    } catch (refusal) {
      replace(this.root, notice("bad", refusal.message));
    }
  }

  draw(model) {
    const change = version => this.change(version);
    if (model.version === null) {
      replace(this.root, notice("bad", `${model.name} is ${model.state}.`), versions(model, change));
      return;
    }
    replace(this.root, overview(model), versions(model, change), tensors(model));
  }

  async change(version) {
    const outcome = this.root.querySelector("#reload-outcome");
    const buttons = this.root.querySelectorAll("button");
    for (const button of buttons) button.disabled = true;
    replace(outcome, notice("", "Loading, checking, warming up …"));
    let told;
    try {
      const { version: now, previous } = await api.reload(this.name, version);
      told = notice("good", now === previous ? `Version ${now} was loaded again.`
        : `Version ${now} serves; before it was ${previous}.`);
      await this.show(this.name);
      await this.changed();
    } catch (refusal) {
      told = notice("bad", refusal.status === 401 ? "This needs the admin token: the button Token, above."
        : refusal.message);
    }
    for (const button of buttons) button.disabled = false;
    replace(this.root.querySelector("#reload-outcome"), told);
    say(told.textContent);
  }
}
