/**
 * Reads GraphQL's schema language, as far as a printed schema uses it.
 *
 * @typedef {{name: string, type: string, description: string}} Argument
 * @typedef {{name: string, type: string, description: string, args: Argument[]}} Field
 * @typedef {{kind: string, name: string, fields: Field[], members: string[]}} Type
 * @typedef {Map<string, Type>} Schema
 */

const TOKEN = /"""([\s\S]*?)"""|"((?:\\.|[^"\\])*)"|[A-Za-z_]\w*|[!{}()[\]:=|&@]|-?\d[\d.eE+-]*/g;

/**
 * The types of a schema by their names.
 *
 * @param {string} text
 * @returns {Schema}
 */
export function parseSdl(text) {
  const tokens = [...text.replace(/^\s*#.*$/gm, "").matchAll(TOKEN)];
  /** @type {Schema} */
  const types = new Map();
  let at = 0;

  const peek = () => tokens[at]?.[0] ?? "";
  const next = () => tokens[at++]?.[0] ?? "";
  /** @param {string} text */
  const take = (text) => peek() === text && !!next();

  const described = () => {
    if (!peek().startsWith('"')) return "";
    const [, block, line] = tokens[at++] ?? [];
    return (block ?? line ?? "").trim().replace(/\s*\n\s*/g, " ");
  };

  const typeName = () => {
    let name = next();
    if (name === "[") {
      name += typeName();
      name += next();
    }
    return take("!") ? `${name}!` : name;
  };

  const value = () => {
    const first = next();
    const end = { "[": "]", "{": "}" }[first];
    while (end && !take(end)) take(":") || value();
  };

  const directives = () => {
    while (take("@")) {
      next();
      if (take("(")) while (!take(")")) take(":") || value();
    }
  };

  /** @returns {Argument} */
  const argument = () => {
    const description = described();
    const name = next();
    next(); // the colon
    const type = typeName();
    if (take("=")) value();
    directives();
    return { name, type, description };
  };

  /** @returns {Field} */
  const field = () => {
    const description = described();
    const name = next();
    /** @type {Argument[]} */
    const args = [];
    if (take("(")) while (!take(")")) args.push(argument());
    const type = take(":") ? typeName() : "";
    if (take("=")) value();
    directives();
    return { name, type, description, args };
  };

  while (at < tokens.length) {
    described();
    const kind = next();
    if (kind === "directive") {
      while (at < tokens.length && !/^(directive|type|input|enum|union|scalar|interface|schema|")/.test(peek())) next();
      continue;
    }
    /** @type {Type} */
    const type = { kind, name: kind === "schema" ? "" : next(), fields: [], members: [] };
    while (at < tokens.length && peek() === "implements") {
      do {
        next();
        next();
      } while (peek() === "&");
    }
    directives();
    if (take("=")) {
      do {
        take("|");
        type.members.push(next());
      } while (peek() === "|");
    }
    if (take("{")) while (!take("}")) type.fields.push(field());
    types.set(type.name, type);
  }
  return types;
}

/**
 * A type's name without its brackets and exclamation marks.
 *
 * @param {string} type
 */
export const bare = (type) => type.replace(/[[\]!]/g, "");

/**
 * A field of a type.
 *
 * @param {Schema} schema
 * @param {string} type
 * @param {string} name
 */
export const fieldOf = (schema, type, name) => schema.get(type)?.fields.find((field) => field.name === name);
