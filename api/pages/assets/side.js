/** The list of operations at the side, and the search in it. A narrow window has it folded. */
import { byId } from "./dom.js";

const search = byId("search");
const list = byId("operations");

export function fold() {
  byId("operations-fold").open = matchMedia("(min-width: 60rem)").matches;
}

/** Show the operations that have every word of the search. */
export function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const noun of list.children) {
    for (const line of noun.querySelectorAll("li")) {
      const text = `${line.textContent} ${line.dataset.words}`.toLowerCase();
      line.hidden = !words.every((/** @type {string} */ word) => text.includes(word));
    }
    noun.hidden = !noun.querySelector("li:not([hidden])");
  }
  const count = list.querySelectorAll("li:not([hidden])").length;
  byId("found").textContent = words.length ? `${count} ${count === 1 ? "operation" : "operations"}` : "";
}

/** Bring the operation that is shown into sight. */
export function scroll() {
  document.querySelector("[open] [aria-current=page]")?.scrollIntoView({ block: "center" });
}

search.addEventListener("input", filter);
search.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  if (event.key === "Enter") list.querySelector("section:not([hidden]) li:not([hidden]) a")?.click();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || /** @type {HTMLElement} */ (event.target).matches("input, textarea, select")) return;
  event.preventDefault();
  byId("operations-fold").open = true;
  search.focus();
});
search.disabled = false;
fold();
