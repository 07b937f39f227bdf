// Products as REST shows them.

import { createHmac, timingSafeEqual } from 'node:crypto'
import { HttpError, pool } from './common.js'

const COLUMNS = {
  id: 'p.id', name: 'p.name', description: 'p.description', price: 'p.price',
  currency: 'p.currency', categoryId: 'p.category_id', tags: 'p.tags', metadata: 'p.metadata',
  image: 'p.image', imageVariants: 'p.image_variants', isActive: 'p.is_active', stock: 's.on_hand - s.held', version: 'p.version',
  createdAt: 'p.created_at', updatedAt: 'p.updated_at',
}
const ALL = Object.keys(COLUMNS)

const select = (fields) =>
  `SELECT ${fields.map((field) => `${COLUMNS[field]} AS "${field}"`).join(', ')}
   FROM products p JOIN stock s ON s.product_id = p.id`

const ONE = { name: 'product', text: `${select(ALL)} WHERE p.id = $1 AND p.is_active` }

/** One product, or undefined. */
export async function product(id) {
  const { rows } = await pool.query({ ...ONE, values: [id] })
  return rows[0]
}

/** A page of a category's products, newest first, by keyset. */
export async function products({ category, fields, first, after }) {
  if (!(first >= 1 && first <= 100)) throw new HttpError(400, 'VALIDATION_FAILED', 'first')
  const wanted = fields ? fields.split(',') : ALL
  if (!wanted.every((field) => field in COLUMNS)) {
    throw new HttpError(400, 'VALIDATION_FAILED', 'fields')
  }
  const read = new Set([...wanted, 'id', 'createdAt'])
  const values = [category, first + 1]
  let from = ''
  if (after) {
    values.push(...opened(after))
    from = 'AND (p.created_at, p.id) < ($3, $4)'
  }
  const { rows } = await pool.query({
    name: `products ${[...read]} ${from}`,
    text: `${select([...read])}
      WHERE p.is_active AND p.category_id = (SELECT id FROM categories WHERE slug = $1) ${from}
      ORDER BY p.created_at DESC, p.id DESC LIMIT $2`,
    values,
  })
  const items = rows.slice(0, first)
  return {
    items: items.map((item) => Object.fromEntries(wanted.map((field) => [field, item[field]]))),
    pageInfo: {
      hasNextPage: rows.length > first,
      hasPreviousPage: after !== undefined,
      startCursor: items.length ? sealed(items[0]) : null,
      endCursor: items.length ? sealed(items.at(-1)) : null,
    },
    totalCount: null,
  }
}

const sign = (position) =>
  createHmac('sha256', process.env.JWT_SECRET).update(position).digest().subarray(0, 16)

function sealed({ createdAt, id }) {
  const position = Buffer.from(JSON.stringify([createdAt, id]))
  return Buffer.concat([sign(position), position]).toString('base64url')
}

function opened(cursor) {
  const bytes = Buffer.from(cursor, 'base64url')
  const position = bytes.subarray(16)
  if (bytes.length < 16 || !timingSafeEqual(bytes.subarray(0, 16), sign(position))) {
    throw new HttpError(400, 'VALIDATION_FAILED', 'after')
  }
  return JSON.parse(position)
}
