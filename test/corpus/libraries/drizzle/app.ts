import { drizzle } from 'drizzle-orm/sqlite-proxy'
import { defineApp, defineBindings, sql } from 'unmoor'
import { createCallback } from 'unmoor/drizzle'
import { answer, schema } from './users.ts'

const bindings = defineBindings({ db: sql({ migrations: './migrations' }) })

export default defineApp({
  bindings,
  fetch: (request, env) => answer(request, drizzle(createCallback(env.db), { schema })),
})
