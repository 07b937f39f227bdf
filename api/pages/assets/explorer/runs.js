/** Calls on both faces: sent, and brought into one shape. */
import { token } from "../session.js";
import { graphqlOutcome, restOutcome } from "./answers.js";
import { graphqlBody, restRequest } from "./requests.js";

/**
 * Send a request as the person who is signed in.
 * @param {string} method @param {string} path @param {Record<string, string>} headers @param {any} body @returns {Promise<Answer>}
 */
export async function send(method, path, headers, body) {
  const bearer = await token();
  const started = performance.now();
  const answer = await fetch(path, {
    method,
    headers: bearer ? { ...headers, Authorization: `Bearer ${bearer}` } : headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const isJson = /[/+]json/.test(answer.headers.get("Content-Type") ?? "");
  const bytes = await answer.arrayBuffer();
  const millis = performance.now() - started;
  const text = isJson ? new TextDecoder().decode(bytes) : "";
  const file = bytes.byteLength ? { bytes: bytes.byteLength, content: new TextDecoder("latin1").decode(bytes) } : null;
  return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : file, text, millis };
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
    return { face, answer, outcome: restOutcome(contract, operation, answer, version) };
  }
  const body = graphqlBody(contract, operation, call, version === "v1");
  const answer = await send("POST", "/graphql", { "Content-Type": "application/json" }, body);
  const outcome = graphqlOutcome(operation, answer, version);
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
