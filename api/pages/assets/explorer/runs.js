/** Calls on both faces: sent, and brought into one shape. */
import { token } from "../session.js";
import { pieces } from "../stream.js";
import { graphqlOutcome, restOutcome } from "./answers.js";
import { graphqlBody, graphqlHeaders, restRequest } from "./requests.js";

/** A stream is heard for so long, and for so many events. */
const MILLIS = 5_000;
const MOST = 3;

/**
 * Send a request as the person who is signed in.
 * @param {string} method @param {string} path @param {Record<string, string>} headers @param {any} body @returns {Promise<Answer>}
 */
export async function send(method, path, headers, body) {
  const bearer = await token();
  const started = performance.now();
  const leave = new AbortController();
  const answer = await fetch(path, {
    method,
    signal: leave.signal,
    headers: bearer ? { ...headers, Authorization: `Bearer ${bearer}` } : headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (isStream(answer)) {
    const body = await heard(answer, leave);
    return { status: answer.status, headers: answer.headers, body, text: "", millis: performance.now() - started };
  }
  const isJson = /[/+]json/.test(answer.headers.get("Content-Type") ?? "");
  const bytes = await answer.arrayBuffer();
  const millis = performance.now() - started;
  const text = isJson ? new TextDecoder().decode(bytes) : "";
  const file = bytes.byteLength ? { bytes: bytes.byteLength, content: new TextDecoder("latin1").decode(bytes) } : null;
  return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : file, text, millis };
}

/** @param {{headers: Headers}} answer */
const isStream = (answer) => answer.headers.get("Content-Type")?.startsWith("text/event-stream");

/** The first events of a stream, which is left then. @param {Response} answer @param {AbortController} leave */
async function heard(answer, leave) {
  const found = [];
  const timer = setTimeout(() => leave.abort(), MILLIS);
  for await (const data of pieces(answer, leave.signal)) if (found.push(data) === MOST) break;
  clearTimeout(timer);
  leave.abort();
  return found;
}

/** Each piece of a stream is an answer of its own; one with an error ends it. @param {Answer} answer @param {(piece: Answer) => Outcome} read @returns {Outcome} */
function streamed(answer, read) {
  const outcomes = answer.body.map((/** @type {any} */ body) => read({ ...answer, status: body.status ?? answer.status, body }));
  const error = outcomes.find((/** @type {Outcome} */ one) => one.error);
  return error ?? { etag: null, replayed: false, value: { items: outcomes.map((/** @type {Outcome} */ one) => one.value) } };
}

/**
 * Without `after`, two streams begin at two moments: they are compared from the first event that both told.
 * @param {Run[]} runs @param {Values} values
 */
export function align(runs, { after }) {
  const told = runs.map(({ outcome }) => outcome.value?.items ?? []);
  if (after || !told.every((items) => items.length)) return runs;
  const begun = told.map((items, at) => {
    const first = items.findIndex((/** @type {any} */ one) => told[1 - at]?.some((/** @type {any} */ other) => other.id === one.id));
    return items.slice(Math.max(first, 0));
  });
  const least = Math.min(...begun.map((items) => items.length));
  return runs.map((run, at) => ({ ...run, outcome: { ...run.outcome, value: { items: begun[at].slice(0, least) } } }));
}

/**
 * Call an operation on a face.
 *
 * @param {Contract} contract
 * @param {Operation} operation
 * @param {Call} call
 * @param {Face} face
 * @param {string} version of REST
 * @returns {Promise<Run>}
 */
export async function run(contract, operation, call, face, version) {
  if (face === "rest") {
    const { method, path, headers, body } = restRequest(contract, operation, call, version);
    const answer = await send(method, path, headers, body);
    const outcome = isStream(answer) ? streamed(answer, (piece) => restOutcome(contract, operation, piece, "v2")) : restOutcome(contract, operation, answer, version);
    return { face, answer, outcome };
  }
  const body = graphqlBody(contract, operation, call, version === "v1");
  const answer = await send("POST", "/graphql", graphqlHeaders(operation), body);
  const read = (/** @type {Answer} */ one) => graphqlOutcome(operation, one, version);
  const outcome = isStream(answer) ? streamed(answer, read) : read(answer);
  const file = operation.isFile && (outcome.value?.url ?? outcome.value);
  if (file) {
    // GraphQL gives the address of what REST gives itself.
    const { pathname, search } = new URL(file, location.href);
    outcome.value = (await send("GET", pathname + search, {}, undefined)).body;
  }
  return { face, answer, outcome };
}

/**
 * What an answer's headers say of its work and of the caller's budget.
 * @param {Headers} headers @returns {{statements: string, database: string, cache: string, left: string, quota: string}}
 */
export function measured(headers) {
  const timing = headers.get("Server-Timing") ?? "";
  const budget = headers.get("RateLimit") ?? "";
  return {
    statements: /desc="([^"]*)"/.exec(timing)?.[1] ?? "",
    database: /dur=([\d.]+)/.exec(timing)?.[1] ?? "",
    cache: headers.get("X-Cache") ?? "",
    left: /r=(\d+)/.exec(budget)?.[1] ?? "",
    quota: /q=(\d+)/.exec(headers.get("RateLimit-Policy") ?? "")?.[1] ?? "",
  };
}
