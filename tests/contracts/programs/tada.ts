// A typed call through gql.tada: node tada.ts URL TOKEN CATEGORY
import { initGraphQLTada, type ResultOf, type VariablesOf } from "gql.tada";
import { print } from "graphql";
import type { introspection } from "./graphql-env.d.ts";

export const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: { Money: string; DateTime: string; JSON: Record<string, unknown> };
}>();

const Create = graphql(`
  mutation CreateLamp($input: CreateProductInput!) {
    createProduct(input: $input) { id price name metadata }
  }
`);

async function create(
  url: string,
  token: string,
  variables: VariablesOf<typeof Create>,
): Promise<ResultOf<typeof Create>> {
  const answer = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: print(Create), variables }),
  });
  const { data, errors } = (await answer.json()) as { data: ResultOf<typeof Create>; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

const [url, token, categoryId] = process.argv.slice(2) as [string, string, string];
if (url) {
  const input = { name: "Lamp", price: "19.99", categoryId, metadata: { size: { cm: 12 } } };
  const { createProduct } = await create(url, token, { input });
  const price: string | undefined = createProduct?.price;
  const name: string | undefined = createProduct?.name;
  console.log(JSON.stringify({ price, name }));
}
