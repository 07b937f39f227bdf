// Apollo's persisted-query link: node apollo.mjs URL NAME. Prints what each request carried.
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { createHash } from "node:crypto";

const [url, name] = process.argv.slice(2);
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const sent = [];
const noted = (uri, options) => {
  const body = options.body ? JSON.parse(options.body) : Object.fromEntries(new URL(uri).searchParams);
  sent.push({ method: options.method, query: "query" in body, hash: "extensions" in body });
  return fetch(uri, options);
};

async function ask(useGETForHashedQueries) {
  const link = new PersistedQueryLink({ sha256, useGETForHashedQueries });
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: link.concat(new HttpLink({ uri: `${url}/graphql`, fetch: noted })),
  });
  const query = gql(`query ${name} { products(first: 1) { pageInfo { hasNextPage } } }`);
  const { data, error } = await client.query({ query });
  if (error) throw error;
  return typeof data.products.pageInfo.hasNextPage;
}

const answers = [await ask(false), await ask(false), await ask(true)];
console.log(JSON.stringify({ sent, answers }));
