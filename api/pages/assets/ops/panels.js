/** Panels of `/health` and `/metrics`. */
import { focusOn, h } from "../dom.js";
import { callsByOperation, quantileOf, samples, sum, values } from "./metrics.js";
import { bars, lines } from "./plots.js";

/** A job that is due for longer has no worker. */
const OVERDUE_SECONDS = 60;
/** What the panels show; the last one has all others. */
const SHOWN = /^(tandem_(operations|operation_seconds|pool_|cache_lookups|jobs$|job_|reachable|requests_turned_away|event_loop|stream)|process_)|_created$/;

/** @param {number} value */
export const whole = (value) => Math.round(value).toLocaleString("en");
/** @param {number} seconds */
const time = (seconds) => (seconds < 0.9995 ? `${(seconds * 1000).toPrecision(seconds < 0.1 ? 2 : 3)} ms` : `${seconds.toFixed(1)} s`);
/** @param {number} share */
const percent = (share) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
/** @param {number} value */
const rate = (value) => (value < 10 ? value.toFixed(1) : whole(value));

/** What works and what does not, in words. @param {any} place @param {any} health @param {Metrics | undefined} metrics */
export function drawHealth(place, health, metrics) {
  /** @param {string} name @param {string} state @param {string} text */
  const tile = (name, state, text) => h("li", { class: `tile ${state}` }, h("b", {}, name), h("span", {}, text));
  if (!health) return place.replaceChildren(tile("Server", "bad", "It does not answer."));
  const overdue = metrics ? Math.max(0, ...samples(metrics, "tandem_job_overdue_seconds").map((one) => one.value)) : 0;
  const minutes = Math.floor(health.uptimeSeconds / 60);
  const isAway = health.database !== "ok";
  /** @param {string} name @param {boolean} isGood @param {string} good @param {string} bad */
  const stored = (name, isGood, good, bad) => isAway ? tile(name, "", "not known while PostgreSQL is away") : isGood ? tile(name, "good", good) : tile(name, "bad", bad);
  place.replaceChildren(
    isAway ? tile("PostgreSQL", "bad", "away: calls answer UNAVAILABLE until it is back") : tile("PostgreSQL", "good", "answers"),
    stored("Writes", health.writes === "ok", "accepted", "refused: the database is read-only"),
    health.redis === "ok" ? tile("Redis", "good", "answers") : tile("Redis", "warning", "away: no cache, and each process limits by itself"),
    stored("Migrations", health.migrations === "ok", "up to date", "missing: run tandem migrate"),
    ...(metrics ? [stored("Worker", overdue <= OVERDUE_SECONDS, "keeps up", `seems down: a job is due for ${whole(overdue)} s`)] : []),
    tile("Version", "", `${health.version}, up ${minutes < 120 ? `${minutes} min` : `${whole(minutes / 60)} h`}`),
  );
}

/** The plots and tables of `/metrics`. @param {any} place of the plots @param {any} tables their place @param {Metrics[]} history @param {boolean} isMeasured */
export function drawFigures(place, tables, history, isMeasured) {
  const now = history.at(-1);
  if (!isMeasured) {
    return place.replaceChildren(h("p", { class: "notice" }, "This server keeps /metrics closed, so there are no figures of calls here. ",
      h("code", {}, "TANDEM_METRICS=true"), " opens it; mind who can reach it."));
  }
  if (!now) return place.replaceChildren(h("p", { class: "notice warning" }, "/metrics does not answer."));
  const { scrollTop = 0, scrollLeft = 0 } = tables.querySelector(".tall") ?? {};
  const focus = document.activeElement?.getAttribute("aria-label");
  place.replaceChildren(h("div", { class: "plots" }, traffic(history), errors(history), latency(history), pool(now, history), cache(now), quota(now), streams(now)));
  tables.replaceChildren(operations(now), ...others(now));
  tables.querySelector(".tall").scrollTo(scrollLeft, scrollTop);
  if (focus) focusOn(`#tables [aria-label="${CSS.escape(focus)}"]`);
}

