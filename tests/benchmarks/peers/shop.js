// The measured part of Tandem's schema and its readers, for the peers of Apollo and Mercurius: one
// statement for each level of a query.

import { HttpError, pool } from './common.js'

export const TYPES = `
  type Query {
    orders(first: Int = 20): OrderConnection
    products(first: Int = 20, category: String): ProductConnection
  }
  type OrderConnection { nodes: [Order!]! }
  type ProductConnection { nodes: [Product!]! }
  type Order {
    id: ID!
    number: String!
    status: OrderStatus!
    total: String!
    createdAt: String!
    lines: [OrderLine!]!
  }
  enum OrderStatus {
    PENDING AWAITING_APPROVAL PAID CONFIRMED SHIPPED DELIVERED CANCELLED REJECTED EXPIRED
  }
  type OrderLine { quantity: Int! unitPrice: String! product: Product }
  type Product {
    id: ID!
    name: String!
    price: String!
    currency: String!
    stock: Int!
    tags: [String!]!
    createdAt: String!
    category: Category
  }
  type Category { id: ID! name: String! }
`

const PRODUCT = `
  p.id, p.name, p.price, p.currency, p.tags, s.on_hand - s.held AS stock,
  p.created_at AS "createdAt", p.category_id AS "categoryId"
  FROM products p JOIN stock s ON s.product_id = p.id`

async function rows(name, text, values) {
  return (await pool.query({ name, text, values })).rows
}

const instant = (row) => {
  row.createdAt = row.createdAt.toISOString()
  return row
}

/** The caller's orders, newest first. */
export async function ordersOf(caller, first) {
  if (!caller) throw new HttpError(401, 'UNAUTHENTICATED', 'Send a token.')
  const orders = await rows('orders', `
    SELECT id, number, status, total, created_at AS "createdAt" FROM orders
    WHERE customer_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2`, [caller.sub, first])
  return { nodes: orders.map(instant) }
}

/** A category's products, newest first. */
export async function productsOf(category, first) {
  const products = await rows('products', `
    SELECT ${PRODUCT}
    WHERE p.is_active AND p.category_id = (SELECT id FROM categories WHERE slug = $1)
    ORDER BY p.created_at DESC, p.id DESC LIMIT $2`, [category, first])
  return { nodes: products.map(instant) }
}

const byId = (ids, found) => {
  const map = new Map(found.map((row) => [row.id, row]))
  return ids.map((id) => map.get(id) ?? null)
}

/** Batch readers: each maps keys to the rows of each key, in the order of the keys. */
export const BATCHES = {
  async lines(ids) {
    const lines = await rows('lines', `
      SELECT order_id AS "orderId", quantity, unit_price AS "unitPrice", product_id AS "productId"
      FROM order_lines WHERE order_id = ANY($1) ORDER BY order_id, position`, [ids])
    const map = new Map(ids.map((id) => [id, []]))
    for (const line of lines) map.get(line.orderId).push(line)
    return ids.map((id) => map.get(id))
  },
  async product(ids) {
    const products = await rows('productsById', `
      SELECT ${PRODUCT} WHERE p.is_active AND p.id = ANY($1)`, [ids])
    return byId(ids, products.map(instant))
  },
  async category(ids) {
    return byId(ids, await rows('categories', `
      SELECT id, name FROM categories WHERE id = ANY($1)`, [ids]))
  },
}
