import { defineApp, defineBindings, kv } from 'unmoor'
import { resolveLink } from './resolve-link.ts'

export default defineApp({
  bindings: defineBindings({ links: kv() }),
  fetch: (request, env) => resolveLink(request, env.links),
})
