/** Source of an app for deploys, which tells its code by a text that stays in the bundle. */
export function deployedApp(text: string, { bindings = '', more = '' } = {}): string {
  return `
import { defineApp, defineBindings, kv, queue, secret, sockets, sql, variable } from 'unmoor'
export default defineApp({
  bindings: defineBindings({ ${bindings} }),
  fetch: () => new Response('${text}'),
  ${more}
})
void [kv, queue, secret, sockets, sql, variable]
`
}

/** The last line of a command with \`--reporter json\`. */
export function resultOf<Result>(stdout: string): Result {
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Result
}
