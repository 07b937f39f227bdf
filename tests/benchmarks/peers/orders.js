// Places an order: writes the rows that Tandem writes, in one transaction. ORDERS=together uses one
// statement; without it each table has a statement of its own, as most developers would write it.

import { randomBytes } from 'node:crypto'
import { HttpError, pool } from './common.js'

const HOLD_MS = 900_000
const TAX_RATE = 19n // in percent, contained in prices
const TOGETHER = process.env.ORDERS === 'together'

const statement = (name, text) => (client, values) => client.query({ name, text, values })

const lockStock = statement('lockStock', `
  WITH locked AS MATERIALIZED (
    SELECT product_id, on_hand - held AS available FROM stock
    WHERE product_id = ANY($1::uuid[]) ORDER BY product_id FOR UPDATE
  )
  SELECT p.id, p.name, p.price, locked.available
  FROM products p JOIN locked ON locked.product_id = p.id
  WHERE p.is_active ORDER BY p.id FOR SHARE OF p`)
const wallet = statement('wallet', `
  SELECT balance - held AS free FROM accounts WHERE user_id = $1 FOR NO KEY UPDATE`)

const ORDER = `
  INSERT INTO orders (id, customer_id, status, payment_status, subtotal, discount, total, tax,
                      currency, created_at, expires_at)
  VALUES ($1, $2, 'PENDING', 'UNPAID', $3, 0, $3, $4, 'EUR', $5, $6)
  RETURNING *`
const LINES = `
  INSERT INTO order_lines (order_id, position, product_id, name, quantity, unit_price, total)
  SELECT $1, place - 1, product_id, name, quantity, unit_price, total
  FROM unnest($2::uuid[], $3::text[], $4::int[], $5::numeric[], $6::numeric[])
    WITH ORDINALITY AS line (product_id, name, quantity, unit_price, total, place)`
const HOLD = `
  UPDATE stock SET held = held + quantity
  FROM unnest($1::uuid[], $2::int[]) AS line (product_id, quantity)
  WHERE stock.product_id = line.product_id`
const HISTORY = `
  INSERT INTO order_history (id, order_id, to_status, actor_id, created_at)
  VALUES ($1, $2, 'PENDING', $3, $4)`
const AUDIT = `
  INSERT INTO audit_log (id, actor_id, action, entity, entity_id, changed, outcome, request_id,
                         created_at)
  VALUES ($1, $2, 'orders.create', 'order', $3, '{status,lines,shippingAddress,total}', 'OK', $4,
          $5)`

const insertOrder = statement('insertOrder', ORDER)
const insertLines = statement('insertLines', LINES)
const hold = statement('hold', HOLD)
const insertHistory = statement('insertHistory', HISTORY)
const insertAudit = statement('insertAudit', AUDIT)

/** The text with its parameters renumbered to `numbers`, those of the joint statement. */
const numbered = (text, numbers) => text.replace(/\$(\d+)/g, (_, n) => `$${numbers[n - 1]}`)
const insertTogether = statement('insertTogether', `
  WITH placed AS (${ORDER}),
    lines AS (${numbered(LINES, [1, 7, 8, 9, 10, 11])}),
    held AS (${numbered(HOLD, [7, 9])}),
    history AS (${numbered(HISTORY, [12, 1, 2, 5])}),
    audit AS (${numbered(AUDIT, [13, 2, 1, 14, 5])})
  SELECT * FROM placed`)

async function write(client, order, columns, requestId) {
  const { id, customerId, subtotal, tax, now, expires } = order
  const values = [id, customerId, subtotal, tax, now, expires]
  const { ids, names, quantities, prices, totals } = columns
  if (TOGETHER) {
    return insertTogether(client, [
      ...values, ids, names, quantities, prices, totals, uuidv7(), uuidv7(), requestId,
    ])
  }
  const placed = await insertOrder(client, values)
  await insertLines(client, [id, ids, names, quantities, prices, totals])
  await hold(client, [ids, quantities])
  await insertHistory(client, [uuidv7(), id, customerId, now])
  await insertAudit(client, [uuidv7(), customerId, id, requestId, now])
  return placed
}

