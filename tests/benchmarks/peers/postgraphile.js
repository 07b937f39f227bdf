// GraphQL: PostGraphile 5 on Fastify 5. Its schema comes from the tables; two root fields and the
// stock are written here, so that it answers the same queries as the others.

import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { connection, context, lambda } from 'postgraphile/grafast'
import { grafserv } from 'postgraphile/grafserv/fastify/v5'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { extendSchema } from 'postgraphile/utils'
import { PORT, pool, ready } from './common.js'
import { edge } from './plugins.js'

const shop = extendSchema((build) => {
  const { orders, products, categories, stock } = build.input.pgRegistry.pgResources
  const { TYPES } = build.dataplanPg
  const newestFirst = ($rows) => {
    for (const attribute of ['created_at', 'id']) {
      $rows.orderBy({ attribute, direction: 'DESC' })
    }
    return $rows
  }
  return {
    typeDefs: `
      extend type Query {
        orders: OrderConnection
        productsOf(category: String!): ProductConnection
      }
      extend type Product { stock: Int! }
    `,
    objects: {
      Query: {
        plans: {
          orders() {
            const $orders = newestFirst(orders.find({ customer_id: context().get('userId') }))
            return connection($orders)
          },
          productsOf(_, { $category }) {
            const $shelf = categories.get({ slug: $category })
            const $products = products.find({ category_id: $shelf.get('id') })
            $products.where(build.sql`${$products}.is_active`)
            return connection(newestFirst($products))
          },
        },
      },
      Product: {
        plans: {
          stock($product) {
            const $stock = stock.get({ product_id: $product.get('id') })
            return lambda(
              [$stock.get('on_hand'), $stock.get('held')], ([onHand, held]) => onHand - held, true)
          },
        },
      },
    },
  }
})

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [shop],
  disablePlugins: ['NodePlugin'], // so that ids are the tables'
  schema: { defaultBehavior: '+list' },
  pgServices: [makePgService({ pool, schemas: ['public'], pubsub: false })],
  grafast: {
    context: ({ fastifyv5 }) => ({ userId: fastifyv5.request.caller?.sub ?? null }),
    explain: false,
  },
  grafserv: { watch: false, graphiql: false },
}

const app = await edge()
const pgl = postgraphile(preset)
await pgl.createServ(grafserv).addTo(app)
if (process.argv[2] === '--schema') {
  const { printSchema } = await import('graphql')
  console.log(printSchema(await pgl.getSchema()))
  process.exit(0)
}
await app.listen({ host: '127.0.0.1', port: PORT })
ready('PostGraphile')
