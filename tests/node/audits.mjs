// Runs graphql-http's server audits against a URL and prints one JSON line for each.
import { serverAudits } from "graphql-http";

for (const audit of serverAudits({ url: process.argv[2], fetchFn: fetch })) {
  const result = await audit.fn();
  const { id, name } = audit;
  console.log(JSON.stringify({ id, name, status: result.status, reason: result.reason }));
}
