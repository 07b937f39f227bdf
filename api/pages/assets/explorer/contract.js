/** What the contracts say of each operation: nothing here names one of them. */
import { bare, fieldOf, parseSdl } from "./sdl.js";

/** Roles, the weakest first. */
export const ROLES = ["PUBLIC", "USER", "MODERATOR", "MANAGER", "ADMIN"];

/** The contracts, read without backticks. */
export async function loadContract() {
  const paths = ["/operations", "/openapi-v2.json", "/graphql/schema.graphql"];
  const [catalogue = "", openapi = "", sdl = ""] = await Promise.all(paths.map(async (path) => {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(`${path} answers ${answer.status}`);
    return answer.text();
  }));
  /** @type {{restBases: string[], operations: Declared[]}} */
  const { restBases, operations } = JSON.parse(catalogue);
  const document = JSON.parse(openapi.replaceAll("`", ""));
  /** @type {Contract} */
  const contract = {
    operations: [],
    byName: new Map(),
    bases: Object.fromEntries(restBases.map((base) => [base.slice(-2), base])),
    sdl: parseSdl(sdl),
    openapi: document,
  };
  const common = commonErrors(operations);
  contract.operations = operations.map((declared) => operationOf(contract, declared, common));
  for (const operation of contract.operations) contract.byName.set(operation.name, operation);
  return contract;
}

/** Errors of most operations say nothing about one. @param {Declared[]} operations */
function commonErrors(operations) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const operation of operations) {
    for (const code of operation.errors) counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  const keyed = /^IDEMPOTENCY_KEY_/;
  return new Set([...counts].filter(([code, count]) => count > operations.length / 2 || keyed.test(code)).map(([code]) => code));
}

/** @param {Contract} contract @param {Declared} declared @param {Set<string>} common */
function operationOf(contract, declared, common) {
  const { method, path } = declared.rest;
  const route = contract.openapi.paths[contract.bases.v2 + path][method.toLowerCase()];
  /** @type {any[]} */
  const parameters = route.parameters ?? [];
  /** @type {Input[]} */
  const inputs = parameters
    .map((parameter) => dereferenced(contract, parameter))
    .filter((parameter) => parameter.in !== "header" && parameter.name !== "fields")
    .map(({ name, in: place, schema, required, description }) => ({ name, place, schema, required, description }));
  const body = route.requestBody && Object.values(route.requestBody.content)[0];
  const bodySchema = body ? plain(contract, body.schema).schema : { properties: {} };
  for (const [name, schema] of Object.entries(bodySchema.properties ?? {})) {
    const required = (bodySchema.required ?? []).includes(name);
    inputs.push({ name, place: "body", schema, required, description: schema.description });
  }
  const success = Object.entries(route.responses).find(([status]) => status.startsWith("2"));
  /** @type {any[]} */
  const media = Object.values(success?.[1].content ?? {});
  const graphql = graphqlFields(contract.sdl, declared);
  const [streamed] = declared.streams ? graphql.fields : [];
  return {
    ...declared,
    noun: before(declared.name, "."),
    description: route.description ?? declared.summary,
    inputs: inputs.sort((one, other) => Number(other.place === "path") - Number(one.place === "path")),
    // OpenAPI has no schema for the events of a stream; GraphQL's type has its name.
    answer: streamed ? { $ref: `#/components/schemas/${typeOf(streamed)}` } : media[0]?.schema ?? null,
    isFile: media.some(({ schema }) => schema.format === "binary"),
    hasBody: !!body,
    needsBody: !!route.requestBody?.required,
    ...graphql,
    ownErrors: declared.errors.filter((code) => !common.has(code)),
  };
}

/** @param {string} text @param {string} end */
const before = (text, end) => text.split(end, 1)[0] ?? "";

/** The root field of an operation, and the field inside it where it is nested. @param {Sdl} sdl @param {Declared} declared */
function graphqlFields(sdl, declared) {
  const [owner = "", nested = ""] = declared.graphql.split(".");
  if (!nested) {
    for (const root of ["Mutation", "Subscription", "Query"]) {
      const field = fieldOf(sdl, root, owner);
      if (field) return { fields: [field], kind: root.toLowerCase() };
    }
  }
  const isOfOne = declared.rest.path.includes("{id}");
  const outer = sdl.get("Query")?.fields.find(
    (field) => field.type === owner && isOfOne === field.args.some((argument) => argument.name === "id"),
  );
  const inner = fieldOf(sdl, owner, nested);
  return { fields: outer && inner ? [outer, inner] : [], kind: "query" };
}