/** @param {string} title @param {any} figure @param {...any} content */
const panel = (title, figure, ...content) => h("section", { class: "card panel", "aria-label": title }, h("h3", {}, title), h("p", { class: "figure" }, figure), content);

/** A counter's growth a second, between each two readings. @param {Metrics[]} history @param {(metrics: Metrics) => number} count */
const growth = (history, count) => history.slice(1).map((now, at) => {
  const before = history[at];
  return before ? Math.max(0, (count(now) - count(before)) / ((now.at - before.at) / 1000)) : 0;
});

/** @param {string[]} names */
const legend = (names) => h("p", { class: "legend" }, names.map((name, at) => h("span", { class: `key-${at}` }, name)));

const FACES = ["graphql", "v2", "v1"];

/** @param {Metrics[]} history */
function traffic(history) {
  const series = Object.fromEntries(FACES.map((face) => [face, growth(history, (metrics) => sum(metrics, "tandem_operations_total", { face }))]));
  const last = FACES.map((face) => series[face]?.at(-1) ?? 0);
  const all = last.reduce((total, value) => total + value, 0);
  const says = FACES.map((face, at) => `${face} ${rate(last[at] ?? 0)}`).join(", ");
  return panel("Calls a second", rate(all), lines(`Calls a second by face: ${says}`, series, rate), legend(FACES));
}

/** @param {Metrics[]} history */
function errors(history) {
  /** @param {"refused" | "failed"} kind */
  const of = (kind) => growth(history, (metrics) => callsByOperation(metrics).reduce((total, one) => total + one[kind], 0));
  const series = { refused: of("refused"), failed: of("failed") };
  const [refused, failed] = Object.values(series).map((points) => rate(points.at(-1) ?? 0));
  return panel("Errors a second", [failed, h("small", {}, ` failed, ${refused} refused`)],
    lines(`Errors a second: refused ${refused}, failed ${failed}`, series, rate), legend(["refused (the caller's)", "failed (the server's)"]));
}

/** @param {Metrics[]} history */
function latency(history) {
  /** @param {number} quantile */
  const over = (quantile) => history.slice(1).map((now, at) => quantileOf(quantile, now, "tandem_operation_seconds", {}, history[at]));
  const series = { "half of the calls": over(0.5), "95 of 100": over(0.95) };
  const last = series["95 of 100"].filter((value) => value !== null).at(-1) ?? null;
  const says = last === null ? "no calls" : time(last);
  return panel("Latency", [says, h("small", {}, last ? " for 95 of 100" : "")], lines(`Latency, 95 of 100 calls: ${says}`, series, time), legend(Object.keys(series)));
}

/** @param {Metrics} now @param {Metrics[]} history */
function pool(now, history) {
  const limit = sum(now, "tandem_pool_limit");
  const series = { "in use": history.map((one) => sum(one, "tandem_pool_in_use")), waiting: history.map((one) => sum(one, "tandem_pool_waiting")) };
  const used = sum(now, "tandem_pool_in_use");
  return panel("Database connections", [whole(used), h("small", {}, ` in use, ${whole(sum(now, "tandem_pool_open"))} open, of ${whole(limit)}`)],
    lines(`Connections in use: ${used} of ${limit}, waiting ${sum(now, "tandem_pool_waiting")}`, series, whole, limit || undefined), legend(Object.keys(series)));
}

