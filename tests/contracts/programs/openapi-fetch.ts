// Typed calls through types of openapi-typescript: node openapi-fetch.ts URL TOKEN CATEGORY
import createClient from "openapi-fetch";
import type { components, paths } from "./v2.js";
import type { paths as legacy } from "./v1.js";

const [baseUrl, token, categoryId] = process.argv.slice(2) as [string, string, string];
const options = {
  baseUrl,
  headers: { Authorization: `Bearer ${token}` },
  querySerializer: { array: { style: "form", explode: false } },
} as const;
const v2 = createClient<paths>(options);
const v1 = createClient<legacy>(options);

const made = await v2.POST("/api/v2/products", {
  body: { name: "Lamp", price: "19.99", categoryId, metadata: { colours: ["red"], size: { cm: 12 } } },
});
if (made.error) throw new Error(made.error.code);
const price: string = made.data.price;

const id = made.data.id;
const stock = await v2.POST("/api/v2/products/{id}/stock", {
  params: { path: { id }, header: { "Idempotency-Key": crypto.randomUUID() } },
  body: { delta: 5 },
});
if (stock.error) throw new Error(stock.error.code);
const pieces: number = stock.data.stock;

// The type is that of the whole answer: no field of it is optional.
const some = await v2.GET("/api/v2/products", { params: { query: { first: 1, fields: ["id", "name"] } } });
if (some.error) throw new Error(some.error.fields.map((field) => field.code).join());
const name: string = some.data.items[0]!.name;

const old = await v1.GET("/api/v1/products/{id}", { params: { path: { id } } });
if (old.error) throw new Error(old.error.error?.code);
const same: string = old.data.data.price;

const refused = await v2.POST("/api/v2/products", { body: { name: "", price: "0", categoryId } });
const code: string | undefined = refused.error?.code;

// Bodies that need not be whole.
const bodies: [
  components["schemas"]["RefundOrderInput"],
  components["schemas"]["UpdateMeInput"],
  components["schemas"]["RegisterInput"],
] = [
  { amount: "1.00" },
  { bio: null },
  { email: "ada@example.com", username: "ada", password: "correct horse battery", fullName: "Ada" },
];
console.log(JSON.stringify({ price, pieces, name, same, code, bodies: bodies.length }));
