/** How a call ended on each face, what differs, and where to go on. */
import { byId, code, h, marked } from "../dom.js";
import { role } from "../session.js";
import { differences } from "./answers.js";
import { mayCall, operationsOn, plain } from "./contract.js";
import { factsOf, titleOf } from "./form.js";
import { headingOf } from "./navigation.js";
import { measured } from "./runs.js";
import { addressOf } from "./state.js";

export const NAMES = { rest: "REST", graphql: "GraphQL" };
/** More differences than this say no more. */
const MOST = 20;

/** What an answer says of an error. @param {Answer} answer @param {Failure} error */
export function problem({ body }, error) {
  return body?.detail ?? body?.error?.message ?? body?.errors?.[0]?.message ?? error.code;
}

/** Show how a call ended. @param {Shown} shown @param {Run[]} runs @param {Turn} turn */
export function drawRuns({ contract, operation, state }, runs, turn) {
  for (const face of Object.keys(NAMES)) {
    const found = runs.find((one) => one.face === face);
    byId(`${face}-answer`).replaceChildren(...(found ? answerOf(operation, found) : []));
  }
  const [first] = runs;
  if (!first) return;
  const rest = runs.find((one) => one.face === "rest");
  const graphql = runs.find((one) => one.face === "graphql");
  byId("verdict").replaceChildren(...(rest && graphql ? compared(operation, rest, graphql, first) : alone(operation, first)));
  byId("next").replaceChildren(...[pages(state, rest, graphql, turn), goOn(contract, operation, first)].filter(Boolean));
  showFaults(first.outcome.error);
}

