// Express middleware for the REST peer and for Apollo's.

import compression from 'compression'
import { ipKeyGenerator, rateLimit } from 'express-rate-limit'
import helmet from 'helmet'
import { pinoHttp } from 'pino-http'
import { RedisStore } from 'rate-limit-redis'
import {
  COMPRESSED_FROM, QUOTA, QUOTA_MS, authenticate, logger, redis, requestId,
} from './common.js'

// Exactly the headers of Tandem's answers.
const self = ["'self'"]
const HELMET = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"], scriptSrc: self, styleSrc: self, connectSrc: self, workerSrc: self,
      fontSrc: ["'self'", 'data:'], imgSrc: ["'self'", 'data:'], baseUri: ["'none'"],
      formAction: ["'none'"], frameAncestors: ["'none'"],
    },
  },
  crossOriginOpenerPolicy: { policy: 'same-origin' },
  crossOriginResourcePolicy: { policy: 'same-origin' },
  referrerPolicy: { policy: 'no-referrer' },
  strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: false },
  xContentTypeOptions: true,
  xFrameOptions: { action: 'deny' },
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
}

const log = pinoHttp({
  logger,
  genReqId: (request, response) => {
    const id = requestId(request.headers['x-request-id'])
    response.setHeader('X-Request-Id', id)
    return id
  },
  quietReqLogger: true,
  serializers: {
    req: ({ method, url }) => ({ method, url }),
    res: ({ statusCode }) => ({ status: statusCode }),
  },
})

async function caller(request, _, next) {
  request.caller = await authenticate(request.headers.authorization)
  next()
}

const quota = rateLimit({
  windowMs: QUOTA_MS,
  limit: QUOTA,
  standardHeaders: 'draft-8',
  legacyHeaders: true,
  keyGenerator: ({ caller, ip }) => caller?.sub ?? ipKeyGenerator(ip),
  store: new RedisStore({ sendCommand: (command, ...rest) => redis.call(command, ...rest) }),
})

/** All middleware before a handler, in order. */
export const edge = [
  log, helmet(HELMET), compression({ threshold: COMPRESSED_FROM }), caller, quota,
]
