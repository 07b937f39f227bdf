/** An operation: what it is, its form, both requests, and how they ran. */
import { byId, code, focusOn, h, marked, markedDocument } from "../dom.js";
import { role } from "../session.js";
import { mayCall } from "./contract.js";
import { inputFields } from "./form.js";
import { graphqlBody, restRequest } from "./requests.js";
import { drawRuns, NAMES, problem } from "./results.js";
import { align, run } from "./runs.js";
import { drawSamples } from "./samples.js";
import { keepAddress, newKey } from "./state.js";

/** @type {Texts} */
const WHO = { PUBLIC: "Anybody", USER: "Signed in", MODERATOR: "Moderators", MANAGER: "Managers", ADMIN: "Admins" };

/** Draw an operation into its place. @param {any} place @param {Contract} contract @param {State} state @param {Operation} operation */
export function drawOperation(place, contract, state, operation) {
  const shown = { contract, state, operation };
  const form = h("form", { id: "form", onsubmit: (event) => {
    event.preventDefault();
    byId("run").click();
  } });
  place.replaceChildren(
    heading(operation),
    h("section", { class: "card", "aria-label": "Input" }, form, h("div", { id: "bar" })),
    h("div", { id: "verdict", role: "status" }),
    h("div", { id: "next" }),
    h("div", { class: "faces" }, Object.entries(NAMES).map(([face, name]) => h("section", { class: "face", "aria-label": name },
      h("h2", {}, name), h("div", { id: `${face}-request` }), h("div", { id: `${face}-answer` })))),
    h("section", { id: "samples", "aria-label": "Samples" }),
  );
  drawForm(shown);
  drawCall(shown);
}

/** The input has changed: a key that was used belongs to the input before. @param {Shown} shown */
function change(shown) {
  const { state } = shown;
  if (state.isSpent) byId("key").value = state.key = newKey();
  state.isSpent = false;
  state.crossed = null;
  drawCall(shown);
}

/** @param {Shown} shown @param {string} [focus] name of the field that gets the focus */
function drawForm(shown, focus) {
  const setting = {
    ...shown,
    change: () => change(shown),
    redraw: (/** @type {string | undefined} */ name) => drawForm(shown, name),
    pick: async (/** @type {Operation} */ source) => {
      const { answer, outcome } = await run(shown.contract, source, { values: {}, key: "", ifMatch: "" }, "rest", "v2");
      if (outcome.error) throw new Error(problem(answer, outcome.error));
      return outcome.value.items;
    },
  };
  byId("form").replaceChildren(...[inputFields(setting, shown.state.values), precautions(shown)].flat().filter(Boolean));
  if (focus) focusOn(`#form [name="${focus}"]`);
}

/** The fields of the key and of the tag. @param {Shown} shown */
function precautions(shown) {
  const { operation, state } = shown;
  /** @param {string} id @param {string} label @param {"key" | "ifMatch"} name @param {string} help @param {any} [button] */
  const field = (id, label, name, help, button) => h("div", { class: "field double" }, h("label", { for: id }, label),
    h("div", { class: "picked" }, h("input", { id, type: "text", value: state[name], autocomplete: "off", spellcheck: false, oninput: (event) => {
      state[name] = event.target.value.trim();
      if (name === "key") state.isSpent = false;
      change(shown);
    } }), button), h("p", { class: "help" }, help));
  const fresh = () => {
    state.isSpent = true;
    change(shown);
  };
  const parts = [
    operation.idempotent !== "none" && field("key", `Idempotency key, ${operation.idempotent}`, "key",
      "One key, one effect: the face that comes second answers with what the first did.", h("button", { onclick: fresh }, "New key")),
    operation.conditional && field("if-match", "If-Match, optional", "ifMatch", "An ETag: act only while it is the current one."),
  ].filter(Boolean);
  return parts.length > 0 && h("div", { class: "fields precautions" }, parts);
}

/** The call as it is now: its address, both requests, and the buttons that run it. @param {Shown} shown */
function drawCall(shown) {
  keepAddress();
  drawRequests(shown);
  drawBar(shown);
}

/** @param {State} state @param {Face} face */
const callOf = (state, face) => ({ values: (face === "graphql" && state.crossed) || state.values, key: state.key, ifMatch: state.ifMatch });

/** @param {Shown} shown */
function drawRequests(shown) {
  const { contract, operation, state } = shown;
  const rest = restRequest(contract, operation, callOf(state, "rest"), state.rest);
  const headers = Object.entries(rest.headers).map(([name, value]) => [h("span", { class: "k" }, name), `: ${value}\n`]);
  byId("rest-request").replaceChildren(code([h("b", {}, `${rest.method} ${decodeURI(rest.path)}`), "\n", headers,
    rest.body === undefined ? "" : ["\n", marked(rest.body)]], "Request"));
  const graphql = graphqlBody(contract, operation, callOf(state, "graphql"), state.rest === "v1");
  byId("graphql-request").replaceChildren(code(markedDocument(graphql.query), "Document"),
    ...(Object.keys(graphql.variables).length ? [code(marked(graphql.variables), "Variables")] : []));
  drawSamples(shown, rest, graphql);
}

