/** Reads GraphQL's schema language, as far as a printed schema uses it: descriptions are left out. */

const DESCRIPTION = /"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|^\s*#.*$/gm;
const TOKEN = /\w+|[!{}()[\]:=|&@]/g;

/** The types of a schema by their names. @param {string} text */
export function parseSdl(text) {
  const tokens = text.replace(DESCRIPTION, "").match(TOKEN) ?? [];
  /** @type {Sdl} */
  const types = new Map();
  let at = 0;
  const next = () => tokens[at++] ?? "";
  /** @param {string} text */
  const take = (text) => tokens[at] === text && !!next();

  const typeName = () => {
    let name = next();
    if (name === "[") name += typeName() + next();
    return take("!") ? `${name}!` : name;
  };
  /** Defaults and arguments of directives. */
  const skip = () => {
    const end = { "[": "]", "{": "}", "(": ")" }[next()];
    while (end && at < tokens.length && !take(end)) skip();
  };
  const rest = () => {
    if (take("=")) skip();
    while (take("@")) {
      next();
      if (tokens[at] === "(") skip();
    }
  };
  /** @returns {SdlField} */
  const field = () => {
    const name = next();
    const args = [];
    if (take("(")) while (!take(")")) args.push(field());
    const type = take(":") ? typeName() : "";
    rest();
    return { name, type, args };
  };

  while (at < tokens.length) {
    const kind = next();
    if (kind === "directive") {
      while (at < tokens.length && !/^(directive|type|input|enum|union|scalar|interface|schema)$/.test(tokens[at] ?? "")) next();
      continue;
    }
    const name = kind === "schema" ? "" : next();
    /** @type {SdlField[]} */
    const fields = [];
    while (take("implements") || take("&")) next();
    rest();
    while (take("|")) next();
    if (take("{")) while (!take("}")) fields.push(field());
    types.set(name, { kind, fields });
  }
  return types;
}

/** A type's name without its brackets and exclamation marks. @param {string} type */
export const bare = (type) => type.replace(/[[\]!]/g, "");

/** A field of a type. @param {Sdl} schema @param {string} type @param {string} name */
export const fieldOf = (schema, type, name) => schema.get(type)?.fields.find((field) => field.name === name);
