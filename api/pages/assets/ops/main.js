/** The operators' page: how the shop runs, and the jobs that failed. */
import { byId } from "../dom.js";
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
  { place: "queue", needs: "jobs.list", draw: drawQueue },
  { place: "sales", needs: "reports.sales", draw: drawSales },
];

/** @type {Operations} */
let operations = new Map();

async function read() {
  const health = await fetch("/health").then((answer) => answer.json()).catch(() => null);
  if (health && isMeasured) {
    const answer = await fetch("/metrics").catch(() => null);
    if (answer?.ok) history.push(parseMetrics(await answer.text(), Date.now()));
    if (history.length > KEPT) history.shift();
  }
  drawHealth(byId("health"), health, history.at(-1));
  byId("updated").textContent = health ? `Read at ${new Date().toLocaleTimeString()}, every ${SECONDS} s.` : "The server does not answer; the page asks again.";
  return health;
}

function drawPanels() {
  for (const { place, needs, draw } of PANELS) {
    const isThere = operations.has(needs);
    byId(place).hidden = !isThere;
    if (isThere) draw(byId(place), operations);
  }
}

/** One turn: read, draw, and wait for the next. */
async function turn() {
  if (!document.hidden || turns === 0) {
    const health = await read();
    const isAdmin = role() === "ADMIN";
    byId("closed").hidden = isAdmin;
    byId("panels").hidden = !isAdmin;
    if (isAdmin) {
      if (operations.size === 0 && health) await readCatalogue();
      drawFigures(byId("figures"), history, isMeasured);
      if (turns % SLOW_EVERY === 0) drawPanels();
      turns += 1;
    }
  }
  document.body.dataset.ready = "true";
}

async function readCatalogue() {
  const answer = await fetch("/operations").catch(() => null);
  const found = answer?.ok ? (await answer.json()).operations : [];
  operations = new Map(found.map((/** @type {Operation} */ one) => [one.name, one]));
}

drawPeople(() => {
  turns = 0;
  turn();
});
byId("again").addEventListener("click", () => {
  turns = 0;
  turn();
});
await turn();
setTimeout(turn, 1_500);
setInterval(turn, SECONDS * 1_000);
