// The section Live: what /metrics says of the last minute, and the slowest requests.
import * as api from "./api.js";
import { bytes, card, el, ms, notice, number, replace, svg, table } from "./dom.js";
import { mean, parse, quantile, total } from "./metrics.js";

const POLL_MS = 2000, KEPT = 90, WINDOW = 30; // scrapes: three minutes are drawn, one is summed up
const SHOWN = 16; // slow requests
const STAGES = ["queue", "decode", "encode_user", "score", "write"];
const DURATION = "rankd_rank_duration_seconds";

/** A quantile in ms; a negative one is a bound that it is below. */
const atMost = x => (x < 0 ? `< ${ms(-x)}` : ms(x));

/** A line of values without axes; the figure beside it says the last. */
function spark(values) {
  const WIDTH = 240, HEIGHT = 40;
  const finite = values.map(value => (Number.isFinite(value) ? value : 0));
  const high = Math.max(...finite, 1e-9);
  const at = (value, index) => `${(WIDTH * (KEPT - finite.length + index) / (KEPT - 1)).toFixed(1)},` +
    `${(HEIGHT - 2 - (HEIGHT - 6) * value / high).toFixed(1)}`;
  const line = finite.map(at).join(" ");
  const first = (WIDTH * (KEPT - finite.length) / (KEPT - 1)).toFixed(1);
  const box = `0 0 ${WIDTH} ${HEIGHT}`;
  return svg("svg", { viewBox: box, preserveAspectRatio: "none", class: "spark", "aria-hidden": "true" },
    finite.length > 1 && svg("polygon", { points: `${first},${HEIGHT} ${line} ${WIDTH},${HEIGHT}` }),
    svg("polyline", { points: line }));
}

function tile(name, value, note, values) {
  return el("div", { class: "tile" }, el("span", { class: "muted" }, name), el("span", { class: "figure" }, value),
    el("span", { class: "muted small" }, note), values && spark(values));
}

/** The stages of a request on a scale of ms that all bars share; its budget, where that lies within. */
function stageBar(request, scale) {
  const parts = [["arrive", request.arrive_ms], ...STAGES.map(stage => [stage, request[`${stage}_ms`]])];
  const bar = el("div", { class: "bar stages", role: "img", "aria-label":
    parts.map(([stage, time]) => `${stage} ${number(time)} ms`).join(", ") },
  parts.map(([stage, time], at) => {
    const colour = at === 0 ? "arrive" : `s${at - 1}`;
    const part = el("span", { class: `segment inline ${colour}`, title: `${stage} ${ms(time)}` });
    part.style.width = `${100 * time / scale}%`;
    return part;
  }));
  if (request.budget_ms < scale) {
    const budget = el("span", { class: "zero", title: `budget ${ms(request.budget_ms)}` });
    budget.style.left = `${100 * request.budget_ms / scale}%`;
    bar.append(budget);
  }
  return bar;
}

const shorten = id => (id.length > 16 ? `${id.slice(0, 14)}…` : id);

const legend = () => el("p", { class: "muted small keys" }, el("span", { class: "key arrive" }), " arrive ",
  STAGES.map((stage, at) => [el("span", { class: `key s${at}` }), ` ${stage} `]), "· line: the budget");

export class LiveSection {
  constructor(root) {
    this.root = root;
    this.scrapes = [];
    this.figures = el("div", { class: "tiles" });
    this.stages = el("div", {});
    this.slow = el("div", { id: "slow" });
    this.problem = el("div", {});
    replace(root, this.problem, this.figures, card("Where the time goes", el("p", { class: "muted small" },
      "Rankings of the last minute that were answered with 200, as the histograms’ buckets tell."), this.stages),
    card("The slowest requests of ten minutes", legend(), this.slow));
  }

  show() {
    if (this.timer) return;
    this.timer = setInterval(() => this.poll(), POLL_MS);
    this.poll();
  }

  hide() {
    clearInterval(this.timer);
    this.timer = null;
  }

  async poll() {
    try {
      const scrape = parse(await api.metrics());
      this.scrapes = [...this.scrapes, { at: performance.now() / 1000, scrape }].slice(-KEPT);
      this.draw();
      replace(this.problem);
    } catch (refusal) {
      replace(this.problem, notice("bad", refusal.message));
      return;
    }
    api.slow().then(requests => this.drawSlow(requests)).catch(refusal => replace(this.slow, notice("bad",
      refusal.status === 401 ? "Bodies are recorded: this needs the admin token." : refusal.message)));
  }

  /** Rises a second of a counter, between each two scrapes. */
  rates(name, labels = {}) {
    return this.scrapes.slice(1).map(({ at, scrape }, index) => {
      const before = this.scrapes[index];
      return Math.max(0, total(scrape, name, labels) - total(before.scrape, name, labels)) / (at - before.at);
    });
  }

  gauges(name) {
    return this.scrapes.map(({ scrape }) => total(scrape, name));
  }

  draw() {
    const last = this.scrapes[this.scrapes.length - 1].scrape;
    const first = this.scrapes[Math.max(0, this.scrapes.length - 1 - WINDOW)].scrape;
    const routes = ["rank", "try"].map(route => this.rates("rankd_http_requests_total", { route }));
    const rates = routes[0].map((rate, at) => rate + routes[1][at]);
    const p99 = this.scrapes.slice(1).map(({ scrape }, index) =>
      1000 * quantile(0.99, this.scrapes[index].scrape, scrape, DURATION));
    const quantiles = (name, labels) => [0.5, 0.95, 0.99].map(q => 1000 * quantile(q, first, last, name, labels));
    const all = quantiles(DURATION);
    const shed = this.rates("rankd_shed_total"), degraded = this.rates("rankd_degraded_total");
    const memory = this.gauges("process_resident_memory_bytes");
    const latest = values => values[values.length - 1] ?? NaN;
    const now = name => number(total(last, name));
    replace(this.figures,
      tile("Requests a second", number(latest(rates)), `${now("rankd_inflight_requests")} in flight`, rates),
      tile("p99 of a minute", atMost(all[2]), `p50 ${atMost(all[0])} · p95 ${atMost(all[1])}`, p99.map(Math.abs)),
      tile("Queue age", ms(1000 * latest(this.gauges("rankd_queue_age_seconds"))), "of the oldest that waits",
        this.gauges("rankd_queue_age_seconds")),
      tile("Shed a second", number(latest(shed)), `${now("rankd_shed_total")} since the start`, shed),
      tile("Degraded a second", number(latest(degraded)), `${now("rankd_degraded_total")} since the start`, degraded),
      tile("Memory", bytes(latest(memory)), `${now("rankd_connections")} connections`, memory));
    const row = (label, name, labels) => [label, ms(1000 * mean(first, last, name, labels)),
      ...quantiles(name, labels).map(atMost)];
    replace(this.stages, table(["", "mean", "p50", "p95", "p99"], [row("all", DURATION, {}), ...STAGES.map(stage =>
      row(stage, "rankd_stage_duration_seconds", { stage }))], "Times of a minute by stage"));
  }

  drawSlow(requests) {
    if (requests.length === 0) {
      replace(this.slow, el("p", { class: "empty" }, "None yet."));
      return;
    }
    const scale = requests[0].total_ms || 1;
    const heads = ["Request", "Status", "Total", "", "Candidates", "Ago"];
    replace(this.slow, table(heads, requests.slice(0, SHOWN).map(request => [
      el("code", {}, shorten(request.request_id || "–")), String(request.status), ms(request.total_ms),
      stageBar(request, scale),
      String(request.candidates), `${Math.round(request.age_s)} s`,
    ]), "The slowest requests"));
  }
}
