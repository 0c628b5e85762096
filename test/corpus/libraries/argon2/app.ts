import argon2 from 'argon2'
import { defineApp } from 'unmoor'

const salt = Buffer.from('a salt of 16 byt')
const light = { memoryCost: 1024, timeCost: 2, parallelism: 1 }

export default defineApp({
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    const password = searchParams.get('password') ?? ''
    switch (pathname) {
      case '/hash': {
        const hash = await argon2.hash(password, light)
        return Response.json({ kind: hash.slice(0, 30), verified: await argon2.verify(hash, password) })
      }
      case '/salted':
        return new Response(await argon2.hash(password, { ...light, salt }))
      case '/raw': {
        const raw = { ...light, salt, type: argon2.argon2i, hashLength: 24, raw: true } as const
        return new Response(new Uint8Array(await argon2.hash(password, raw)))
      }
      case '/verify':
        return Response.json(await argon2.verify(searchParams.get('hash') ?? '', password))
      case '/rehash':
        return Response.json(argon2.needsRehash(searchParams.get('hash') ?? '', { ...light, timeCost: 3 }))
      default:
        return argon2.verify('not a hash', password).then(
          () => new Response('no error'),
          (error: Error) => new Response(error.name, { status: 400 }),
        )
    }
  },
})
