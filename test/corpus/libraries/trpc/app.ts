import { initTRPC, TRPCError } from '@trpc/server'
import { fetchRequestHandler } from '@trpc/server/adapters/fetch'
import { z } from 'zod'
import { defineApp } from 'unmoor'

interface Context {
  user: string | null
}

const t = initTRPC.context<Context>().create({ sse: { ping: { enabled: false } } })
const authed = t.procedure.use(({ ctx, next }) => {
  if (ctx.user === null) throw new TRPCError({ code: 'UNAUTHORIZED', message: 'Log in first' })
  return next({ ctx: { user: ctx.user } })
})

const appRouter = t.router({
  hello: t.procedure.input(z.object({ name: z.string() })).query(({ input }) => `Hello ${input.name}`),
  me: authed.query(({ ctx }) => ({ user: ctx.user })),
  add: t.procedure
    .input(z.object({ title: z.string().min(2) }))
    .mutation(({ input }) => ({ id: 1, title: input.title })),
  upload: t.procedure.input(z.instanceof(FormData)).mutation(({ input }) => [...input.keys()]),
  fails: t.procedure.query(() => {
    throw new RangeError('too much')
  }),
  count: t.procedure.subscription(async function* () {
    for (let number = 0; number < 3; number++) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      yield number
    }
  }),
})

export type AppRouter = typeof appRouter

export default defineApp({
  fetch: (request) =>
    fetchRequestHandler({
      endpoint: '/trpc',
      req: request,
      router: appRouter,
      createContext: ({ req }) => ({ user: req.headers.get('x-user') }),
      responseMeta: ({ type }) => (type === 'query' ? { headers: { 'cache-control': 's-maxage=1' } } : {}),
    }),
})
