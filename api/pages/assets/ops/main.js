/** The operators' page: how the shop runs, and the jobs that failed. */
import { byId, h } from "../dom.js";
import { drawPeople } from "../people.js";
import { role } from "../session.js";
import { parseMetrics } from "./metrics.js";
import { drawFigures, drawHealth } from "./panels.js";
import { drawQueue } from "./queue.js";
import { drawSales } from "./sales.js";

/** How often the figures are read, and for how long they are kept: five minutes. */
const SECONDS = 5;
const KEPT = 60;
/** Lists and reports cost the caller's quota, so they are read less often. */
const SLOW_EVERY = 12;

const { metrics: isMeasured } = JSON.parse(byId("data").textContent);
/** @type {Metrics[]} */
const history = [];
let turns = 0;

/** Panels of operations: each is drawn when the catalogue has its operation. */
const PANELS = [
  { place: "queue", needs: "jobs.list", title: "Jobs", draw: drawQueue },
  { place: "sales", needs: "reports.sales", title: "Sales by day", draw: drawSales },
];

/** @type {Operations} */
let operations = new Map();
/** @type {number | undefined} */
let timer;

/** The answer of an address; null when none came in time. @param {string} path */
const read = (path) => fetch(path, { signal: AbortSignal.timeout(SECONDS * 2_000) }).catch(() => null);

async function readHealth() {
  const health = await read("/health").then((answer) => answer?.json()).catch(() => null);
  if (health && isMeasured) {
    const answer = await read("/metrics");
    if (answer?.ok) history.push(parseMetrics(await answer.text(), Date.now()));
    if (history.length > KEPT) history.shift();
  }
  drawHealth(byId("health"), health, history.at(-1));
  byId("updated").textContent = health ? `Read at ${new Date().toLocaleTimeString()}, every ${SECONDS} s.` : "The server does not answer; the page asks again.";
  return health;
}

/** Draw a panel. What it cannot read stays as it was, and is asked for at the next turn. @param {typeof PANELS[0]} panel */
async function drawPanel({ place, needs, title, draw }) {
  const shown = byId(place);
  shown.hidden = !operations.has(needs);
  if (shown.hidden) return;
  try {
    await draw(shown, operations);
  } catch (error) {
    turns = SLOW_EVERY;
    shown.querySelector(".away")?.remove();
    if (!shown.hasChildNodes()) shown.append(h("h2", {}, title));
    shown.firstChild.after(h("p", { class: "notice bad away" }, `This cannot be read now: ${error.message}`));
  }
}

/** Read, draw, and come again. */
async function turn() {
  if (!document.hidden || turns === 0) {
    const health = await readHealth();
    const isAdmin = role() === "ADMIN";
    byId("closed").hidden = isAdmin;
    byId("panels").hidden = !isAdmin;
    if (isAdmin) {
      if (operations.size === 0 && health) await readCatalogue();
      drawFigures(byId("figures"), byId("tables"), history, isMeasured);
      if (turns++ % SLOW_EVERY === 0) PANELS.forEach(drawPanel);
    }
  }
  document.body.dataset.ready = "true";
  clearTimeout(timer);
  timer = setTimeout(turn, history.length === 1 ? 1_500 : SECONDS * 1_000);
}

async function readCatalogue() {
  const answer = await read("/operations");
  const found = answer?.ok ? (await answer.json()).operations : [];
  operations = new Map(found.map((/** @type {Operation} */ one) => [one.name, one]));
}

function again() {
  turns = 0;
  turn();
}

drawPeople(again);
byId("again").addEventListener("click", again);
await turn();
