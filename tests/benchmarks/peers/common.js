// Shared by every peer: connections to PostgreSQL and Redis, the caller, and the parts of every
// answer. Each follows the libraries' own recommendations for production.

import { createSecretKey, randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import jwt from 'jsonwebtoken'
import pg from 'pg'
import pino from 'pino'

export const PORT = Number(process.env.PORT)
export const QUOTA = 100_000_000 // charged like every call, and never refused
export const QUOTA_MS = 900_000
export const COMPRESSED_FROM = 1024
const POOL = 20 // as many as Tandem's

// PGHOST, PGUSER and PGDATABASE name the database.
export const pool = new pg.Pool({ max: POOL })
// Commands of one turn of the event loop are sent together.
export const redis = new Redis(process.env.REDIS_URL, { enableAutoPipelining: true })

// Lines are written in batches, as pino recommends for speed.
export const logger = pino(
  { base: null, timestamp: pino.stdTimeFunctions.isoTime },
  pino.destination({ fd: 1, sync: false, minLength: 4096 }),
)

// jsonwebtoken has no EdDSA. A string would become a key object again for every token.
const secret = createSecretKey(Buffer.from(process.env.JWT_SECRET, 'hex'))
const VERIFY = {
  algorithms: ['HS256'], issuer: process.env.JWT_ISSUER, audience: process.env.JWT_AUDIENCE,
}

export class HttpError extends Error {
  constructor(status, code, message) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** The caller: the claims of the token, null without one. A revoked token is refused. */
export async function authenticate(authorization) {
  if (!authorization) return null
  let claims
  try {
    claims = jwt.verify(authorization.replace(/^Bearer /, ''), secret, VERIFY)
  } catch {
    throw new HttpError(401, 'UNAUTHENTICATED', 'Send a valid token.')
  }
  if (await redis.exists(`revoked:${claims.sid}`)) {
    throw new HttpError(401, 'TOKEN_REVOKED', 'The session has ended.')
  }
  return claims
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/
export const requestId = (given) =>
  given !== undefined && REQUEST_ID.test(given) ? given : randomUUID()

export function ready(name) {
  process.once('SIGTERM', () => process.exit(0))
  logger.info({ node: process.version, port: PORT }, `${name} serves`)
}
