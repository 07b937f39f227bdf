/** One form for the input of an operation, drawn from its schema. */
import { h } from "../dom.js";
import { blank, listFor, plain } from "./contract.js";

/** Inputs that page and sort a list; they lie behind a fold. */
const PAGING = new Set(["first", "after", "last", "before", "page", "perPage", "total", "sort"]);
/** So begins the pattern of a text that may have lines. */
const LINES = "^[\\t\\n\\r";

let counter = 0;

/** The fields of an operation's input. @param {Setting} setting @param {Values} values what the fields show and change */
export function inputFields(setting, values) {
  const { inputs } = setting.operation;
  const draw = (/** @type {typeof inputs} */ some) =>
    some.map((input) => fieldOf(setting, input, placeIn(setting, values, input.name)));
  const paging = inputs.filter((input) => input.place === "query" && PAGING.has(input.name));
  const others = inputs.filter((input) => !paging.includes(input));
  const required = others.filter((input) => input.required);
  const optional = others.filter((input) => !input.required);
  const folded = optional.length > 4 && required.length > 0;
  return [
    h("div", { class: "fields" }, draw(required), folded ? [] : draw(optional)),
    folded && fold("Optional", optional, values, draw),
    paging.length > 0 && fold("Page and order", paging, values, draw),
  ];
}

/** @param {string} title @param {any[]} inputs @param {Values} values @param {(some: any[]) => any} draw */
function fold(title, inputs, values, draw) {
  const names = inputs.map((input) => input.name);
  const open = names.some((name) => name in values);
  const hint = names.slice(0, 4).join(", ") + (names.length > 4 ? ", …" : "");
  return h("details", { class: "fold", open }, h("summary", {}, title, h("span", { class: "muted" }, ` ${hint}`)),
    h("div", { class: "fields" }, draw(inputs)));
}

/** @param {Setting} setting @param {any} holder @param {string | number} name @returns {Place} */
function placeIn(setting, holder, name) {
  return {
    get: () => holder[name],
    set: (value) => {
      if (value === undefined && !Array.isArray(holder)) delete holder[name];
      else holder[name] = value;
      setting.change();
    },
  };
}

/** @param {Setting} setting @param {Field} field @param {Place} place @returns {any} */
function fieldOf(setting, field, place) {
  const { name, required } = field;
  const { schema, isNullable } = plain(setting.contract, field.schema);
  if (schema.type === "object" && schema.properties) return group(setting, field, schema, place);
  const items = schema.type === "array" ? plain(setting.contract, schema.items).schema : null;
  if (items?.properties) return list(setting, field, items, place);
  const id = `field-${counter++}`;
  const help = field.description && h("p", { class: "help", id: `${id}-help` }, field.description);
  const fault = h("p", { class: "fault", id: `${id}-fault`, hidden: true });
  const control = controlOf(schema, items, place, fault, examplesOf(field.schema, schema), name);
  control.id = id;
  control.name = name;
  control.setAttribute("aria-describedby", `${id}-help ${id}-fault`);
  if (required) control.required = true;
  const parts = [h("label", { for: id }, name, required && h("span", { class: "needed" }, " required"))];
  if (isNullable && setting.operation.rest.method === "PATCH") parts.push(nullBox(setting, name, place, control));
  const picker = pickerOf(setting, name, place);
  const kind = control.rows > 2 ? "field broad" : picker ? "field double" : "field";
  return h("div", { class: kind, "data-field": name }, h("div", { class: "field-head" }, parts),
    picker ? h("div", { class: "picked" }, control, picker) : control, help, fault);
}

/** @param {JsonSchema} given @param {JsonSchema} schema */
const examplesOf = (given, schema) => given.examples ?? schema.examples ?? (schema.default === undefined ? [] : [schema.default]);

/** @param {JsonSchema} schema @param {JsonSchema | null} items @param {Place} place @param {any} fault @param {any[]} examples @param {string} name */
function controlOf(schema, items, place, fault, examples, name) {
  const value = place.get();
  if (items?.enum) return choices(items.enum, place);
  if (schema.enum || schema.type === "boolean") {
    /** @type {any[]} */
    const options = schema.enum ?? [true, false];
    const select = h("select", {}, h("option", { value: "" }, "not sent"),
      options.map((one) => h("option", { value: String(one), selected: one === value }, String(one))));
    select.addEventListener("change", () => place.set(options.find((one) => String(one) === select.value)));
    return select;
  }
  const placeholder = examples.length ? `e.g. ${textOf(examples[0])}` : schema.format === "date-time" ? "e.g. 2030-01-31T12:00:00Z" : "";
  if (items || schema.type === "object" || !schema.type) {
    return parsed(placeholder, value, place, fault, items ? listed : JSON.parse, items ? "One a line" : "Write JSON");
  }
  const isNumber = schema.type === "integer" || schema.type === "number";
  const isLong = (schema.pattern ?? "").startsWith(LINES);
  const control = h(isLong ? "textarea" : "input", { placeholder, value: value === undefined || value === null ? "" : String(value) });
  if (isLong) control.rows = 3;
  else {
    control.type = /password/i.test(name) ? "password" : "text";
    control.autocomplete = "off";
    control.spellcheck = false;
    if (isNumber) control.inputMode = "numeric";
  }
  control.addEventListener("input", () => {
    const text = control.value;
    // A number that is none goes as it is: the server's refusal is worth seeing.
    place.set(text === "" ? undefined : isNumber && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text);
  });
  return control;
}

/** @param {any} value */
const textOf = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));
/** @param {string} text */
const listed = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

