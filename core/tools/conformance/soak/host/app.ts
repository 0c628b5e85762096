/**
 * Source of the app that the soak of `unmoor host` deploys again and again, as a project's one file. `POST
 * /kv` reads and writes, `POST /echo` returns the length of its body, `/loop` never ends.
 */
export const SOAK_APP = `
import { defineApp, defineBindings, kv, variable } from 'unmoor'
const bindings = defineBindings({ word: variable(), store: kv() })
let count = 0
export default defineApp({
  bindings,
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    if (pathname === '/kv') {
      await env.store.put('key', await request.text())
      return new Response(env.word + ' ' + (await env.store.get('key') === null ? 'lost' : 'kept'))
    }
    if (pathname === '/echo') return new Response(env.word + ' ' + (await request.text()).length)
    if (pathname === '/loop') for (;;) count++
    return new Response(env.word + ' hello')
  },
})
`
