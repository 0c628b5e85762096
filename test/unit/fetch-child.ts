/**
 * Collects garbage while calls are under way whose Requests nobody holds, aborts them, and prints what became
 * of each as JSON. Run with `--expose-gc`, and `node` or `lambda` for whose globals are asked.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const { installGlobals } = await (process.argv[2] === 'lambda'
  ? import('../../adapters/lambda/runtime/globals.ts')
  : import('../../adapters/node-server/runtime/http/globals.ts'))
installGlobals()

const server = createServer((request, response) => {
  if (request.url === '/body') response.write('half')
}).listen(0, '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`

const CALLS: Readonly<Record<string, (signal: AbortSignal) => Promise<unknown>>> = {
  'an init': (signal) => fetch(url, { signal }),
  'a Request': (signal) => fetch(new Request(url, { signal })),
  'a Request of a Request': (signal) =>
    fetch(new Request(new Request(url, { signal }), { headers: { a: 'b' } })),
  'a clone': (signal) => fetch(new Request(url, { signal }).clone()),
  'headers of a connection': (signal) => fetch(url, { signal, headers: { 'keep-alive': '1' } }),
  'signals together': (signal) =>
    fetch(new Request(url, { signal: AbortSignal.any([signal, new AbortController().signal]) })),
  'a body': async (signal) => {
    const { body } = await fetch(new Request(`${url}body`, { signal }))
    const reader = (body as ReadableStream<Uint8Array>).getReader()
    for (;;) if ((await reader.read()).done) return
  },
}

const outcomes: Record<string, string> = {}
for (const [name, call] of Object.entries(CALLS)) {
  const controller = new AbortController()
  const requested = new Promise((resolve) => server.once('request', resolve))
  const outcome = call(controller.signal).then(
    () => 'answered',
    (error: Error) => error.name,
  )
  await requested
  for (let time = 0; time < 5; time++) {
    ;(globalThis as { gc?: () => void }).gc?.()
    await sleep(5)
  }
  controller.abort()
  outcomes[name] = await Promise.race([outcome, sleep(5000, 'never heard of the abort')])
}
console.log(JSON.stringify(outcomes))
process.exit(0)
