// Typed calls through a client of @hey-api/openapi-ts: node hey-api.js URL TOKEN CATEGORY
import { client as legacy } from "./v1/client.gen";
import { product as legacyProduct } from "./v1/sdk.gen";
import { client } from "./v2/client.gen";
import { adjustStock, createProduct, products } from "./v2/sdk.gen";

async function run(baseUrl: string, token: string, categoryId: string): Promise<void> {
  client.setConfig({ baseUrl, auth: token });
  legacy.setConfig({ baseUrl, auth: token });
  const body = { name: "Lamp", price: "19.99", categoryId, metadata: { size: { cm: 12 } } };
  const made = await createProduct({ body });
  if (made.error !== undefined) throw new Error(made.error.code);
  const price: string = made.data.price;
  const id = made.data.id;
  const stock = await adjustStock({
    path: { id },
    headers: { "Idempotency-Key": crypto.randomUUID() },
    body: { delta: 5 },
  });
  if (stock.error !== undefined) throw new Error(stock.error.code);
  const pieces: number = stock.data.stock;
  const some = await products({ query: { first: 1, fields: ["id", "name"] } });
  if (some.error !== undefined) throw new Error(some.error.code);
  const name: string = some.data.items[0]!.name;
  const old = await legacyProduct({ path: { id } });
  if (old.error !== undefined) throw new Error("refused");
  const same: string = old.data.data.price;
  const refused = await createProduct({ body: { ...body, name: "" } });
  const code: string | undefined = refused.error?.code;
  console.log(JSON.stringify({ price, pieces, name, same, code }));
}

const [baseUrl, token, categoryId] = process.argv.slice(2) as [string, string, string];
void run(baseUrl, token, categoryId);
