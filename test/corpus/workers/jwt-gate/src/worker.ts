import { AutoRouter, error, json, type IRequest } from 'itty-router'
import { exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { JWSSignatureVerificationFailed } from 'jose/errors'

interface Env {
  JWT_SECRET: string
  ISSUER: string
  ALLOWED: string[]
  LIMITS: { ttl: number }
}

const secret = (env: Env) => new TextEncoder().encode(env.JWT_SECRET)

const router = AutoRouter<IRequest, [Env, ExecutionContext]>({
  catch: (thrown) =>
    thrown instanceof JWSSignatureVerificationFailed
      ? error(401, { code: thrown.code })
      : error((thrown as { status?: number }).status ?? 500, (thrown as Error).message),
})

const withUser = async (request: IRequest, env: Env) => {
  const token = request.headers.get('authorization')?.replace(/^Bearer /, '')
  if (!token) return error(401, 'no token')
  const { payload } = await jwtVerify(token, secret(env), { issuer: env.ISSUER })
  if (!env.ALLOWED.includes(String(payload.role))) return error(403, `${payload.role} may not`)
  request.user = payload
}

router
  .post('/token', async (request, env) => {
    const { name, role } = (await request.json()) as { name: string; role: string }
    const jwt = await new SignJWT({ role })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(name)
      .setIssuer(env.ISSUER)
      .setIssuedAt(1_700_000_000)
      .sign(secret(env))
    return { jwt, ttl: env.LIMITS.ttl }
  })
  .get('/me', withUser, ({ user }) => ({ user }))
  .get('/keys', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    const jws = await new SignJWT({ a: 1 }).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
    const { payload } = await jwtVerify(jws, publicKey)
    const { kty, crv } = await exportJWK(publicKey)
    return { payload, kty, crv }
  })
  .all('*', () => json({ error: 'nothing' }, { status: 404 }))

export default { ...router }
