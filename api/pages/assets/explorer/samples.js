/** Calls as programs, to copy. The token is the reader's own: `TANDEM_TOKEN` names it. */
import { byId, code, h } from "../dom.js";
import { plain } from "./contract.js";
import { graphqlHeaders } from "./requests.js";

/** How each language writes a call. @type {{[name: string]: (sample: Sample) => string, curl: (sample: Sample) => string}} */
const LANGUAGES = { curl, fetch: (sample) => javascript(sample), TypeScript: typescript, Python: python };

/** @param {string} text */
const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** @param {Sample} sample */
function curl({ method, url, headers, body, reads }) {
  const lines = [`curl${reads === "stream" ? " -N" : ""}${method === "GET" ? "" : ` -X ${method}`} ${shell(url)}`];
  for (const [name, value] of Object.entries(headers)) {
    lines.push(value.includes("TANDEM_TOKEN") ? `-H "${name}: Bearer $TANDEM_TOKEN"` : `-H ${shell(`${name}: ${value}`)}`);
  }
  const short = body?.query === undefined ? body : { ...body, query: body.query.replace(/\s+/g, " ") };
  if (body !== undefined) lines.push(`-d ${shell(JSON.stringify(short))}`);
  return lines.join(" \\\n  ");
}

/** @param {Sample} sample @param {string} [type] */
function javascript({ method, url, headers, body, reads }, type = "") {
  const how = `const answer = await fetch(${JSON.stringify(url)}, {
  method: ${JSON.stringify(method)},
  headers: ${object(headers, (text) => text.replaceAll('"Bearer $TANDEM_TOKEN"', "`Bearer ${process.env.TANDEM_TOKEN}`"))},${
    body === undefined ? "" : `\n  body: JSON.stringify(${written(body)}),`
  }
});
`;
  if (reads === "stream") {
    return `${how}if (!answer.ok) throw new Error(await answer.text());
let text = "";
for await (const piece of answer.body${type && "!"}.pipeThrough(new TextDecoderStream())) {
  const events = (text + piece).split("\\n\\n");
  text = events.pop()${type && "!"};
  for (const event of events) {
    const data = /^data: (.+)$/m.exec(event)?.[1];
    if (!data) continue;
    const result${type && ": Result"} = JSON.parse(data);
    console.log(result);
  }
}`;
  }
  if (reads !== "json") {
    return `${how}if (!answer.ok) throw new Error(await answer.text());${reads === "file" ? "\nconst file = await answer.blob();" : ""}`;
  }
  const fails = body?.query === undefined ? "!answer.ok" : "found.errors";
  return `${how}const found${type && ": any"} = await answer.json();
if (${fails}) throw new Error(JSON.stringify(found));
${type ? `const result: Result = ${body?.query === undefined ? "found" : "found.data"};` : "console.log(found);"}`;
}

/** @param {Sample} sample */
function typescript(sample) {
  return ["json", "stream"].includes(sample.reads) ? `type Result = ${sample.type};\n\n${javascript(sample, "Result")}` : javascript(sample);
}

/** A body; a GraphQL document keeps its lines. @param {any} body */
function written(body) {
  if (body.query === undefined) return object(body);
  return `{\n    query: \`${body.query.replaceAll("\n", "\n    ")}\`,\n    variables: ${object(body.variables).replaceAll("\n", "\n  ")},\n  }`;
}

/** @param {any} value @param {(text: string) => string} [change] */
function object(value, change = (text) => text) {
  return change(JSON.stringify(value, null, 2)).replaceAll("\n", "\n  ");
}

/** @param {Sample} sample */
function python({ method, url, headers, body, reads }) {
  const token = Object.keys(headers).includes("Authorization");
  const streams = reads === "stream";
  const imports = [streams && "import json", token && "import os", (streams || token) && ""].filter((one) => one !== false);
  const lines = [...imports, "import httpx", "", streams ? "with httpx.stream(" : "answer = httpx.request(", `    "${method}",`, `    ${literal(url)},`];
  const shown = Object.entries(headers).filter(([name]) => name !== "Content-Type");
  if (shown.length) {
    lines.push("    headers={");
    for (const [name, value] of shown) {
      lines.push(`        "${name}": ${value.includes("TANDEM_TOKEN") ? `f"Bearer {os.environ['TANDEM_TOKEN']}"` : literal(value)},`);
    }
    lines.push("    },");
  }
  if (body !== undefined) lines.push(`    json=${literal(body, 1)},`);
  // A comment comes every 15 seconds.
  if (streams) return [...lines, "    timeout=60,", ") as answer:", "    answer.raise_for_status()", "    for line in answer.iter_lines():",
    '        if line.startswith("data: "):', "            print(json.loads(line[6:]))"].join("\n");
  const shows = { json: ["print(answer.json())"], file: ["print(len(answer.content))"], nothing: [] };
  return [...lines, ")", "answer.raise_for_status()", ...shows[reads]].join("\n");
}

