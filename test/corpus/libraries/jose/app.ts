import { Hono } from 'hono'
import * as jose from 'jose'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ JWT_SECRET: variable() })
const app = new Hono<{ Bindings: Env<typeof bindings> }>()

const jwk = {
  kty: 'EC',
  crv: 'P-256',
  x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
  d: '870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE',
}

app.get('/hs256', async (c) => {
  const secret = new TextEncoder().encode(c.env.JWT_SECRET)
  const token = await new jose.SignJWT({ 'urn:example:claim': true })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt(1_700_000_000)
    .setIssuer('urn:example:issuer')
    .setExpirationTime(4_102_444_800)
    .sign(secret)
  return c.text(token)
})
app.get('/verify', async (c) => {
  try {
    const { payload, protectedHeader } = await jose.jwtVerify(
      c.req.query('token') ?? '',
      new TextEncoder().encode(c.env.JWT_SECRET),
      { issuer: c.req.query('issuer') ?? 'urn:example:issuer' },
    )
    return c.json({ payload, protectedHeader })
  } catch (error) {
    if (!(error instanceof jose.errors.JOSEError)) throw error
    return c.json(
      { name: error.name, of: error.constructor.name, code: error.code, message: error.message },
      401,
    )
  }
})
app.get('/es256', async (c) => {
  const key = await jose.importJWK(jwk, 'ES256')
  const token = await new jose.SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'ES256' }).sign(key)
  const keys = jose.createLocalJWKSet({ keys: [{ kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y }] })
  const { payload } = await jose.jwtVerify(token, keys)
  return c.json({ payload, thumbprint: await jose.calculateJwkThumbprint(jwk) })
})
app.get('/jwe', async (c) => {
  const secret = jose.base64url.decode('zH4NRP1HMALxxCFnRZABFA7GOJtzU_gIj02alfL1lvI')
  const token = await new jose.EncryptJWT({ secret: 'message' })
    .setProtectedHeader({ alg: 'dir', enc: 'A128CBC-HS256' })
    .encrypt(secret)
  return c.json((await jose.jwtDecrypt(token, secret)).payload)
})
app.get('/pem', async (c) => {
  const { privateKey } = await jose.generateKeyPair('RS256', { extractable: true })
  const pem = await jose.exportPKCS8(privateKey)
  const key = await jose.importPKCS8(pem, 'RS256')
  return c.json({ begin: pem.split('\n')[0], algorithm: key.algorithm.name })
})

export default defineApp({ bindings, fetch: app.fetch })
