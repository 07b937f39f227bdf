// Listens with the npm packages graphql-ws and graphql-sse: `node streams.mjs URL TOKEN AFTER COUNT`.
// Prints one JSON line for each: its events and how it ended.
import { createClient as overSse } from "graphql-sse";
import { createClient as overSocket } from "graphql-ws";

const [url, token, after, count] = process.argv.slice(2);
const query = `subscription ($after: String) {
  events(after: $after) { id type cursor position at subject data requestId }
}`;
const headers = { Authorization: `Bearer ${token}` };

function listen(name, client) {
  const events = [];
  const report = (end) => console.log(JSON.stringify({ name, events, end }));
  const stop = client.subscribe(
    { query, variables: { after } },
    {
      next(result) {
        if (result.errors) {
          report(result.errors[0].extensions.code);
          return;
        }
        events.push(result.data.events);
        if (events.length === Number(count)) {
          report("enough");
          stop();
        }
      },
      error(error) {
        report(error.reason ?? error.message);
      },
      complete() {},
    },
  );
}

listen("sse", overSse({ url: `${url}/graphql`, headers, retryAttempts: 0 }));
listen(
  "socket",
  overSocket({
    url: `${url.replace("http", "ws")}/graphql`,
    connectionParams: headers,
    retryAttempts: 0,
  }),
);
