/** Reads Prometheus' text format, and what it says of the shop. */

const LINE = /^(\w+)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:\\.|[^"\\])*)"/g;

/** @param {string} text @param {number} at when it was read, in milliseconds */
export function parseMetrics(text, at) {
  /** @type {Metrics} */
  const found = { help: new Map(), samples: new Map(), at };
  for (const line of text.split("\n")) {
    if (line.startsWith("# HELP ")) {
      const [name = "", ...words] = line.slice(7).split(" ");
      found.help.set(name, words.join(" "));
      continue;
    }
    const [, name, labels = "", value] = LINE.exec(line) ?? [];
    if (!name || line.startsWith("#")) continue;
    const sample = { labels: Object.fromEntries([...labels.matchAll(LABEL)].map(([, key, one]) => [key, one])), value: Number(value) };
    found.samples.set(name, [...(found.samples.get(name) ?? []), sample]);
  }
  return found;
}

/** The samples of a metric that carry these labels. @param {Metrics} metrics @param {string} name @param {Texts} [labels] */
export function samples(metrics, name, labels = {}) {
  return (metrics.samples.get(name) ?? []).filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value));
}

/** Their sum. @param {Metrics} metrics @param {string} name @param {Texts} [labels] */
export const sum = (metrics, name, labels) => samples(metrics, name, labels).reduce((total, sample) => total + sample.value, 0);

/** The values of a label. @param {Metrics} metrics @param {string} name @param {string} label */
export const values = (metrics, name, label) => [...new Set(samples(metrics, name).map((sample) => sample.labels[label] ?? ""))].sort();

/** A quantile of a histogram in seconds, as Prometheus' `histogram_quantile` computes it; null without calls. @param {number} quantile @param {Metrics} now @param {string} name @param {Texts} [labels] @param {Metrics} [before] only calls since then */
export function quantileOf(quantile, now, name, labels = {}, before) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const [metrics, sign] of /** @type {[Metrics | undefined, number][]} */ ([[now, 1], [before, -1]])) {
    for (const sample of metrics ? samples(metrics, `${name}_bucket`, labels) : []) {
      const edge = Number((sample.labels.le ?? "").replace("+Inf", "Infinity"));
      counts.set(edge, (counts.get(edge) ?? 0) + sign * sample.value);
    }
  }
  const edges = [...counts].sort(([one], [other]) => one - other);
  const all = edges.at(-1)?.[1] ?? 0;
  if (all <= 0) return null;
  const rank = quantile * all;
  let [low, below] = [0, 0];
  for (const [edge, count] of edges) {
    if (count >= rank) return edge === Infinity ? low : low + ((edge - low) * (rank - below)) / Math.max(1, count - below);
    [low, below] = [edge, count];
  }
  return low;
}

/** Calls of operations, with what went wrong with them. @param {Metrics} metrics */
export function callsByOperation(metrics) {
  return values(metrics, "tandem_operations_total", "operation").map((operation) => {
    const all = samples(metrics, "tandem_operations_total", { operation });
    /** @param {(outcome: string) => boolean} fits */
    const count = (fits) => all.filter((one) => fits(one.labels.outcome ?? "")).reduce((total, one) => total + one.value, 0);
    /** @type {Record<string, number>} */
    const faces = {};
    for (const one of all) faces[one.labels.face ?? ""] = (faces[one.labels.face ?? ""] ?? 0) + one.value;
    const calls = count(() => true);
    return {
      operation, calls, faces,
      refused: count((outcome) => outcome !== "OK" && !isFailure(outcome)),
      failed: count(isFailure),
      limited: count((outcome) => outcome === "RATE_LIMITED"),
      mean: sum(metrics, "tandem_operation_seconds_sum", { operation }) / (calls || 1),
      p95: quantileOf(0.95, metrics, "tandem_operation_seconds", { operation }),
    };
  });
}

/** Is it the server's own fault, and not the caller's? @param {string} outcome */
const isFailure = (outcome) => ["INTERNAL", "TIMEOUT", "UNAVAILABLE"].includes(outcome);
