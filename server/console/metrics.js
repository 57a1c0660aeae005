// Prometheus text, and what two scrapes tell of the time between them.

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** {name: [{labels, value}]} */
export function parse(text) {
  const found = {};
  for (const line of text.split("\n")) {
    const match = SAMPLE.exec(line);
    if (!match) continue;
    const labels = Object.fromEntries([...(match[2] || "").matchAll(LABEL)].map(([, key, value]) => [key, value]));
    (found[match[1]] ||= []).push({ labels, value: Number(match[3]) });
  }
  return found;
}

const fits = (sample, labels) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value);

/** Sum of the samples that have the labels; 0 if there are none. */
export function total(scrape, name, labels = {}) {
  return (scrape[name] || []).filter(sample => fits(sample, labels)).reduce((sum, sample) => sum + sample.value, 0);
}

/** [{bound, count}] of a histogram between two scrapes; counts are cumulative. */
function buckets(before, after, name, labels) {
  const of = (scrape, le) => total(scrape, `${name}_bucket`, { ...labels, le });
  return (after[`${name}_bucket`] || []).filter(sample => fits(sample, labels)).map(({ labels: { le } }) => ({
    bound: le === "+Inf" ? Infinity : Number(le), count: of(after, le) - of(before, le),
  }));
}

/** Mean in seconds of what a histogram saw between two scrapes. NaN: nothing happened. */
export function mean(before, after, name, labels = {}) {
  const rise = part => total(after, `${name}_${part}`, labels) - total(before, `${name}_${part}`, labels);
  return rise("sum") / rise("count");
}

/**
 * A quantile in seconds, as Prometheus estimates it: linear within the bucket. NaN: nothing happened. Within the first
 * bucket nothing is known but its bound, which comes back negative.
 */
export function quantile(q, before, after, name, labels = {}) {
  const all = buckets(before, after, name, labels);
  const n = all.length > 0 ? all[all.length - 1].count : 0;
  if (n <= 0) return NaN;
  const at = all.findIndex(bucket => bucket.count >= q * n);
  if (all[at].bound === Infinity) return all[at - 1].bound;
  if (at === 0) return -all[0].bound;
  const low = all[at - 1];
  const share = (q * n - low.count) / (all[at].count - low.count);
  return low.bound + share * (all[at].bound - low.bound);
}
