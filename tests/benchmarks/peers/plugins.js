// Fastify plugins for the peers of Mercurius and PostGraphile.

import compress from '@fastify/compress'
import rateLimit from '@fastify/rate-limit'
import Fastify, { LogController } from 'fastify'
import {
  COMPRESSED_FROM, QUOTA, QUOTA_MS, authenticate, logger, redis, requestId,
} from './common.js'

// Fastify's own helmet makes these anew for every request.
const SELF = "'self'"
const STANDING = {
  'Content-Security-Policy': `default-src 'none'; script-src ${SELF}; style-src ${SELF}; ` +
    `connect-src ${SELF}; worker-src ${SELF}; font-src ${SELF} data:; img-src ${SELF} data:; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': 'max-age=31536000',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}

/** A Fastify with all plugins before a handler. */
export async function edge() {
  const app = Fastify({
    loggerInstance: logger,
    // Fastify's own logging writes two lines for each request; one is enough.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: (request) => requestId(request.headers['x-request-id']),
  })
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(STANDING).header('X-Request-Id', request.id)
    request.caller = await authenticate(request.headers.authorization)
  })
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      { method: request.method, url: request.url, status: reply.statusCode,
        ms: reply.elapsedTime },
      'request completed',
    )
  })
  app.decorateRequest('caller', null)
  await app.register(rateLimit, {
    max: QUOTA, timeWindow: QUOTA_MS, redis,
    keyGenerator: (request) => request.caller?.sub ?? request.ip,
  })
  await app.register(compress, { threshold: COMPRESSED_FROM })
  return app
}
