/** An element with its properties and children; nothing is ever read as HTML. The pattern names its attributes; functions are listeners (`onclick`), and all else is a property. A button sends no form unless its `type` says so. @param {string} tag @param {Properties} [properties] @param {...any} children @returns {any} */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  if (tag === "button") element.setAttribute("type", "button");
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (/^(class|for|role|href|list|data-.*|aria-.*)$/.test(name)) element.setAttribute(name, String(value));
    else /** @type {any} */ (element)[name] = value;
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The element with an id, which the page is known to have. @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/** Give the focus to the first element that fits, without scrolling. @param {string} selector */
export function focusOn(selector) {
  const found = /** @type {HTMLElement | null} */ (document.querySelector(selector));
  found?.focus({ preventScroll: true });
}

/** JSON with its keys, texts and numbers marked. @param {any} value */
export function marked(value) {
  const text = JSON.stringify(value, null, 2) ?? "";
  const parts = [];
  let last = 0;
  for (const found of text.matchAll(/("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi)) {
    parts.push(text.slice(last, found.index));
    const kind = found[2] ? "k" : found[1] ? "s" : "n";
    parts.push(h("span", { class: `${kind}` }, found[1] ?? found[0]), found[2] ?? "");
    last = found.index + found[0].length;
  }
  return [...parts, text.slice(last)];
}

/** A GraphQL document with its words and variables marked. @param {string} text */
export const markedDocument = (text) => text.split(/(\b(?:query|mutation|subscription|on)\b|\$\w+)/).map(
  (part, at) => (at % 2 ? h("span", { class: part.startsWith("$") ? "n" : "k" }, part) : part));

/** A block of code with a button that copies it. @param {any} content text or nodes @param {string} label what the code is */
export function code(content, label) {
  const pre = h("pre", { tabIndex: 0, role: "region", "aria-label": label }, h("code", {}, content));
  return h("figure", { class: "code" }, h("figcaption", {}, label), pre, copyButton(pre, label));
}

/** A button that copies a text that is shown. @param {Element} shown @param {string} label what it is */
export function copyButton(shown, label) {
  const button = h("button", { class: "copy quiet", "aria-label": `Copy: ${label}` }, "Copy");
  button.addEventListener("click", async () => {
    const isCopied = await copied(shown.textContent ?? "");
    if (!isCopied) getSelection()?.selectAllChildren(shown);
    button.textContent = isCopied ? "Copied" : "Selected";
    setTimeout(() => (button.textContent = "Copy"), 1_500);
  });
  return button;
}

/** Browsers give the clipboard to secure addresses alone. @param {string} text */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
