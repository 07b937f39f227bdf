// A typed call through graphql-codegen's client preset: node codegen.js URL TOKEN CATEGORY
import { graphql } from "./gql";
import type { TypedDocumentString } from "./gql/graphql";

async function ask<Result, Variables>(
  url: string,
  token: string,
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const answer = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: document.toString(), variables }),
  });
  const { data, errors } = (await answer.json()) as { data: Result; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

const Create = graphql(/* GraphQL */ `
  mutation CreateLamp($input: CreateProductInput!) {
    createProduct(input: $input) { id price name metadata }
  }
`);
const Some = graphql(/* GraphQL */ `
  query SomeProducts($first: Int) { products(first: $first, sort: CREATED_AT_DESC) { nodes { name } } }
`);

async function run(url: string, token: string, categoryId: string): Promise<void> {
  const input = { name: "Lamp", price: "19.99", categoryId, metadata: { size: { cm: 12 } } };
  const { createProduct } = await ask(url, token, Create, { input });
  const { products } = await ask(url, token, Some, { first: 1 });
  const price: string | undefined = createProduct?.price;
  const name: string | undefined = products?.nodes[0]?.name;
  console.log(JSON.stringify({ price, name }));
}

const [url, token, categoryId] = process.argv.slice(2) as [string, string, string];
void run(url, token, categoryId);
