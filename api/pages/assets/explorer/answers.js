/** Answers of both faces in one shape, and what differs between them. */
import { plain } from "./contract.js";

/** What REST answered. @param {Contract} contract @param {Operation} operation @param {Answer} answer @param {string} version */
export function restOutcome(contract, operation, answer, version) {
  const common = outcome(answer);
  const { body } = answer;
  if (answer.status >= 400) {
    if (version !== "v1") return { ...common, error: failure({ status: answer.status, ...body }) };
    const { fields, ...details } = body.error?.details ?? {};
    return { ...common, error: failure({ ...body.error, status: answer.status, fields, details }) };
  }
  const etag = (answer.headers.get("ETag") ?? "").replace(/^W\//, "").replaceAll('"', "") || null;
  if (!operation.answer) return { ...common, value: { ok: true } };
  if (operation.isFile) return { ...common, value: body };
  if (version !== "v1") return { ...common, etag, value: body };
  if (!operation.paged) return { ...common, etag, value: folded(contract, operation.answer, body.data) };
  const { meta } = body;
  const pageInfo = {
    hasNextPage: meta.hasNextPage,
    hasPreviousPage: meta.hasPrevPage,
    startCursor: meta.prevCursor,
    endCursor: meta.nextCursor,
  };
  const item = plain(contract, operation.answer).schema.properties.items.items;
  const items = body.data.map((/** @type {any} */ one) => folded(contract, item, one));
  return { ...common, value: { items, pageInfo, totalCount: meta.total } };
}

/** v1 tells cursors only where there is a page to go to. @param {any} pageInfo */
const leading = (pageInfo) => ({
  ...pageInfo,
  startCursor: pageInfo.hasPreviousPage ? pageInfo.startCursor : null,
  endCursor: pageInfo.hasNextPage ? pageInfo.endCursor : null,
});

/** What GraphQL answered, as it is compared with a version of REST. @param {Operation} operation @param {Answer} answer @param {string} version @returns {Outcome} */
export function graphqlOutcome(operation, answer, version) {
  const common = outcome(answer);
  const [error] = answer.body?.errors ?? [];
  if (error) return { ...common, error: failure(error.extensions ?? {}) };
  let value = answer.body.data;
  for (const field of operation.fields) value = value?.[field.name];
  if (operation.paged) {
    const { nodes, ...rest } = value;
    const pageInfo = version === "v1" ? leading(rest.pageInfo) : rest.pageInfo;
    return { ...common, value: { items: nodes, totalCount: null, ...rest, pageInfo } };
  }
  if (value && typeof value === "object" && "etag" in value) {
    const { etag, ...rest } = value;
    return { ...common, etag, value: rest };
  }
  return { ...common, value };
}

/** @param {Answer} answer */
const outcome = (answer) => ({ etag: null, replayed: answer.headers.get("Idempotent-Replayed") === "true" });

/** @param {any} error */
function failure({ code, status, fields, details }) {
  const sorted = [...(fields ?? [])].map(({ field, code: bad, message }) => {
    // Each face names the sorts in its own spelling, so their message differs (docs/differences.md).
    return field === "sort" ? { field, code: bad } : { field, code: bad, message };
  });
  sorted.sort((one, other) => (one.field + one.code < other.field + other.code ? -1 : 1));
  return { code, status, fields: sorted, details: details ?? {} };
}

/** v1's flat representations in the shape of v2: an object that is missing is made of the values that lie beside it. @param {Contract} contract @param {any} schema @param {any} value */
export function folded(contract, schema, value) {
  const found = plain(contract, schema);
  if (!value || typeof value !== "object" || Array.isArray(value)) return value;
  if (found.choices.length > 1) {
    const [fits] = [...found.choices].sort((one, other) => shared(contract, other, value) - shared(contract, one, value));
    return folded(contract, fits, value);
  }
  const result = { ...value };
  for (const [name, property] of Object.entries(found.schema.properties ?? {})) {
    const inner = plain(contract, property).schema;
    if (inner.type !== "object" || !inner.properties) continue;
    if (name in value) {
      result[name] = folded(contract, property, value[name]);
      continue;
    }
    const names = Object.keys(inner.properties);
    if (!names.every((one) => one in value)) continue;
    result[name] = Object.fromEntries(names.map((one) => [one, value[one]]));
    for (const one of names) delete result[one];
  }
  return result;
}

/** How many of a value's names a schema knows. @param {Contract} contract @param {any} schema @param {any} value */
function shared(contract, schema, value) {
  const known = plain(contract, schema).schema.properties ?? {};
  return Object.keys(value).filter((name) => name in known).length;
}

/** Where two outcomes differ. Two reads may differ in the time of the call itself; a replay may not. @param {Outcome} rest @param {Outcome} graphql @param {boolean} areReads */
export function differences(rest, graphql, areReads) {
  /** @type {Difference[]} */
  const found = [];
  if (rest.error || graphql.error) {
    compare(rest.error ?? { code: "OK" }, graphql.error ?? { code: "OK" }, "error", found);
    return found;
  }
  compare(rest.value, graphql.value, "", found);
  if (rest.etag && graphql.etag) compare(rest.etag, graphql.etag, "etag", found);
  return areReads ? found.filter(({ rest: one, graphql: other }) => !isSameMoment(one, other)) : found;
}

/** @param {any} one @param {any} other @param {string} path @param {Difference[]} found */
function compare(one, other, path, found) {
  if (one && other && typeof one === "object" && typeof other === "object" && Array.isArray(one) === Array.isArray(other)) {
    for (const name of new Set([...Object.keys(one), ...Object.keys(other)])) {
      const place = Array.isArray(one) ? `${path}[${name}]` : path ? `${path}.${name}` : name;
      compare(one[name], other[name], place, found);
    }
  } else if (one !== other) {
    found.push({ path, rest: one, graphql: other });
  }
}

const MOMENT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

/** Is it the time of the call itself, which each of the two calls has? @param {any} one @param {any} other */
function isSameMoment(one, other) {
  if (!MOMENT.test(String(one)) || !MOMENT.test(String(other))) return false;
  const now = Date.now();
  return [one, other].every((time) => Math.abs(Date.parse(time) - now) < 30_000);
}
