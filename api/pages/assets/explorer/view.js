/** An operation: what it is, its form, both requests, and how they ran. */
import { byId, code, focusOn, h, marked } from "../dom.js";
import { role } from "../session.js";
import { mayCall } from "./contract.js";
import { inputFields } from "./form.js";
import { graphqlBody, restRequest } from "./requests.js";
import { drawRuns, FACES, problem } from "./results.js";
import { run } from "./runs.js";
import { drawSamples } from "./samples.js";
import { addressOf, keepAddress, newKey } from "./state.js";

/** @type {Record<string, string>} */
const WHO = { PUBLIC: "Anybody", USER: "Signed in", MODERATOR: "Moderators", MANAGER: "Managers", ADMIN: "Admins" };

/** Draw an operation into its place. @param {any} place @param {Contract} contract @param {State} state */
export function drawOperation(place, contract, state) {
  const operation = /** @type {Operation} */ (state.operation);
  place.replaceChildren(
    heading(operation),
    h("section", { class: "card", "aria-label": "Input" }, h("form", { id: "form" }), h("div", { id: "bar" })),
    h("div", { id: "verdict", role: "status" }),
    h("div", { class: "faces" }, FACES.map(({ face, name }) => h("section", { class: "face", "aria-label": name },
      h("div", { class: "face-head", id: `${face}-head` }, h("h2", {}, name)),
      h("div", { id: `${face}-request` }), h("div", { id: `${face}-answer` })))),
    h("div", { id: "next" }),
    h("section", { id: "samples", "aria-label": "Samples" }),
  );

  const change = () => {
    if (state.isSpent) {
      state.key = newKey();
      state.isSpent = false;
      byId("key").value = state.key;
    }
    state.crossed = null;
    keepAddress();
    drawRequests();
    drawBar();
  };
  /** @param {string} [focus] name of the field that gets the focus */
  const drawForm = (focus) => {
    const setting = { contract, operation, change, redraw: drawForm, pick };
    byId("form").replaceChildren(...[inputFields(setting, state.values), precautions()].flat().filter(Boolean));
    if (focus) byId("form").querySelector(`[name="${focus}"]`)?.focus();
  };

  /** @param {Operation} source */
  const pick = async (source) => {
    const { answer, outcome } = await run(contract, source, { values: {}, key: "", ifMatch: "" }, "rest", "v2");
    if (outcome.error) throw new Error(problem(answer, outcome.error));
    return outcome.value.items;
  };

  const precautions = () => {
    const parts = [];
    if (operation.idempotent !== "none") {
      const key = h("input", { id: "key", type: "text", value: state.key, autocomplete: "off", spellcheck: false });
      key.addEventListener("input", () => {
        state.key = key.value.trim();
        state.isSpent = false;
        change();
      });
      const fresh = h("button", { onclick: () => {
        key.value = state.key = newKey();
        state.isSpent = false;
        change();
      } }, "New key");
      parts.push(h("div", { class: "field broad" }, h("label", { for: "key" }, "Idempotency key",
        h("span", { class: "needed" }, operation.idempotent === "required" ? " required" : " optional")),
        h("div", { class: "picked" }, key, fresh),
        h("p", { class: "help" }, "One key, one effect: the face that comes second answers with what the first did.")));
    }
    if (operation.conditional) {
      const tag = h("input", { id: "if-match", type: "text", value: state.ifMatch, autocomplete: "off", spellcheck: false });
      tag.addEventListener("input", () => {
        state.ifMatch = tag.value.trim();
        change();
      });
      parts.push(h("div", { class: "field" }, h("label", { for: "if-match" }, "If-Match"), tag,
        h("p", { class: "help" }, "An ETag: act only while it is the current one.")));
    }
    return parts.length ? [h("div", { class: "fields precautions" }, parts)] : [];
  };

  /** @param {Face} face */
  const callOf = (face) => ({ values: (face === "graphql" && state.crossed) || state.values, key: state.key, ifMatch: state.ifMatch });

  const drawRequests = () => {
    const rest = restRequest(contract, operation, callOf("rest"), state.rest);
    const headers = Object.entries(rest.headers).map(([name, value]) => [h("span", { class: "k" }, name), `: ${value}\n`]);
    byId("rest-request").replaceChildren(code([h("b", {}, `${rest.method} ${decodeURI(rest.path)}`), "\n", headers,
      rest.body === undefined ? "" : ["\n", marked(rest.body)]], "Request"));
    const { query, variables } = graphqlBody(contract, operation, callOf("graphql"), state.rest === "v1");
    byId("graphql-request").replaceChildren(code(query, "Document"),
      ...(Object.keys(variables).length ? [code(marked(variables), "Variables")] : []));
    drawSamples(byId("samples"), contract, operation, state, rest, { query, variables });
  };

  const drawBar = () => {
    const isSafe = !operation.writes || !!state.key;
    const order = state.first === "rest" ? ["rest", "graphql"] : ["graphql", "rest"];
    const buttons = isSafe
      ? [button("run", "Run on both", true, order), button("run-rest", "REST only", false, ["rest"]), button("run-graphql", "GraphQL only", false, ["graphql"])]
      : [button("run", `Run on ${state.first === "rest" ? "REST" : "GraphQL"}`, true, [state.first])];
    byId("bar").replaceChildren(
      h("div", { class: "row" }, buttons, h("span", { class: "muted small shortcut" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter"))),
      h("div", { class: "row choices-row" }, segments("REST", { v2: "v2", v1: "v1" }, state.rest, (value) => {
        state.rest = value;
        state.crossed = null;
        keepAddress();
        drawRequests();
        drawBar();
      }), operation.writes && segments(isSafe ? "First on" : "On", { rest: "REST", graphql: "GraphQL" }, state.first, (value) => {
        state.first = /** @type {Face} */ (value);
        drawBar();
      })),
      h("p", { class: "help", id: "note" }, note(operation, state, isSafe)),
    );
  };

  /** @param {string} id @param {string} label @param {boolean} isPrimary @param {string[]} faces */
  const button = (id, label, isPrimary, faces) => h("button", { id, class: isPrimary ? "primary" : "", onclick: () => execute(faces) }, label);

  /** @param {string[]} faces */
  const execute = async (faces) => {
    const runs = [];
    const place = byId("bar");
    for (const one of place.querySelectorAll("button")) one.disabled = true;
    byId("verdict").replaceChildren(h("p", { class: "muted" }, "Running …"));
    try {
      for (const face of /** @type {Face[]} */ (faces)) runs.push(await run(contract, operation, callOf(face), face, state.rest));
      state.isSpent = operation.writes && !!state.key;
    } catch (error) {
      byId("verdict").replaceChildren(h("p", { class: "notice bad" }, `The server did not answer: ${/** @type {Error} */ (error).message}`));
    }
    if (byId("rest-request") && state.operation === operation) {
      if (runs.length === faces.length) drawRuns(contract, operation, state, runs, turn);
      drawBar();
      byId(faces.length > 1 || faces[0] === state.first && !byId(`run-${faces[0]}`) ? "run" : `run-${faces[0]}`)?.focus({ preventScroll: true });
    }
  };

  /**
   * Turn to another page of the list: each face continues at the cursor that the other one gave.
   *
   * @param {Values} restValues
   * @param {Values} graphqlValues
   */
  const turn = (restValues, graphqlValues) => {
    state.values = restValues;
    state.crossed = graphqlValues;
    keepAddress();
    drawForm();
    drawRequests();
    return execute(["rest", "graphql"]);
  };

  byId("form").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    byId("run").click();
  });
  drawForm();
  drawRequests();
  drawBar();
}

/** @param {Operation} operation @param {State} state @param {boolean} isSafe */
function note(operation, state, isSafe) {
  if (!mayCall(operation, role())) {
    return `${WHO[operation.who]} only: as you are now, both faces will refuse it. Sign in above, or see the refusal.`;
  }
  if (!operation.writes) return "A read: it runs on both faces, and the answers are compared.";
  if (!isSafe) {
    const why = operation.idempotent === "none" ? "This write takes no key" : "Without a key";
    return `${why}, so a second call would be a second effect: it runs on ${state.first === "rest" ? "REST" : "GraphQL"} alone.`;
  }
  const [one, other] = state.first === "rest" ? ["REST", "GraphQL"] : ["GraphQL", "REST"];
  return state.isSpent
    ? "This key has its outcome: both faces replay it. Change the input, or take a new key, to do it anew."
    : `A write with a key: ${one} does it, and ${other} replays the outcome.`;
}

/** Buttons of which one is chosen. @param {string} label @param {Record<string, string>} options @param {string} current @param {(value: string) => void} choose */
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
  const errors = operation.ownErrors.map((error) => [h("a", { href: `/errors/${error}` }, h("code", {}, error)), " "]);
  return h("header", { class: "operation-head" },
    h("h1", { tabIndex: -1 }, operation.name),
    h("p", { class: "lead" }, operation.summary, "."),
    more.map((text) => h("p", {}, text)),
    operation.deprecated && h("p", { class: "notice warning" }, `Deprecated since ${operation.deprecated.since}, gone on ${operation.deprecated.sunset}: ${operation.deprecated.reason}`),
    h("dl", { class: "facts" },
      fact("REST", [h("span", { class: `method ${operation.rest.method.toLowerCase()}` }, operation.rest.method), " ", h("code", {}, operation.rest.path)]),
      fact("GraphQL", h("code", {}, `${operation.isMutation ? "mutation" : "query"} ${operation.graphql}`)),
      fact("Who", [WHO[operation.who], operation.permissions.length > 0 && [" · API keys: ", operation.permissions.map((one) => [h("code", {}, one), " "])]]),
      fact("Cost", `${operation.cost} ${operation.cost === 1 ? "unit" : "units"} of the quota${operation.paged ? ", and its rows" : ""}`),
      operation.writes && fact("Key", { none: "takes none", optional: "optional", required: "required" }[operation.idempotent]),
      errors.length > 0 && h("dt", { class: "first" }, "Errors"), h("dd", { class: "broad" }, errors)),
    h("p", { class: "small" }, h("a", { href: `/docs/${operation.name}` }, "Reference"), " · ", h("a", { href: addressOf(operation.name, {}) }, "Start again")));
}
