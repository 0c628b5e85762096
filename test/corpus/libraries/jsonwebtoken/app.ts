import jwt from 'jsonwebtoken'
import { defineApp, defineBindings, variable } from 'unmoor'

const bindings = defineBindings({ JWT_SECRET: variable() })

export default defineApp({
  bindings,
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/sign')
      return new Response(
        jwt.sign({ foo: 'bar', iat: 1_700_000_000 }, env.JWT_SECRET, {
          algorithm: (searchParams.get('alg') ?? 'HS256') as 'HS256',
          subject: 'ada',
        }),
      )
    const token = searchParams.get('token') ?? ''
    if (pathname === '/decode') return Response.json(jwt.decode(token, { complete: true }))
    try {
      const asked = new Promise((resolve, reject) => {
        jwt.verify(
          token,
          env.JWT_SECRET,
          { maxAge: searchParams.get('maxAge') ?? '100y' },
          (error, decoded) => (error === null ? resolve(decoded) : reject(error)),
        )
      })
      return Response.json(await asked)
    } catch (error) {
      if (!(error instanceof jwt.JsonWebTokenError)) throw error
      return Response.json(
        { name: error.name, of: error.constructor.name, message: error.message },
        { status: 401 },
      )
    }
  },
})