/** @param {Metrics} now */
function cache(now) {
  const label = Object.keys(samples(now, "tandem_cache_lookups_total")[0]?.labels ?? { outcome: "" }).find((name) => name !== "pid") ?? "outcome";
  const hits = sum(now, "tandem_cache_lookups_total", { [label]: "HIT" });
  const all = sum(now, "tandem_cache_lookups_total");
  const late = quantileOf(0.95, now, "tandem_event_loop_lag_seconds");
  return panel("Cache", [all ? percent(hits / all) : "no look-ups", all > 0 && h("small", {}, ` hit, of ${whole(all)} look-ups`)],
    bars("Look-ups of the cache", [{ name: "hit", value: hits }, { name: "miss", value: all - hits }], whole),
    h("p", { class: "legend" }, late === null ? "" : `The event loop is at most ${time(late)} late, 95 times of 100.`));
}

/** @param {Metrics} now */
function quota(now) {
  const found = callsByOperation(now).filter((one) => one.limited > 0).sort((one, other) => other.limited - one.limited);
  const all = found.reduce((total, one) => total + one.limited, 0);
  const away = sum(now, "tandem_requests_turned_away_total");
  return panel("Refused by quota", [whole(all), h("small", {}, ` calls; ${whole(away)} turned away by overload`)],
    found.length ? bars("Calls refused by quota, by operation", found.slice(0, 12).map((one) => ({ name: one.operation, value: one.limited })), whole) : h("p", { class: "muted small" }, "None since the start."));
}

/** @param {Metrics} now */
function streams(now) {
  const lag = quantileOf(0.95, now, "tandem_stream_lag_seconds");
  const dropped = sum(now, "tandem_stream_ends_total", { reason: "STREAM_TOO_SLOW" });
  return panel("Event streams", [whole(sum(now, "tandem_streams")), h("small", {}, ` open, ${whole(dropped)} dropped as too slow`)],
    bars("Open streams by face", FACES.map((face) => ({ name: face, value: sum(now, "tandem_streams", { face }) })), whole),
    h("p", { class: "legend" }, lag === null ? "No event was told yet." : `95 of 100 events are told within ${time(lag)} of their call.`));
}

/** @param {Metrics} now */
function operations(now) {
  const rows = callsByOperation(now);
  const faces = values(now, "tandem_operations_total", "face");
  /** @type {[string, (row: Calls) => number, Show][]} */
  const columns = [
    ["calls", (row) => row.calls, whole],
    ...faces.map((face) => /** @type {typeof columns[0]} */ ([face, (row) => row.faces[face] ?? 0, whole])),
    ["refused", (row) => row.refused, whole],
    ["failed", (row) => row.failed, whole],
    ["mean", (row) => row.mean, time],
    ["p95", (row) => row.p95 ?? 0, time],
  ];
  rows.sort((one, other) => other.calls - one.calls);
  const body = rows.map((row) => h("tr", { "data-operation": row.operation }, h("td", {}, h("a", { href: `/docs/${row.operation}` }, h("code", {}, row.operation))),
    columns.map(([name, of, show]) => h("td", { class: `number ${name === "failed" && of(row) ? "bad-text" : ""}` }, of(row) ? show(of(row)) : h("span", { class: "muted" }, "0")))));
  const heads = columns.map(([name]) => h("th", { scope: "col", class: "number" }, name));
  return h("section", { "aria-label": "Calls by operation" }, h("h2", {}, "Calls by operation"),
    h("p", { class: "muted small" }, "Since the processes started. Refused: the caller's error. Failed: the server's."),
    h("div", { class: "wide tall", tabIndex: 0, role: "region", "aria-label": "Table of calls by operation" },
      h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Operation"), heads)), h("tbody", {}, body))));
}

/** Figures that no panel shows, such as those of deliveries. @param {Metrics} now */
function others(now) {
  const names = [...now.help.keys()].filter((name) => !SHOWN.test(name) && !now.samples.has(`${name}_bucket`));
  if (!names.length) return [];
  return [h("section", { "aria-label": "Other figures" }, h("h2", {}, "Other figures"), h("dl", { class: "facts" },
    names.map((name) => [h("dt", {}, now.help.get(name)), h("dd", { class: "mono" }, whole(sum(now, name)))])))];
}
