import { token } from "../session.js";

/** A call of an operation on REST v2, with a key when it writes; throws what the server says. @param {Operations} operations @param {string} name @param {{id?: string, query?: Record<string, any>}} given */
export async function call(operations, name, { id = "", query = {} }) {
  const { method, path } = operations.get(name)?.rest ?? { method: "GET", path: "/" };
  const bearer = await token();
  /** @type {Texts} */
  const headers = bearer ? { Authorization: `Bearer ${bearer}` } : {};
  if (method !== "GET") headers["Idempotency-Key"] = `ops-${name}-${id}-${Date.now()}`;
  const search = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)])).toString();
  const answer = await fetch(`/api/v2${path.replace("{id}", encodeURIComponent(id))}${search && `?${search}`}`, { method, headers });
  const body = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(body.detail ?? body.title);
  return body;
}
