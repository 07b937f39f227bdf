/** A call of an operation, written for each face. */
import { plain, typeOf } from "./contract.js";
import { bare, fieldOf } from "./sdl.js";

/** Longer lines of a document are broken. */
const LINE = 56;

/** The REST request of a call. @param {Contract} contract @param {Operation} operation @param {Call} call @param {string} version */
export function restRequest(contract, operation, call, version) {
  let path = contract.bases[version] + operation.rest.path;
  const query = new URLSearchParams();
  /** @type {Values} */
  const body = {};
  const places = new Map(operation.inputs.map((input) => [input.name, input.place]));
  const elsewhere = operation.hasBody ? "body" : "query";
  for (const [name, value] of Object.entries(call.values)) {
    const place = places.get(name) ?? elsewhere;
    if (place === "path") path = path.replace(`{${name}}`, encodeURIComponent(String(value)));
    else if (place === "query") query.append(name, String(value));
    else body[name] = value;
  }
  const search = query.toString();
  /** @type {Texts} */
  const headers = {};
  const isSent = operation.needsBody || Object.keys(body).length > 0;
  if (isSent) headers["Content-Type"] = "application/json";
  if (call.key) headers["Idempotency-Key"] = call.key;
  if (call.ifMatch) headers["If-Match"] = quoted(call.ifMatch);
  return { method: operation.rest.method, path: search ? `${path}?${search}` : path, headers, body: isSent ? body : undefined };
}

/** What a document goes with. @param {Operation} operation */
export const graphqlHeaders = ({ streams }) => ({ "Content-Type": "application/json", ...(streams && { Accept: "text/event-stream" }) });

/** @param {string} tag */
const quoted = (tag) => (tag === "*" || /^(W\/)?"/.test(tag) ? tag : `"${tag}"`);

/** The GraphQL document of a call and its variables. @param {Contract} contract @param {Operation} operation @param {Call} call @param {boolean} counts select the total as well, as v1 always tells it */
export function graphqlBody(contract, operation, call, counts) {
  const { total, ...values } = call.values;
  /** @type {Values} */
  const variables = {};
  /** @type {string[]} */
  const declared = [];
  const written = operation.fields.map((field, depth) => {
    /** @type {string[]} */
    const given = [];
    /** @param {string} name @param {string} type @param {any} value */
    const take = (name, type, value) => {
      declared.push(`$${name}: ${type}`);
      given.push(`${name}: $${name}`);
      variables[name] = value;
    };
    for (const argument of field.args) {
      if (argument.name === "idempotencyKey") {
        if (call.key) take(argument.name, argument.type, call.key);
      } else if (argument.name === "ifMatch") {
        if (call.ifMatch) take(argument.name, argument.type, call.ifMatch);
      } else if (argument.name in values) {
        take(argument.name, argument.type, enumValue(contract, argument.type, values[argument.name]));
        delete values[argument.name];
      }
    }
    const input = field.args.find((argument) => argument.name === "input");
    if (input && (Object.keys(values).length > 0 || input.type.endsWith("!"))) {
      take("input", input.type, { ...values });
    } else if (!input && depth === operation.fields.length - 1) {
      // The field takes nothing of the kind. Both faces refuse it, which is worth seeing.
      for (const [name, value] of Object.entries(values)) take(name, "String", value);
    }
    return bracketed(field.name, given, "  ".repeat(depth + 1));
  });
  const [outer = "", inner = outer] = written;
  const field = operation.fields.at(-1);
  let lines = [inner, ...(field ? selection(contract, operation, field, !!total || counts) : [])];
  if (written.length > 1) lines = [`${outer} {`, ...indented(lines), "}"];
  const name = operation.name.split(".").map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join("");
  const head = `${bracketed(`${operation.kind} ${name}`, declared, "")} {`;
  return { query: [head, ...indented(joined(lines)), "}"].join("\n"), variables };
}

/** A name with what belongs to it: on one line, or a line each. @param {string} name @param {string[]} parts @param {string} pad */
function bracketed(name, parts, pad) {
  if (!parts.length) return name;
  const line = `${name}(${parts.join(", ")})`;
  return line.length + pad.length < LINE ? line : `${name}(\n${parts.map((part) => `${pad}  ${part}\n`).join("")}${pad})`;
}

/** A field and the bracket that follows it belong on one line. @param {string[]} lines */
function joined(lines) {
  /** @type {string[]} */
  const found = [];
  for (const line of lines) {
    if (line.trim() === "{") found[found.length - 1] += " {";
    else found.push(line);
  }
  return found;
}

/** @param {string[]} lines */
const indented = (lines) => lines.map((line) => `  ${line}`);

/** REST's `-createdAt` is GraphQL's `CREATED_AT_DESC`. @param {Contract} contract @param {string} type @param {any} value */
export function enumValue(contract, type, value) {
  const names = contract.sdl.get(bare(type));
  if (names?.kind !== "enum" || typeof value !== "string") return value;
  const plainName = value.replace(/^-/, "").replace(/([A-Z])/g, "_$1").toUpperCase();
  const wanted = [value, plainName, `${plainName}_${value.startsWith("-") ? "DESC" : "ASC"}`];
  return wanted.find((name) => names.fields.some((field) => field.name === name)) ?? value;
}

/** The lines that select what REST answers with. @param {Contract} contract @param {Operation} operation @param {SdlField} field @param {boolean} counts */
function selection(contract, operation, field, counts) {
  const type = typeOf(field);
  if (!isObject(contract, type)) return [];
  if (!operation.answer || operation.isFile) return block(contract.sdl.get(type)?.fields.map((one) => one.name) ?? []);
  if (operation.paged) {
    const page = plain(contract, operation.answer).schema.properties;
    const nodes = fieldOf(contract.sdl, type, "nodes");
    return block([
      ...nested(contract, "nodes", page.items.items, nodes ? typeOf(nodes) : "", false),
      ...nested(contract, "pageInfo", page.pageInfo, "PageInfo", false),
      ...(counts ? ["totalCount"] : []),
    ]);
  }
  return of(contract, operation.answer, type, true);
}

/** @param {string[]} lines */
const block = (lines) => (lines.length ? ["{", ...indented(lines), "}"] : []);

/** @param {Contract} contract @param {string} name @param {JsonSchema} schema @param {string} type @param {boolean} tagged */
const nested = (contract, name, schema, type, tagged) => [name, ...of(contract, schema, type, tagged)];

/** @param {Contract} contract @param {string} type */
const isObject = (contract, type) => ["type", "union", "interface"].includes(contract.sdl.get(type)?.kind ?? "");

/** @param {Contract} contract @param {JsonSchema} schema @param {string} type @param {boolean} tagged @returns {string[]} */
function of(contract, schema, type, tagged) {
  if (!isObject(contract, type)) return [];
  const found = plain(contract, schema);
  if (found.choices.length > 1) {
    return block(
      found.choices.flatMap((choice) => {
        const { name } = plain(contract, choice);
        return [`... on ${name}`, ...of(contract, choice, name, tagged)];
      }),
    );
  }
  if (found.schema.type === "array") return of(contract, found.schema.items, type, false);
  const lines = [];
  for (const [name, property] of Object.entries(found.schema.properties ?? {})) {
    const field = fieldOf(contract.sdl, type, name);
    if (field) lines.push(...nested(contract, name, property, typeOf(field), false));
  }
  if (tagged && fieldOf(contract.sdl, type, "etag")) lines.push("etag");
  return block(joined(lines));
}
