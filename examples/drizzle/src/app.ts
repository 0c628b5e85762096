import { DrizzleQueryError } from 'drizzle-orm'
import { defineApp, defineBindings, isUnmoorError, sql } from 'unmoor'
import { createTasks, type Task } from './tasks.ts'

const bindings = defineBindings({ db: sql({ migrations: './migrations' }) })

export default defineApp({
  bindings,
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url)
    try {
      if (request.method === 'POST' && pathname === '/tasks') {
        const { id, title, due, tags } = (await request.json()) as Pick<Task, 'id' | 'title' | 'tags'> & {
          due?: string
        }
        await createTasks(env.db).add({
          id,
          title,
          tags,
          done: false,
          due: due === undefined ? null : new Date(due),
        })
        return new Response(null, { status: 201 })
      }
      if (pathname === '/overdue')
        return Response.json(
          await createTasks(env.db).overdue(new Date(searchParams.get('now') ?? Date.now())),
        )
      const [, id, other] = /^\/swap\/(\w+)\/(\w+)$/.exec(pathname) ?? []
      if (id === undefined || other === undefined) return new Response('Not Found', { status: 404 })
      // Both or neither: a transaction of the binding, with the same queries on it.
      // unmoor-ignore sql-transaction: where there is none, the answer below is a 501
      const done = await env.db.transaction(async (transaction) => {
        const tasks = createTasks(transaction)
        const both = [await tasks.finish(id), await tasks.finish(other)]
        if (both.includes(undefined)) throw new RangeError('There is no such task.')
        return both
      })
      return Response.json(done)
    } catch (error) {
      // Drizzle wraps errors of the binding in its own error, as its cause.
      const cause = error instanceof DrizzleQueryError ? error.cause : error
      if (isUnmoorError(cause, 'AlreadyExists')) return new Response('There is such a task.', { status: 409 })
      if (isUnmoorError(cause, 'Unsupported')) return new Response(cause.message, { status: 501 })
      if (cause instanceof RangeError) return new Response(cause.message, { status: 404 })
      throw error
    }
  },
})