/** A value in Python. @param {any} value @param {number} [depth] @returns {string} */
function literal(value, depth = 0) {
  const pad = "    ".repeat(depth + 1);
  const end = "    ".repeat(depth);
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string" && value.includes("\n")) return `"""\n${value}\n"""`;
  if (typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return value.length ? `[\n${value.map((one) => `${pad}${literal(one, depth + 1)},\n`).join("")}${end}]` : "[]";
  const entries = Object.entries(value);
  return entries.length ? `{\n${entries.map(([name, one]) => `${pad}${JSON.stringify(name)}: ${literal(one, depth + 1)},\n`).join("")}${end}}` : "{}";
}

/** A schema as a TypeScript type. @param {Contract} contract @param {any} given @param {number} [depth] */
function typeOfSchema(contract, given, depth = 0) {
  const { schema, isNullable, choices } = plain(contract, given);
  const pad = "  ".repeat(depth + 1);
  let type = String(schema.type ?? "unknown").replace("integer", "number");
  if (choices.length > 1) type = choices.map((one) => typeOfSchema(contract, one, depth)).join(" | ");
  else if (schema.enum) type = JSON.stringify(schema.enum).slice(1, -1).replaceAll(",", " | ");
  else if (schema.type === "array") type = `Array<${typeOfSchema(contract, schema.items, depth)}>`;
  else if (schema.properties) {
    const lines = Object.entries(schema.properties).map(([name, one]) => `${pad}${name}: ${typeOfSchema(contract, one, depth + 1)};\n`);
    type = `{\n${lines.join("")}${"  ".repeat(depth)}}`;
  }
  return isNullable ? `${type} | null` : type;
}

/** Show the samples of a call, one language at a time. @param {Shown} shown @param {RestRequest} rest @param {GraphqlBody} graphql */
export function drawSamples(shown, rest, graphql) {
  const { contract, operation, state } = shown;
  /** @type {Texts} */
  const signed = operation.who === "PUBLIC" ? {} : { Authorization: "Bearer $TANDEM_TOKEN" };
  const type = operation.answer && !operation.isFile ? typeOfSchema(contract, operation.answer) : "unknown";
  /** @type {Sample} */
  const onRest = { method: rest.method, url: location.origin + rest.path, headers: { ...signed, ...rest.headers }, body: rest.body, type: state.rest === "v1" && !operation.streams ? "unknown" : type,
    reads: operation.streams ? "stream" : operation.isFile ? "file" : operation.answer || state.rest === "v1" ? "json" : "nothing" };
  /** @type {Sample} */
  const onGraphql = { method: "POST", url: `${location.origin}/graphql`, headers: { ...signed, ...graphqlHeaders(operation) }, body: graphql,
    type: graphqlType(operation, type), reads: operation.streams ? "stream" : "json" };
  const choose = (/** @type {string} */ language) => {
    state.language = language;
    drawSamples(shown, rest, graphql);
    byId(`tab-${language}`).focus();
  };
  const languages = Object.keys(LANGUAGES);
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Language", onkeydown: (event) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step) choose(languages.at((languages.indexOf(state.language) + step) % languages.length) ?? state.language);
  } }, languages.map((language) => h("button", { id: `tab-${language}`, role: "tab", tabIndex: language === state.language ? 0 : -1,
    "aria-selected": String(language === state.language), "aria-controls": "sample", onclick: () => choose(language) }, language)));
  const write = LANGUAGES[state.language] ?? LANGUAGES.curl;
  byId("samples").replaceChildren(h("h2", {}, "Samples"), tabs, h("div", { class: "faces", id: "sample", role: "tabpanel", "aria-labelledby": `tab-${state.language}` },
    code(write(onRest), "REST"), code(write(onGraphql), "GraphQL")),
    h("p", { class: "help" }, operation.who === "PUBLIC" ? "" : "TANDEM_TOKEN stands for an access token, or an API key."));
}

/** The answer's type inside the fields of the document. @param {Operation} operation @param {string} type */
function graphqlType(operation, type) {
  if (operation.paged) return "unknown";
  const found = operation.fields.reduceRight((inner, field) => `{ ${field.name}: ${inner} }`, operation.answer && !operation.isFile ? `${type} | null` : "unknown");
  return operation.streams ? `{ data: ${found} }` : found;
}