/** @param {Operation} operation @param {Run} rest @param {Run} graphql @param {Run} first */
function compared(operation, rest, graphql, first) {
  const second = first === rest ? graphql : rest;
  if (!first.outcome.error && second.outcome.error?.code === "TOKEN_REVOKED") {
    return [h("div", { class: "notice verdict good", "data-verdict": "ended" }, h("p", {}, h("b", {}, "Done. "),
      `${NAMES[first.face]} did it and ended your session, so ${NAMES[second.face]} does not take its token any more.`))];
  }
  const found = differences(rest.outcome, graphql.outcome, !operation.writes && !operation.streams);
  if (found.length) {
    return [h("div", { class: "notice bad verdict", "data-verdict": "different" },
      h("p", {}, h("b", {}, `The faces differ in ${found.length} ${found.length === 1 ? "place" : "places"}.`)),
      h("div", { class: "wide", tabIndex: 0, role: "region", "aria-label": "Differences" }, h("table", {},
        h("thead", {}, h("tr", {}, ["Where", "REST", "GraphQL"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, found.slice(0, MOST).map((one) => h("tr", {}, [one.path, JSON.stringify(one.rest), JSON.stringify(one.graphql)]
          .map((text) => h("td", {}, h("code", {}, text ?? "nothing")))))))))];
  }
  const { error } = rest.outcome;
  let text = operation.streams ? "Both streams opened, and told the same." : "Both faces gave the same answer.";
  if (error) text = "Both faces answered with the same error.";
  else if (second.outcome.replayed && !first.outcome.replayed) {
    text = `${NAMES[first.face]} did it, and ${NAMES[second.face]} gave the same answer for the same key.`;
  } else if (second.outcome.replayed) text = "Both faces replayed the outcome of this key: nothing was done again.";
  const size = rest.outcome.value?.items && `${rest.outcome.value.items.length} items compared, field by field.`;
  return [h("div", { class: `notice verdict ${error ? "warning" : "good"}`, "data-verdict": "equal" },
    headline(rest), error && refusal(rest, error), h("p", {}, text, size && [" ", size]))];
}

/** @param {Operation} operation @param {Run} run */
function alone(operation, run) {
  const { error } = run.outcome;
  const why = operation.writes && "Nothing to compare: a second call would be a second effect.";
  return [h("div", { class: `notice verdict ${error ? "warning" : "good"}`, "data-verdict": "alone" },
    headline(run), error && refusal(run, error), h("p", {}, `It ran on ${NAMES[run.face]} alone. `, why))];
}

/** Whether it was done, and what the thing is now. @param {Run} run */
function headline({ answer, outcome: { error, value } }) {
  if (error) return h("p", {}, h("b", {}, `Refused · ${error.status}`));
  return h("p", {}, h("b", {}, `Done · ${answer.status}`), value?.id && ` ${titleOf(value)} · ${factsOf(value)}`);
}

/** @param {Run} run @param {Failure} error */
function refusal({ answer }, error) {
  return h("p", {}, h("a", { href: `/errors/${error.code}` }, h("code", {}, error.code)), ` ${problem(answer, error)}`,
    error.fields.map(({ field, message, code: bad }) => [h("br"), h("code", {}, field), ` ${message ?? bad}`]),
    Object.entries(error.details).map(([name, value]) => [h("br"), h("code", {}, name), ` ${typeof value === "string" ? value : JSON.stringify(value)}`]));
}

/** @param {Operation} operation @param {Run} run */
function answerOf(operation, { answer, outcome }) {
  const found = measured(answer.headers);
  const status = outcome.error?.status ?? answer.status;
  const fact = (/** @type {string} */ label, /** @type {any} */ value) => value && h("span", {}, h("b", {}, value), ` ${label}`);
  return [
    h("div", { class: "row measures" },
      h("span", { class: `chip ${outcome.error ? "bad" : "good"}` }, `${answer.status} ${outcome.error && answer.status !== status ? `· ${status}` : ""} ${outcome.error?.code ?? ""}`),
      outcome.replayed && h("span", { class: "chip accent" }, "replayed"),
      found.cache && h("span", { class: "chip" }, `cache ${found.cache.toLowerCase()}`),
      fact("ms", answer.millis.toFixed(0)), fact("ms in the database", found.database),
      found.statements && h("span", {}, found.statements), found.left && h("span", {}, `quota ${found.left} of ${found.quota} left`)),
    answer.body === null
      ? h("p", { class: "muted small" }, "No body.")
      : code(operation.isFile && !answer.text ? `A file of ${answer.body.bytes} bytes.` : marked(answer.body), "Answer"),
    h("details", { class: "headers" }, h("summary", {}, "Headers"), h("dl", { class: "facts" },
      [...answer.headers].map(([header, value]) => [h("dt", {}, header), h("dd", {}, h("code", {}, value))]))),
  ];
}

/** Buttons to other pages of a list. @param {State} state @param {Run | undefined} rest @param {Run | undefined} graphql @param {Turn} turn */
function pages(state, rest, graphql, turn) {
  const [one, other] = [rest?.outcome.value?.pageInfo, graphql?.outcome.value?.pageInfo];
  // Lists by relevance have no cursors: the form has the number of their page.
  if (!(one?.startCursor || one?.endCursor) || !(one.hasNextPage || one.hasPreviousPage)) return null;
  const { first, after, last, before, page, perPage, ...kept } = state.values;
  const size = first ?? last ?? perPage ?? 20;
  const next = (/** @type {string} */ cursor) => ({ ...kept, first: size, after: cursor });
  const previous = (/** @type {string} */ cursor) => ({ ...kept, last: size, before: cursor });
  return h("div", { class: "row pages" },
    h("button", { id: "previous", disabled: !one.hasPreviousPage, onclick: () => turn(previous(other.startCursor), previous(one.startCursor)) }, "← Previous page"),
    h("button", { id: "next-page", disabled: !one.hasNextPage, onclick: () => turn(next(other.endCursor), next(one.endCursor)) }, "Next page →"),
    h("span", { class: "muted small" }, "Each face continues at the cursor that the other one gave."));
}

/** Links to the operations that take what was answered. @param {Contract} contract @param {Operation} operation @param {Run} run */
function goOn(contract, operation, { outcome }) {
  if (outcome.error || !operation.answer) return null;
  /** @type {any[]} */
  const items = operation.paged ? outcome.value.items : [outcome.value];
  const schema = operation.paged ? plain(contract, operation.answer).schema.properties.items.items : operation.answer;
  const { name } = plain(contract, schema);
  const found = items[0]?.id ? operationsOn(contract, name).filter((one) => one.operation !== operation && mayCall(one.operation, role() === "PUBLIC" ? "USER" : role())) : [];
  if (!found.length) return null;
  const place = h("ul", { class: "links" });
  const draw = (/** @type {string} */ id) => place.replaceChildren(...found.map((one) =>
    h("li", {}, h("a", { class: "button small-button", href: addressOf(one.operation.name, one.input(id)) }, one.operation.summary.split(/[,;]/)[0], h("code", {}, one.operation.name)))));
  const select = h("select", { "aria-label": `Which of the ${items.length}`, onchange: () => draw(select.value) },
    items.map((item) => h("option", { value: item.id }, `${titleOf(item)} · ${factsOf(item)}`)));
  draw(items[0].id);
  return h("section", { class: "go-on", "aria-label": "Go on" },
    h("h2", {}, `Go on with ${items.length > 1 ? "one of these" : `this ${headingOf(name.charAt(0).toLowerCase() + name.slice(1)).toLowerCase()}`}`),
    items.length > 1 && select, place);
}

/** Show bad fields beside their controls. @param {Failure | undefined} error */
function showFaults(error) {
  const form = byId("form");
  for (const one of form.querySelectorAll(".fault")) one.hidden = true;
  for (const one of form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
  for (const { field, message, code: bad } of error?.fields ?? []) {
    const name = field.split(/[.[\]]+/).filter((/** @type {string} */ part) => part && !/^\d+$/.test(part)).pop();
    const place = form.querySelector(`.field[data-field="${CSS.escape(name ?? "")}"]`);
    const fault = place?.querySelector(".fault");
    if (!fault) continue;
    fault.textContent = message ?? bad;
    fault.hidden = false;
    place.querySelector("[name]")?.setAttribute("aria-invalid", "true");
  }
}