/** @param {Shown} shown */
function drawBar(shown) {
  const { operation, state } = shown;
  const isSafe = !operation.writes || !!state.key;
  /** @param {string} id @param {string} label @param {Face[]} faces */
  const button = (id, label, faces) => h("button", { id, class: id === "run" ? "primary" : "", onclick: () => execute(shown, faces) }, label);
  const buttons = isSafe
    ? [button("run", "Run on both", state.first === "rest" ? ["rest", "graphql"] : ["graphql", "rest"]), button("run-rest", "REST only", ["rest"]), button("run-graphql", "GraphQL only", ["graphql"])]
    : [button("run", `Run on ${NAMES[state.first]}`, [state.first])];
  byId("bar").replaceChildren(
    h("div", { class: "row" }, buttons, h("kbd", {}, "Ctrl Enter")),
    h("div", { class: "row choices-row" }, segments("REST", { v2: "v2", v1: "v1" }, state.rest, (value) => {
      state.rest = value;
      drawCall(shown);
    }), operation.writes && segments(isSafe ? "First on" : "On", NAMES, state.first, (value) => {
      state.first = /** @type {Face} */ (value);
      drawBar(shown);
    })),
    h("p", { class: "help" }, note(operation, state, isSafe)),
  );
}

/** Run on one face after the other, and show how it ended. @param {Shown} shown @param {Face[]} faces */
async function execute(shown, faces) {
  const { contract, operation, state } = shown;
  /** @type {Run[]} */
  const runs = [];
  const focused = document.activeElement?.id;
  for (const one of byId("bar").querySelectorAll("button")) one.disabled = true;
  byId("verdict").replaceChildren(h("p", { class: "muted" }, "Running …"));
  try {
    const ran = (/** @type {Face} */ face) => run(contract, operation, callOf(state, face), face, state.rest);
    if (operation.streams) runs.push(...align(await Promise.all(faces.map(ran)), state.values));
    else for (const face of faces) runs.push(await ran(face));
    state.isSpent = operation.writes && !!state.key;
  } catch (error) {
    byId("verdict").replaceChildren(h("p", { class: "notice bad" }, `The server did not answer: ${error.message}`));
  }
  if (state.operation !== operation) return;
  if (runs.length === faces.length) drawRuns(shown, runs, (rest, graphql) => turn(shown, rest, graphql));
  drawBar(shown);
  const verdict = byId("verdict");
  if (verdict.getBoundingClientRect().bottom > innerHeight / 2) verdict.scrollIntoView();
  if (focused?.startsWith("run")) byId(focused).focus({ preventScroll: true });
}

/** Another page of the list. @param {Shown} shown @param {Values} rest @param {Values} graphql */
function turn(shown, rest, graphql) {
  shown.state.values = rest;
  shown.state.crossed = graphql;
  drawForm(shown);
  drawCall(shown);
  return execute(shown, ["rest", "graphql"]);
}

/** @param {Operation} operation @param {State} state @param {boolean} isSafe */
function note(operation, state, isSafe) {
  if (!mayCall(operation, role())) {
    return `${WHO[operation.who]} only: both faces will refuse it. Sign in above, or see the refusal.`;
  }
  if (operation.streams) return "A stream: both faces are heard for 5 seconds or 3 events at most, and what they tell is compared.";
  if (!operation.writes) return "A read: it runs on both faces, and the answers are compared.";
  if (!isSafe) {
    const why = operation.idempotent === "none" ? "This write takes no key" : "Without a key";
    return `${why}, so a second call would be a second effect: it runs on ${NAMES[state.first]} alone.`;
  }
  const [one, other] = state.first === "rest" ? ["REST", "GraphQL"] : ["GraphQL", "REST"];
  return state.isSpent
    ? "This key has its outcome, which both faces replay. To do it anew, take a new key."
    : `A write with a key: ${one} does it, and ${other} replays the outcome.`;
}

/** Buttons of which one is chosen. @param {string} label @param {Texts} options @param {string} current @param {(value: string) => void} choose */
function segments(label, options, current, choose) {
  return h("div", { class: "segments", role: "group", "aria-label": label }, h("span", { class: "muted small" }, label),
    Object.entries(options).map(([value, text]) => h("button", { "aria-pressed": String(value === current), onclick: () => {
      choose(value);
      focusOn(`#bar [aria-label="${label}"] [aria-pressed="true"]`);
    } }, text)));
}

/** @param {Operation} operation */
function heading(operation) {
  const [, ...more] = operation.description.split("\n\n");
  const fact = (/** @type {string} */ name, /** @type {any} */ value) => [h("dt", {}, name), h("dd", {}, value)];
  const errors = operation.ownErrors.map((error) => h("a", { href: `/errors/${error}` }, h("code", {}, error)));
  return h("header", { class: "operation-head" },
    h("h1", { tabIndex: -1 }, operation.name),
    h("p", { class: "lead" }, operation.summary, "."),
    more.map((text) => h("p", {}, text)),
    operation.deprecated && h("p", { class: "notice warning" }, `Deprecated since ${operation.deprecated.since}, gone on ${operation.deprecated.sunset}: ${operation.deprecated.reason}`),
    h("dl", { class: "facts" },
      fact("REST", [h("span", { class: `method ${operation.rest.method.toLowerCase()}` }, operation.rest.method), " ", h("code", {}, operation.rest.path)]),
      fact("GraphQL", h("code", {}, `${operation.kind} ${operation.graphql}`)),
      fact("Who", [WHO[operation.who], operation.permissions.length > 0 && [" · API keys: ", operation.permissions.map((one) => [h("code", {}, one), " "])]]),
      fact("Cost", `${operation.cost} ${operation.cost === 1 ? "unit" : "units"} of the quota${operation.paged ? ", and its rows" : ""}`),
      operation.writes && fact("Key", { none: "takes none", optional: "optional", required: "required" }[operation.idempotent]),
      errors.length > 0 && h("dt", { class: "first" }, "Errors"), h("dd", { class: "broad row" }, errors)),
    h("p", { class: "small" }, h("a", { href: `/docs/${operation.name}` }, "Reference")));
}
