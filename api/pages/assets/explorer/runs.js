/** Calls on both faces: sent, and brought into one shape. */
import { token } from "../session.js";
import { isStream, pieces } from "../stream.js";
import { graphqlOutcome, restOutcome } from "./answers.js";
import { graphqlBody, graphqlHeaders, restRequest } from "./requests.js";

/** A stream is heard for so long, and for so many events. */
const MILLIS = 5_000;
const MOST = 3;

/** Send a request as the person who is signed in. @param {string} method @param {string} path @param {Texts} headers @param {any} body */
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

/** The first events of a stream, which is left then. @param {Response} answer @param {AbortController} leave */
async function heard(answer, leave) {
  const found = [];
  const timer = setTimeout(() => leave.abort(), MILLIS);
  for await (const data of pieces(answer, leave.signal)) if (found.push(data) === MOST) break;
  clearTimeout(timer);
  leave.abort();
  return found;
}

/** Each piece of a stream is an answer of its own; one with an error ends it. @param {Answer} answer @param {(piece: Answer) => Outcome} read */
function streamed(answer, read) {
  const outcomes = answer.body.map((/** @type {any} */ body) => read({ ...answer, status: body.status ?? answer.status, body }));
  const error = outcomes.find((/** @type {Outcome} */ one) => one.error);
  return error ?? { etag: null, replayed: false, value: { items: outcomes.map((/** @type {Outcome} */ one) => one.value) } };
}

/** Without `after`, streams begin at two moments: what only one of them told is left out. @param {Run[]} runs @param {Values} values */
export function align(runs, { after }) {
  const told = runs.map(({ outcome }) => outcome.value?.items?.map((/** @type {any} */ one) => one.id) ?? []);
  if (after || told.some((ids) => !ids.length)) return runs;
  for (const { outcome } of runs) {
    outcome.value.items = outcome.value.items.filter((/** @type {any} */ one) => told.every((ids) => ids.includes(one.id)));
  }
  return runs;
}

/** Call an operation on a face. @param {Contract} contract @param {Operation} operation @param {Call} call @param {Face} face @param {string} version of REST */
export async function run(contract, operation, call, face, version) {
  const isRest = face === "rest";
  const { method, path, headers, body } = isRest ? restRequest(contract, operation, call, version)
    : { method: "POST", path: "/graphql", headers: graphqlHeaders(operation), body: graphqlBody(contract, operation, call, version === "v1") };
  const answer = await send(method, path, headers, body);
  const read = (/** @type {Answer} */ one, as = version) => (isRest ? restOutcome(contract, operation, one, as) : graphqlOutcome(operation, one, as));
  // The events of a stream are written alike in every version.
  const outcome = isStream(answer) ? streamed(answer, (piece) => read(piece, "v2")) : read(answer);
  const file = !isRest && operation.isFile && (outcome.value?.url ?? outcome.value);
  if (file) {
    // GraphQL gives the address of what REST gives itself.
    const { pathname, search } = new URL(file, location.href);
    outcome.value = (await send("GET", pathname + search, {}, undefined)).body;
  }
  return { face, answer, outcome };
}

/** What an answer's headers say of its work and of the caller's budget. @param {Headers} headers */
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
