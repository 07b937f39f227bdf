// REST: Express 5, pg and ioredis.

import express from 'express'
import { HttpError, PORT, logger, pool, ready, redis } from './common.js'
import { edge } from './middleware.js'
import { placeOrder } from './orders.js'
import { product, products } from './products.js'

const CACHED = process.env.CACHE === 'true'
const CACHE_SECONDS = 60

const app = express()
app.disable('x-powered-by')
app.use(edge)

app.get('/api/v2/products/:id', async (request, response) => {
  const key = `product:${request.params.id}`
  if (CACHED) {
    const kept = await redis.get(key)
    if (kept !== null) {
      response.set('X-Cache', 'HIT').type('json').send(kept)
      return
    }
  }
  const found = await product(request.params.id)
  if (!found) throw new HttpError(404, 'PRODUCT_NOT_FOUND', 'There is no such product.')
  if (CACHED) {
    const json = JSON.stringify(found)
    await redis.set(key, json, 'EX', CACHE_SECONDS)
    response.set('X-Cache', 'MISS').type('json').send(json)
    return
  }
  response.json(found)
})

app.get('/api/v2/products', async (request, response) => {
  const { category, fields, first, after } = request.query
  response.json(await products({ category, fields, first: Number(first), after }))
})

app.post('/api/v2/orders', express.json({ limit: '1mb' }), async (request, response) => {
  if (!request.caller) throw new HttpError(401, 'UNAUTHENTICATED', 'Send a token.')
  const order = await placeOrder(request.caller.sub, request.body, request.id)
  response.status(201).location(`/api/v2/orders/${order.id}`).json(order)
})

app.use((error, request, response, _next) => {
  const status = error.status ?? 500
  if (status === 500) logger.error(error)
  response.status(status).json({
    code: error.code ?? 'INTERNAL', title: error.message, status, requestId: request.id,
  })
})

app.listen(PORT, '127.0.0.1', () => ready('Express'))
