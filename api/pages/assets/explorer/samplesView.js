/**
 * The samples of a call, one language at a time.
 *
 * @typedef {import("./contract.js").Contract} Contract
 * @typedef {import("./contract.js").Operation} Operation
 */
import { byId, code, h } from "../dom.js";
import { LANGUAGES, typeOfSchema } from "./samples.js";

/**
 * @param {any} place
 * @param {Contract} contract
 * @param {Operation} operation
 * @param {import("./state.js").State} state
 * @param {import("./requests.js").RestRequest} rest
 * @param {import("./requests.js").GraphqlBody} graphql
 */
export function drawSamples(place, contract, operation, state, rest, graphql) {
  /** @type {Record<string, string>} */
  const signed = operation.who === "PUBLIC" ? {} : { Authorization: "Bearer $TANDEM_TOKEN" };
  const type = operation.answer && !operation.isFile ? typeOfSchema(contract, operation.answer) : "unknown";
  /** @type {import("./samples.js").Sample} */
  const onRest = { method: rest.method, url: location.origin + rest.path, headers: { ...signed, ...rest.headers }, body: rest.body, type: state.rest === "v1" ? "unknown" : type,
      reads: operation.isFile ? "file" : operation.answer || state.rest === "v1" ? "json" : "nothing" };
  /** @type {import("./samples.js").Sample} */
  const onGraphql = { method: "POST", url: `${location.origin}/graphql`, headers: { ...signed, "Content-Type": "application/json" }, body: graphql, type: graphqlType(operation, type), reads: "json" };
  const choose = (/** @type {string} */ language) => {
    state.language = language;
    drawSamples(place, contract, operation, state, rest, graphql);
    byId(`tab-${language}`).focus();
  };
  const languages = Object.keys(LANGUAGES);
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Language", onkeydown: (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) choose(languages.at((languages.indexOf(state.language) + step) % languages.length) ?? state.language);
  } }, languages.map((language) => h("button", { type: "button", id: `tab-${language}`, role: "tab", tabIndex: language === state.language ? 0 : -1,
    "aria-selected": String(language === state.language), "aria-controls": "sample", onclick: () => choose(language) }, language)));
  const write = LANGUAGES[state.language] ?? LANGUAGES.curl;
  place.replaceChildren(h("h2", {}, "Samples"), tabs, h("div", { class: "faces", id: "sample", role: "tabpanel", "aria-labelledby": `tab-${state.language}` },
    code(write(onRest), "REST"), code(write(onGraphql), "GraphQL")),
    h("p", { class: "help" }, operation.who === "PUBLIC" ? "" : "TANDEM_TOKEN stands for an access token, or an API key."));
}

/** The answer's type inside the fields of the document. @param {Operation} operation @param {string} type */
function graphqlType(operation, type) {
  if (operation.paged) return "unknown";
  return operation.fields.reduceRight((inner, field) => `{ ${field.name}: ${inner} }`, operation.answer && !operation.isFile ? `${type} | null` : "unknown");
}
