/**
 * The parity explorer. An address names the operation and the version of REST. The input lies behind `#`, which
 * browsers keep to themselves; secrets and tokens are in no address.
 */
import { byId, focusOn, h } from "../dom.js";
import { loadContract } from "./contract.js";
import { drawNavigation } from "./navigation.js";
import { drawPeople } from "../people.js";
import { fold } from "../side.js";
import { newKey, state } from "./state.js";
import { drawOperation } from "./view.js";

/** @type {Contract} */
let contract;

/** Show what the address names. */
function open() {
  if (!contract) return; // not loaded yet
  const query = new URLSearchParams(location.search);
  const name = query.get("operation") ?? "";
  state.operation = contract.byName.get(name) ?? null;
  state.rest = query.get("rest") === "v1" ? "v1" : "v2";
  state.values = readFragment();
  state.key = state.operation && state.operation.idempotent !== "none" ? newKey() : "";
  state.isSpent = false;
  state.ifMatch = "";
  state.crossed = null;
  draw(name);
}

function readFragment() {
  try {
    const found = JSON.parse(decodeURIComponent(location.hash.slice(1)));
    return found && typeof found === "object" && !Array.isArray(found) ? found : {};
  } catch {
    return {};
  }
}

/** @param {string} name */
function draw(name) {
  drawNavigation(contract, state.operation);
  const place = byId("operation");
  document.title = state.operation ? `${state.operation.name} · Tandem` : "Tandem";
  if (state.operation) drawOperation(place, contract, state, state.operation);
  else {
    place.replaceChildren(byId("intro").content.cloneNode(true));
    if (name) place.prepend(h("p", { class: "notice warning" }, `There is no operation called ${name}.`));
  }
}

/** Go to an address of this page without loading it again. @param {string} address */
export function go(address) {
  history.pushState(null, "", address);
  open();
  fold();
  scrollTo(0, 0);
  focusOn("#operation h1");
}

document.addEventListener("click", (event) => {
  const link = /** @type {HTMLElement} */ (event.target).closest("a");
  const isOurs = contract && link && link.origin === location.origin && link.pathname === "/" && link.search;
  if (!isOurs || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(link.href);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("run")?.click();
});
addEventListener("popstate", open);

drawPeople(() => contract && draw(state.operation?.name ?? ""));
try {
  contract = await loadContract();
  open();
  document.body.dataset.ready = "true";
} catch (error) {
  const why = error.message;
  byId("operation").prepend(h("p", { class: "notice bad", role: "alert" },
    `The contracts could not be read: ${why}. Load the page again when the server answers.`));
}