/** Place an order for the products and quantities of `body.lines`. */
export async function placeOrder(customerId, body, requestId) {
  const asked = checked(body)
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const { rows } = await lockStock(client, [asked.map((line) => line.productId)])
    const lines = priced(asked, new Map(rows.map((row) => [row.id, row])))
    const cents = lines.reduce((sum, line) => sum + line.cents, 0n)
    const { rows: [{ free }] } = await wallet(client, [customerId])
    if (toCents(free) < cents) {
      throw new HttpError(402, 'INSUFFICIENT_FUNDS', 'There is not enough money.')
    }
    const now = new Date()
    const order = {
      id: uuidv7(), customerId, subtotal: toMoney(cents), tax: toMoney(taxWithin(cents)), now,
      expires: new Date(now.getTime() + HOLD_MS),
    }
    const columns = {
      ids: lines.map((line) => line.productId), names: lines.map((line) => line.name),
      quantities: lines.map((line) => line.quantity),
      prices: lines.map((line) => line.unitPrice), totals: lines.map((line) => line.total),
    }
    const { rows: [placed] } = await write(client, order, columns, requestId)
    await client.query('COMMIT')
    return shown(placed, lines)
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function checked(body) {
  const lines = body?.lines
  const fits = Array.isArray(lines) && lines.length >= 1 && lines.length <= 100 && lines.every(
    ({ productId, quantity }) => UUID.test(productId) && Number.isInteger(quantity) &&
      quantity >= 1 && quantity <= 10_000)
  if (!fits || new Set(lines.map((line) => line.productId)).size !== lines.length) {
    throw new HttpError(400, 'VALIDATION_FAILED', 'lines')
  }
  return lines
}

function priced(asked, products) {
  return asked.map(({ productId, quantity }) => {
    const product = products.get(productId)
    if (!product) throw new HttpError(404, 'PRODUCT_NOT_FOUND', 'There is no such product.')
    if (product.available < quantity) {
      throw new HttpError(422, 'OUT_OF_STOCK', `Only ${product.available} left.`)
    }
    const cents = toCents(product.price) * BigInt(quantity)
    const { name, price: unitPrice } = product
    return { productId, name, quantity, unitPrice, total: toMoney(cents), cents }
  })
}

const toCents = (money) => BigInt(money.replace('.', ''))
const toMoney = (cents) => `${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`
const taxWithin = (cents) => (2n * cents * TAX_RATE + 100n + TAX_RATE) / (2n * (100n + TAX_RATE))

const shown = (order, lines) => ({
  id: order.id, number: order.number, customerId: order.customer_id, status: order.status,
  paymentStatus: order.payment_status, nextStatuses: ['PAID', 'CANCELLED', 'EXPIRED'],
  lines: lines.map(({ cents, ...line }) => line),
  subtotal: order.subtotal, discount: order.discount, total: order.total, tax: order.tax,
  refunded: order.refunded, currency: order.currency, shippingAddress: order.shipping_address,
  couponId: order.coupon_id, couponCode: order.coupon_code, trackingCode: order.tracking_code,
  version: order.version, createdAt: order.created_at, updatedAt: order.updated_at,
  expiresAt: order.expires_at, approvedAt: order.approved_at, paidAt: order.paid_at,
  shippedAt: order.shipped_at, deliveredAt: order.delivered_at,
  cancelledAt: order.cancelled_at, invoiceId: null,
})

function uuidv7() {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(Date.now(), 0, 6)
  bytes[6] = (bytes[6] & 0x0f) | 0x70
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  const parts = [[0, 8], [8, 12], [12, 16], [16, 20], [20, 32]]
  return parts.map(([from, to]) => hex.slice(from, to)).join('-')
}
