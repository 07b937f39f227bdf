// Starts GraphiQL with the committed schema and the shop's documents, for whom the bar above names.

import { byId, h } from "./dom.js";
import { drawPeople } from "./people.js";
import { token } from "./session.js";
import { isStream, pieces } from "./stream.js";

/** GraphiQL and React bring no types to a page. @type {any} */
const packages = window;
const { GraphiQL, React, ReactDOM, GraphiQLPluginExplorer } = packages;

/** @param {GraphqlAsked} asked @param {Texts} [headers] @param {AbortSignal} [signal] */
const ask = (asked, headers, signal) => fetch("/graphql", {
  method: "POST",
  signal,
  headers: {
    "Content-Type": "application/json",
    Accept: "application/graphql-response+json, application/json, text/event-stream",
    ...headers,
  },
  body: JSON.stringify(asked),
});

/** @param {GraphqlAsked} asked @param {{headers?: Texts}} [given] */
async function fetcher(asked, given) {
  const bearer = await token();
  const leave = new AbortController();
  const answered = await ask(asked, { ...(bearer && { Authorization: `Bearer ${bearer}` }), ...given?.headers }, leave.signal);
  if (isStream(answered)) return heard(answered, leave);
  const answer = await answered.json();
  explain(answer.errors ?? []);
  return answer;
}

/** The answers of a subscription, until the reader stops it. @param {Response} answered @param {AbortController} leave */
function heard(answered, leave) {
  explain([]);
  const answers = pieces(answered, leave.signal);
  const next = async () => {
    const found = await answers.next();
    explain(found.value?.errors ?? []);
    return found;
  };
  const end = async () => {
    leave.abort();
    return { done: true, value: undefined };
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: end }) };
}

/** Below the answer: each error once, with a link to its page. @param {GraphqlError[]} errors */
function explain(errors) {
  const place = byId("answer-errors");
  const byCode = new Map(errors.map((error) => [error.extensions?.code, error.extensions]));
  place.replaceChildren(...[...byCode].map(([code, told]) => h("p", {},
    h("a", { href: told?.docUrl ?? "/errors", target: "_blank", rel: "noopener" }, code ?? "Error"), ` ${told?.hint ?? ""}`)));
  place.hidden = errors.length === 0;
}

/** Names of GraphiQL's editors, which it leaves without one. */
const EDITORS = /** @type {const} */ ([
  [".graphiql-query-editor textarea", "GraphQL document"],
  [".graphiql-editor-tool .graphiql-editor:nth-of-type(1) textarea", "Variables"],
  [".graphiql-editor-tool .graphiql-editor:nth-of-type(2) textarea", "Headers"],
  [".graphiql-response textarea", "Answer"],
]);

/** Mend what readers of the screen and the keyboard miss in GraphiQL; it is called at each change. */
function mend() {
  for (const [selector, name] of EDITORS) {
    document.querySelector(`${selector}:not([aria-label])`)?.setAttribute("aria-label", name);
  }
  for (const scroll of document.querySelectorAll('.CodeMirror-scroll[tabindex="-1"]')) scroll.setAttribute("tabindex", "0");
  // A tab may hold no button of its own, and these hold two.
  document.querySelector('.graphiql-tabs[role="tablist"]')?.removeAttribute("role");
  for (const tab of document.querySelectorAll('.graphiql-tab[role="tab"]')) tab.removeAttribute("role");
  for (const tab of document.querySelectorAll(".graphiql-tab[aria-selected]")) {
    const current = tab.getAttribute("aria-selected") ?? "false";
    tab.removeAttribute("aria-selected");
    tab.querySelector(".graphiql-tab-button")?.setAttribute("aria-current", current);
  }
}

/** Tab leaves an editor; it still takes a word that is offered. @param {KeyboardEvent} event */
function leaveByTab(event) {
  if (event.key === "Tab" && !document.querySelector(".CodeMirror-hints")) event.stopImmediatePropagation();
}

async function start() {
  const { tabs } = JSON.parse(byId("data").textContent ?? "{}");
  const sdl = await (await fetch("/graphql/schema.graphql")).text();
  const make = React.createElement;
  const footer = make("div", { id: "answer-errors", className: "answer-errors", role: "status", hidden: true });
  ReactDOM.createRoot(byId("graphiql")).render(
    make(
      GraphiQL,
      {
        fetcher,
        schema: GraphiQL.GraphQL.buildSchema(sdl, { assumeValidSDL: true }),
        defaultTabs: tabs,
        plugins: [GraphiQLPluginExplorer.explorerPlugin()],
        shouldPersistHeaders: false,
        inputValueDeprecation: true,
        defaultEditorToolsVisibility: "variables",
        forcedTheme: "system",
      },
      make(GraphiQL.Logo, null, make("span")),
      make(GraphiQL.Footer, null, footer),
    ),
  );
  byId("graphiql").addEventListener("keydown", leaveByTab, true);
  new MutationObserver(mend).observe(byId("graphiql"), {
    subtree: true,
    childList: true,
    attributeFilter: ["role", "aria-selected", "tabindex"],
  });
}

drawPeople(() => undefined);
await start();
