// GraphQL: Mercurius on Fastify 5, compiled by graphql-jit, with loaders.

import mercurius from 'mercurius'
import { PORT, ready } from './common.js'
import { edge } from './plugins.js'
import { BATCHES, TYPES, ordersOf, productsOf } from './shop.js'

/** A Mercurius loader without its cache, which would serialize every key. */
const loader = (batch, key) => ({
  loader: (queries) => batch(queries.map(({ obj }) => obj[key])),
  opts: { cache: false },
})

/** A loader for to-one relations: many parents share a key, and each key is read once. */
const distinct = (batch) => async (keys) => {
  const different = [...new Set(keys)]
  const found = await batch(different)
  const map = new Map(different.map((key, place) => [key, found[place]]))
  return keys.map((key) => map.get(key))
}

const app = await edge()
await app.register(mercurius, {
  schema: TYPES,
  resolvers: {
    Query: {
      orders: (_, { first }, { caller }) => ordersOf(caller, first),
      products: (_, { first, category }) => productsOf(category, first),
    },
  },
  loaders: {
    Order: { lines: loader(BATCHES.lines, 'id') },
    OrderLine: { product: loader(distinct(BATCHES.product), 'productId') },
    Product: { category: loader(distinct(BATCHES.category), 'categoryId') },
  },
  context: ({ caller }) => ({ caller }),
  jit: 1,
  graphiql: false,
})
await app.listen({ host: '127.0.0.1', port: PORT })
ready('Mercurius')
