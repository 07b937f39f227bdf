// GraphQL: Apollo Server 5 on Express 5, with dataloaders.

import { ApolloServer } from '@apollo/server'
import { expressMiddleware } from '@as-integrations/express5'
import DataLoader from 'dataloader'
import express from 'express'
import { PORT, logger, ready } from './common.js'
import { edge } from './middleware.js'
import { BATCHES, TYPES, ordersOf, productsOf } from './shop.js'

const resolvers = {
  Query: {
    orders: (_, { first }, { caller }) => ordersOf(caller, first),
    products: (_, { first, category }) => productsOf(category, first),
  },
  Order: { lines: ({ id }, _, { loaders }) => loaders.lines.load(id) },
  OrderLine: { product: ({ productId }, _, { loaders }) => loaders.product.load(productId) },
  Product: { category: ({ categoryId }, _, { loaders }) => loaders.category.load(categoryId) },
}

const server = new ApolloServer({
  typeDefs: TYPES, resolvers, introspection: false, includeStacktraceInErrorResponses: false,
})
await server.start()

const context = async ({ req }) => ({
  caller: req.caller,
  loaders: {
    lines: new DataLoader(BATCHES.lines),
    product: new DataLoader(BATCHES.product),
    category: new DataLoader(BATCHES.category),
  },
})

const app = express()
app.disable('x-powered-by')
app.use(edge)
app.use('/graphql', express.json({ limit: '1mb' }), expressMiddleware(server, { context }))
app.use((error, request, response, _next) => {
  const status = error.status ?? 500
  if (status === 500) logger.error(error)
  response.status(status).json({ errors: [{ message: error.message }] })
})

app.listen(PORT, '127.0.0.1', () => ready('Apollo'))
