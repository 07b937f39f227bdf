/** The list of operations by noun, and the search in it. */
import { byId, h } from "../dom.js";
import { role } from "../session.js";
import { mayCall } from "./contract.js";

/** A heading made of a noun: `apiKeys` is "API keys" to people. @param {string} noun */
export function headingOf(noun) {
  const words = noun.replace(/([A-Z])/g, " $1").toLowerCase().replace(/^api\b/, "API");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Draw the list anew. @param {Contract} contract @param {Operation | null} current */
export function drawNavigation(contract, current) {
  /** @type {HTMLInputElement} */
  const search = byId("search");
  const draw = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = contract.operations.filter((operation) => words.every((word) => textOf(operation).includes(word)));
    const nouns = new Set(found.map((operation) => operation.noun));
    byId("operations").replaceChildren(
      ...[...nouns].map((noun) => section(noun, found.filter((operation) => operation.noun === noun), current)),
    );
    byId("found").textContent = words.length ? `${found.length} of ${contract.operations.length} operations` : "";
  };
  search.oninput = draw;
  draw();
  byId("operations").querySelector("[aria-current]")?.scrollIntoView({ block: "center" });
}

/** What the search looks through. @param {Operation} operation */
function textOf(operation) {
  const { name, summary, graphql, rest, ownErrors, permissions } = operation;
  return [name, summary, graphql, rest.method, rest.path, ...ownErrors, ...permissions].join(" ").toLowerCase();
}

/** @param {string} noun @param {Operation[]} operations @param {Operation | null} current */
function section(noun, operations, current) {
  return h("section", {}, h("h2", {}, headingOf(noun)), h("ul", {}, operations.map((operation) => h("li", {},
    h("a", { href: `/?operation=${operation.name}`, title: operation.summary, "aria-current": operation === current ? "page" : undefined },
      h("span", { class: "verb" }, operation.name.slice(noun.length + 1)),
      mayCall(operation, role()) ? null : h("span", { class: "needs" }, operation.who.toLowerCase()))))));
}
