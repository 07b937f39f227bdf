/** The list of operations by noun. */
import { byId, h } from "../dom.js";
import { role } from "../session.js";
import { filter, scroll } from "../side.js";
import { mayCall } from "./contract.js";

/** A heading made of a noun: `apiKeys` is "API keys" to people. @param {string} noun */
export function headingOf(noun) {
  const words = noun.replace(/([A-Z])/g, " $1").toLowerCase().replace(/^api\b/, "API");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Draw the list anew. @param {Contract} contract @param {Operation | null} current */
export function drawNavigation({ operations }, current) {
  const nouns = new Set(operations.map((operation) => operation.noun));
  byId("operations").replaceChildren(
    ...[...nouns].map((noun) => section(noun, operations.filter((operation) => operation.noun === noun), current)),
  );
  filter();
  scroll();
}

/** What the search looks through. @param {Operation} operation */
const wordsOf = ({ name, summary, graphql, rest, ownErrors, permissions }) =>
  [name, summary, graphql, rest.method, rest.path, ...ownErrors, ...permissions].join(" ");

/** @param {string} noun @param {Operation[]} operations @param {Operation | null} current */
function section(noun, operations, current) {
  return h("section", {}, h("h2", {}, headingOf(noun)), h("ul", {}, operations.map((operation) => h("li", { "data-words": wordsOf(operation) },
    h("a", { href: `/?operation=${operation.name}`, title: operation.summary, "aria-current": operation === current ? "page" : undefined },
      h("span", { class: "verb" }, operation.name.slice(noun.length + 1)),
      mayCall(operation, role()) ? null : h("span", { class: "needs" }, operation.who.toLowerCase()))))));
}
