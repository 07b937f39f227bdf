/** What the page shows, and the addresses of it. */

/** Names whose values stay out of addresses. */
export const SECRET = /password|token|secret/i;

/** @type {State} */
export const state = {
  operation: null,
  values: {},
  rest: "v2",
  first: "rest",
  key: "",
  isSpent: false,
  ifMatch: "",
  language: "curl",
  crossed: null,
};

/** A key for a new intent. Not `randomUUID`, which browsers keep from addresses without TLS. */
export function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The address of an operation with an input. @param {string} operation @param {Values} values */
export function addressOf(operation, values) {
  const query = new URLSearchParams({ operation });
  if (state.rest !== "v2") query.set("rest", state.rest);
  const shown = shareable(values);
  return `/?${query}${Object.keys(shown).length ? `#${encodeURIComponent(JSON.stringify(shown))}` : ""}`;
}

/** @param {any} value @returns {any} */
function shareable(value) {
  if (Array.isArray(value)) return value.map(shareable);
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !SECRET.test(name)).map(([name, one]) => [name, shareable(one)]));
}

/** Write the state into the address of the page. */
export function keepAddress() {
  if (state.operation) history.replaceState(null, "", addressOf(state.operation.name, state.values));
}
