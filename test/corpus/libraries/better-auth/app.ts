import { defineApp, defineBindings, sql, variable } from 'unmoor'
import { createDialect } from 'unmoor/kysely'
import { answer } from './auth.ts'

const bindings = defineBindings({
  db: sql({ migrations: './migrations' }),
  BETTER_AUTH_SECRET: variable(),
})

export default defineApp({
  bindings,
  fetch: (request, env) => answer(request, createDialect(env.db), env.BETTER_AUTH_SECRET),
})
