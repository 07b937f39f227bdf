// Search in the operations at the side, and buttons that copy code. Without scripts all is there.

const search = /** @type {HTMLInputElement} */ (document.getElementById("search"));
const found = /** @type {HTMLElement} */ (document.getElementById("found"));
const nouns = [.../** @type {HTMLElement} */ (document.getElementById("operations")).children].map(
  (noun) => ({
    noun: /** @type {HTMLElement} */ (noun),
    lines: [...noun.querySelectorAll("li")].map((line) => ({
      line,
      words: `${line.textContent} ${line.dataset.words}`.toLowerCase(),
    })),
  }),
);

/** Show the operations that have every word of the search. */
function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const { noun, lines } of nouns) {
    let shown = 0;
    for (const { line, words: own } of lines) {
      line.hidden = !words.every((word) => own.includes(word));
      if (!line.hidden) shown += 1;
    }
    noun.hidden = shown === 0;
    count += shown;
  }
  found.textContent = words.length ? `${count} ${count === 1 ? "operation" : "operations"}` : "";
}

search.disabled = false;
search.addEventListener("input", filter);
search.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  document.querySelector("#operations li:not([hidden]) li:not([hidden]) a")?.dispatchEvent(
    new MouseEvent("click", { bubbles: true, cancelable: true }),
  );
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

for (const figure of document.querySelectorAll("figure.code")) {
  const code = figure.querySelector("pre");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy: ${code?.getAttribute("aria-label")}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code?.textContent ?? "");
      button.textContent = "Copied";
    } catch {
      // Browsers give the clipboard to secure addresses alone.
      if (code) getSelection()?.selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  figure.append(button);
}
