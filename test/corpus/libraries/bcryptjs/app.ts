import bcrypt from 'bcryptjs'
import { defineApp } from 'unmoor'

export default defineApp({
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    const password = searchParams.get('password') ?? ''
    switch (pathname) {
      case '/hash': {
        const hash = await bcrypt.hash(password, await bcrypt.genSalt(4))
        return Response.json({
          rounds: bcrypt.getRounds(hash),
          matches: await bcrypt.compare(password, hash),
        })
      }
      case '/salted':
        return new Response(bcrypt.hashSync(password, '$2b$04$abcdefghijklmnopqrstuu'))
      case '/compare':
        return Response.json(await bcrypt.compare(password, searchParams.get('hash') ?? ''))
      default:
        return bcrypt.hash(password, 'no salt').then(
          () => new Response('no error', { status: 500 }),
          (error: Error) => new Response(`${error.name}: ${error.message}`, { status: 400 }),
        )
    }
  },
})