/** @param {string} placeholder @param {any} value @param {Place} place @param {any} fault @param {(text: string) => any} read @param {string} hint */
function parsed(placeholder, value, place, fault, read, hint) {
  const shown = value === undefined ? "" : Array.isArray(value) ? value.map(textOf).join("\n") : textOf(value);
  const control = h("textarea", { rows: 2, placeholder: placeholder || hint, value: shown });
  control.addEventListener("input", () => {
    fault.hidden = true;
    control.removeAttribute("aria-invalid");
    try {
      place.set(control.value.trim() === "" ? undefined : read(control.value));
    } catch {
      fault.textContent = `${hint}: this cannot be read yet.`;
      fault.hidden = false;
      control.setAttribute("aria-invalid", "true");
    }
  });
  return control;
}

/** Boxes for the choices of a list. @param {any[]} options @param {Place} place */
function choices(options, place) {
  const box = h("div", { class: "boxes", role: "group", tabIndex: -1 });
  const ticked = new Set(place.get() ?? []);
  for (const option of options) {
    const tick = h("input", { type: "checkbox", checked: ticked.has(option) });
    tick.addEventListener("change", () => {
      tick.checked ? ticked.add(option) : ticked.delete(option);
      place.set(ticked.size ? options.filter((one) => ticked.has(one)) : undefined);
    });
    box.append(h("label", { class: "tick" }, tick, String(option)));
  }
  return box;
}

/** Null clears a value; an empty field leaves it. @param {Setting} setting @param {string} name @param {Place} place @param {any} control */
function nullBox(setting, name, place, control) {
  const tick = h("input", { type: "checkbox", checked: place.get() === null, "aria-label": `Send null for ${name}` });
  control.disabled = tick.checked;
  tick.addEventListener("change", () => {
    place.set(tick.checked ? null : undefined);
    setting.redraw();
  });
  return h("label", { class: "tick" }, tick, "null");
}

/** A border around the fields of an object or a list. @param {Field} field @param {...any} content */
const framed = ({ name, required, description }, ...content) => h("fieldset", { class: "group", "data-field": name },
  h("legend", {}, name, required && h("span", { class: "needed" }, " required")), description && h("p", { class: "help" }, description), content);

/** @param {string} text @param {() => void} onclick @param {string} [label] */
const small = (text, onclick, label) => h("button", { class: "small-button", "aria-label": label, onclick }, text);

/** An object inside the input. @param {Setting} setting @param {Field} field @param {JsonSchema} schema @param {Place} place */
function group(setting, field, schema, place) {
  if (field.required && place.get() === undefined) place.set({});
  const value = place.get();
  const isThere = value !== undefined && value !== null;
  return framed(field, isThere && properties(setting, schema, value), !field.required && small(isThere ? "Remove" : "Add", () => {
    place.set(isThere ? undefined : {});
    setting.redraw();
  }));
}

/** @param {Setting} setting @param {JsonSchema} schema @param {any} value */
function properties(setting, schema, value) {
  return h("div", { class: "fields" }, Object.entries(schema.properties).map(([name, property]) => {
    const required = (schema.required ?? []).includes(name);
    return fieldOf(setting, { name, schema: property, required, description: property.description }, placeIn(setting, value, name));
  }));
}

/** A list of objects. @param {Setting} setting @param {Field} field @param {JsonSchema} item @param {Place} place */
function list(setting, field, item, place) {
  if (field.required && place.get() === undefined) place.set([blank(setting.contract, item)]);
  /** @type {any[]} */
  const values = place.get() ?? [];
  const put = (/** @type {any[]} */ changed) => {
    place.set(changed.length ? changed : undefined);
    setting.redraw();
  };
  return framed(field, values.map((value, index) => h("div", { class: "item" }, properties(setting, item, value),
    small("Remove", () => put(values.filter((_, at) => at !== index)), `Remove ${field.name} ${index + 1}`))),
    small(`Add to ${field.name}`, () => put([...values, blank(setting.contract, item)])));
}

/** Things to choose an id from, where a list has them. @param {Setting} setting @param {string} name @param {Place} place */
function pickerOf(setting, name, place) {
  const source = listFor(setting.contract, setting.operation, name);
  if (!source) return null;
  const choices = h("div", { class: "choices", role: "group", "aria-label": `Choose ${name}` });
  const choice = (/** @type {any} */ item) => h("button", { class: "choice", onclick: () => {
    place.set(item.id);
    setting.redraw(name);
  } }, h("b", {}, titleOf(item)), h("span", { class: "muted" }, factsOf(item)));
  return h("details", { class: "picker", ontoggle: async (event) => {
    if (!event.target.open) return;
    choices.replaceChildren("Loading …");
    const items = await setting.pick(source).catch((error) => [error.message]);
    choices.replaceChildren(...items.map((item) => (item.id ? choice(item) : item)));
    if (!items.length) choices.append(`${source.name} has none.`);
  } }, h("summary", { class: "button" }, "Choose"), choices);
}

const TITLES = ["name", "title", "number", "code", "fullName", "username", "userAgent", "id"];

/** @param {any} item */
export const titleOf = (item) => String(item[TITLES.find((name) => item[name]) ?? "id"]);

/** A few facts that tell things of a kind apart. @param {any} item */
export function factsOf(item) {
  const names = ["status", "total", "price", "amount", "stock", "kind", "role", "email", "createdAt"];
  return names.filter((name) => item[name] !== undefined && item[name] !== null).slice(0, 2).map((name) => `${name} ${item[name]}`).join(" · ");
}
