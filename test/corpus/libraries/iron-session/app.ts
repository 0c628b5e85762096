import { getIronSession, sealData, unsealData } from 'iron-session'
import { defineApp, defineBindings, variable } from 'unmoor'

const bindings = defineBindings({ SESSION_PASSWORD: variable() })

interface Session {
  user?: string
  visits?: number
}

export default defineApp({
  bindings,
  async fetch(request, env) {
    const options = {
      password: env.SESSION_PASSWORD,
      cookieName: 'session',
      cookieOptions: { secure: false },
    }
    const response = new Response(null, { status: 204 })
    const session = await getIronSession<Session>(request, response, options)
    switch (new URL(request.url).pathname) {
      case '/login':
        session.user = 'ada'
        session.visits = 1
        await session.save()
        return response
      case '/me':
        return Response.json({ user: session.user ?? null, visits: session.visits ?? 0 })
      case '/logout':
        session.destroy()
        return response
      case '/seal':
        return new Response(await sealData({ to: 'bob', list: [1, 'ä'] }, { password: env.SESSION_PASSWORD }))
      default:
        return Response.json(await unsealData(await request.text(), { password: env.SESSION_PASSWORD }))
    }
  },
})
