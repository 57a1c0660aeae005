// What a score is made of: from signals that were received to terms and an order, without asking the server again.
// The sums are made in 32-bit floats and in the signals' order, as the server makes them.

const f32 = Math.fround;

/** The weights of a model's reward for all of its signals: 0 where it has none. */
export function weightsOf(model, overlay = {}) {
  const own = (model.reward && model.reward.weights) || {};
  return Object.fromEntries(model.signals.map(name => [name, overlay[name] ?? own[name] ?? 0]));
}

export const hasWeights = model => Boolean(model.reward && model.reward.weights);

/** For each item, its place among the scored by one signal: 1 is the highest, equal ones share it. */
function places(items, signal) {
  const values = items.map(item => item.signals[signal]).sort((a, b) => b - a);
  const first = new Map();
  values.forEach((value, at) => first.has(value) || first.set(value, at + 1));
  return items.map(item => first.get(item.signals[signal]));
}

function additive(items, weights) {
  return items.map(item => Object.fromEntries(Object.entries(weights)
    .map(([signal, weight]) => [signal, f32(f32(weight) * f32(item.signals[signal]))])));
}

function byRank(items, weights, offset) {
  const terms = items.map(() => ({}));
  for (const [signal, weight] of Object.entries(weights)) {
    places(items, signal).forEach((place, at) => {
      terms[at][signal] = f32(f32(weight) / f32(f32(offset) + f32(place)));
    });
  }
  return terms;
}

/**
 * The items of an answer in the order of other weights: [{item, score, terms, before}], `before` the index in the
 * answer. Items without signals stay behind, in the answer's order.
 */
export function reorder(model, items, weights) {
  const scored = items.filter(item => item.signals);
  const used = Object.fromEntries(Object.entries(weights).filter(([, weight]) => weight !== 0));
  const terms = model.reward.type === "rank"
    ? byRank(scored, used, model.reward.rank_offset) : additive(scored, used);
  const ranked = scored.map((item, at) => ({
    item: item.item, unknown: item.unknown, signals: item.signals, terms: terms[at], before: items.indexOf(item),
    score: Object.values(terms[at]).reduce((sum, term) => f32(sum + term), 0),
  }));
  ranked.sort((a, b) => b.score - a.score || a.before - b.before);
  const rest = items.map((item, before) => ({ ...item, before })).filter(item => !item.signals);
  return [...ranked, ...rest];
}

/** The items as they were answered, in the same form. */
export function asAnswered(items) {
  return items.map((item, before) => ({ ...item, before }));
}
