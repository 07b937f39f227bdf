/** The queue of jobs: how deep it is, and what failed, to be tried again or discarded. */
import { h } from "../dom.js";
import { call } from "./calls.js";

/** @param {any} place @param {Operations} operations @param {string} [said] what an action came to */
export async function drawQueue(place, operations, said = "") {
  /** @type {Record<string, any>} */
  const pages = {};
  for (const status of ["FAILED", "RUNNING", "QUEUED"]) {
    pages[status] = await call(operations, "jobs.list", { query: { status, first: status === "FAILED" ? 50 : 1, total: true } });
  }
  const failed = pages.FAILED.items;
  place.replaceChildren(
    h("h2", {}, "Jobs"),
    h("ul", { class: "counts" }, Object.entries(pages).map(([status, page]) => h("li", {}, h("b", { "data-jobs": status }, page.totalCount), ` ${status.toLowerCase()}`))),
    h("p", { role: "status", class: "small" }, said),
    failed.length === 0 ? h("p", { class: "muted" }, "No job has failed.") : h("ul", { class: "jobs" }, failed.map(line)),
  );

  /** @param {any} job */
  function line(job) {
    /** @param {string} operation @param {string} label @param {string} done */
    const button = (operation, label, done) => operations.has(operation) && h("button", { class: "small-button",
      "aria-label": `${label} ${job.name} ${job.id}`, onclick: async (event) => {
        event.target.disabled = true;
        const came = await acted(operation, job, done);
        await drawQueue(place, operations, came).catch(() => {
          place.querySelector("[role=status]").textContent = came;
          event.target.disabled = false;
        });
        place.querySelector("button, h2")?.focus();
      } }, label);
    return h("li", { class: "job", "data-job": job.id },
      h("div", {}, h("b", {}, job.name), h("span", { class: "muted small" }, ` ${job.attempts} ${job.attempts === 1 ? "attempt" : "attempts"}, made ${new Date(job.createdAt).toLocaleString()}`),
        job.error && h("pre", { tabIndex: 0, role: "region", "aria-label": `Error of ${job.name}` }, job.error)),
      h("div", { class: "row" }, button("jobs.retry", "Retry", "is queued again"), button("jobs.discard", "Discard", "is discarded")));
  }

  /** @param {string} operation @param {any} job @param {string} done */
  async function acted(operation, job, done) {
    try {
      await call(operations, operation, { id: job.id });
      return `${job.name} ${done}.`;
    } catch (error) {
      return `${job.name} was not changed: ${error.message}`;
    }
  }
}