/** What a `$ref` points to. @param {Contract} contract @param {any} value */
export function dereferenced(contract, value) {
  if (!value?.$ref) return value;
  const [kind, name] = value.$ref.split("/").slice(-2);
  return contract.openapi.components[kind][name];
}

/** A schema without its `$ref` and without null, and what these said. @param {Contract} contract @param {JsonSchema} schema @returns {{schema: JsonSchema, name: string, isNullable: boolean, choices: JsonSchema[]}} */
export function plain(contract, schema) {
  /** @type {any[]} */
  const all = schema.anyOf ?? schema.oneOf ?? [];
  const choices = all.filter((one) => one.type !== "null");
  const isNullable = choices.length < all.length;
  if (choices.length === 1) {
    return { ...plain(contract, choices[0]), isNullable: true };
  }
  const name = schema.$ref?.split("/").pop() ?? "";
  return { schema: dereferenced(contract, schema), name, isNullable, choices };
}

/** May somebody with this role call the operation? Ownership is decided by the server. @param {Declared} operation @param {string} role */
export const mayCall = (operation, role) => ROLES.indexOf(operation.who) <= ROLES.indexOf(role);

/** The list that an id is chosen from: the one whose address the id extends, or is named after. @param {Contract} contract @param {Operation} operation @param {string} name */
export function listFor(contract, operation, name) {
  /** @type {string[]} */
  let paths = [];
  if (name === "id") {
    const base = before(operation.rest.path, "/{id}");
    paths = [base, `/admin${base}`];
  } else if (name.endsWith("Id")) {
    const stem = name.slice(0, -2);
    const plural = stem.endsWith("y") ? `${stem.slice(0, -1)}ies` : `${stem}s`;
    paths = [`/${plural}`, `/admin/${plural}`];
  }
  for (const path of paths) {
    const found = contract.operations.find((one) => one.paged && one.rest.method === "GET" && one.rest.path === path);
    if (found) return found;
  }
  return undefined;
}

/** An address as it would be for everybody. @param {Operation} operation */
const common = (operation) => operation.rest.path.replace(/^\/admin(?=\/)/, "");

/** Operations that take a thing of this kind, and the input that names it there. @param {Contract} contract @param {string} kind name of the thing's schema */
export function operationsOn(contract, kind) {
  const bases = new Set(
    contract.operations
      .filter((one) => one.rest.path.endsWith("/{id}") && one.answer?.$ref?.endsWith(`/${kind}`))
      .map((one) => common(one)),
  );
  const reference = kind.charAt(0).toLowerCase() + kind.slice(1) + "Id";
  const found = [];
  for (const operation of contract.operations) {
    const path = common(operation);
    if ([...bases].some((base) => path === base || path.startsWith(`${base}/`))) {
      found.push({ operation, input: (/** @type {string} */ id) => ({ id }) });
      continue;
    }
    const given = namingInput(contract, operation, reference);
    if (given) found.push({ operation, input: given });
  }
  return found;
}

/** @param {Contract} contract @param {Operation} operation @param {string} reference @returns {((id: string) => Values) | undefined} */
function namingInput(contract, operation, reference) {
  for (const input of operation.inputs) {
    if (input.name === reference) return (id) => ({ [reference]: id });
    const { schema } = plain(contract, input.schema);
    const item = schema.type === "array" && plain(contract, schema.items).schema;
    if (item && item.properties?.[reference]) {
      return (id) => ({ [input.name]: [{ ...blank(contract, item), [reference]: id }] });
    }
  }
  return undefined;
}

/** What a new thing of a list begins with: 1 for whole numbers that it must have. @param {Contract} contract @param {JsonSchema} item */
export function blank(contract, item) {
  const counts = (item.required ?? []).filter((/** @type {string} */ name) => plain(contract, item.properties[name]).schema.type === "integer");
  return Object.fromEntries(counts.map((/** @type {string} */ name) => [name, 1]));
}

/** @param {SdlField} field */
export const typeOf = (field) => bare(field.type);
