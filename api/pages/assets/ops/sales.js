/** Sales by day, from the shop's own report. */
import { h } from "../dom.js";
import { call } from "./calls.js";
import { bars } from "./plots.js";

const DAYS = 30;

/** @param {any} place @param {Operations} operations */
export async function drawSales(place, operations) {
  const to = new Date();
  const from = new Date(to.getTime() - DAYS * 86_400_000);
  const report = await call(operations, "reports.sales", { query: { from: from.toISOString(), to: to.toISOString(), period: "DAY" } });
  const money = (/** @type {number | string} */ value) => `${Number(value).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })} ${report.currency}`;
  const days = report.periods.map((/** @type {any} */ period) => ({ name: period.firstDay, value: Number(period.net) }));
  place.replaceChildren(h("h2", {}, "Sales by day"), h("section", { class: "card panel", "aria-label": "Sales by day" },
    h("p", { class: "figure" }, h("span", { "data-sales": report.net }, money(report.net)), h("small", {}, ` net in ${DAYS} days: ${report.orders} orders, ${money(report.refunded)} refunded`)),
    bars(`Net sales a day: ${money(report.net)} in all`, days, money, Math.min(960, place.clientWidth)),
    h("p", { class: "legend" }, `${days[0]?.name ?? ""} to ${days.at(-1)?.name ?? ""}, in ${report.timeZone}`)));
}
