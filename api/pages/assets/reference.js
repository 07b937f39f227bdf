// Search in the operations at the side, and buttons that copy code. Without scripts all is there.

import { byId, copyButton } from "./dom.js";

const search = byId("search");
const nouns = [...byId("operations").children].map((noun) => ({
  noun,
  lines: [...noun.querySelectorAll("li")].map((line) => ({
    line,
    words: `${line.textContent} ${line.dataset.words}`.toLowerCase(),
  })),
}));

/** Show the operations that have every word of the search. */
function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const { noun, lines } of nouns) {
    let shown = 0;
    for (const { line, words: own } of lines) {
      line.hidden = !words.every((/** @type {string} */ word) => own.includes(word));
      if (!line.hidden) shown += 1;
    }
    noun.hidden = shown === 0;
    count += shown;
  }
  byId("found").textContent = words.length ? `${count} ${count === 1 ? "operation" : "operations"}` : "";
}

search.disabled = false;
search.addEventListener("input", filter);
search.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  if (event.key !== "Enter") return;
  /** @type {HTMLElement | null} */ (document.querySelector("#operations li:not([hidden]) li:not([hidden]) a"))?.click();
});
document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.key !== "/" || target.matches("input, textarea, select")) return;
  event.preventDefault();
  fold?.setAttribute("open", "");
  search.focus();
});

// On a telephone the list would push the page below the window.
const fold = document.querySelector(".side details");
if (matchMedia("(max-width: 60rem)").matches) fold?.removeAttribute("open");
const current = document.querySelector("#operations [aria-current]");
if (fold?.hasAttribute("open")) current?.scrollIntoView({ block: "center" });

for (const pre of document.querySelectorAll("figure.code pre")) {
  pre.after(copyButton(pre, pre.getAttribute("aria-label") ?? ""));
}
