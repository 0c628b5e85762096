import { defineApp, defineBindings, sql } from 'unmoor'
import { createDialect } from 'unmoor/kysely'
import { answer } from './people.ts'

const bindings = defineBindings({ db: sql({ migrations: './migrations' }) })

export default defineApp({ bindings, fetch: (request, env) => answer(request, createDialect(env.db)) })
