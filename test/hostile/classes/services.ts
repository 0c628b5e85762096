import { type AttackClass, boundedBy, harmful } from '../attack.ts'
import { byCode, judgeAnswer, named } from '../judge.ts'

/** Calls that do not end by themselves. */
const LOOPS: Readonly<Record<string, string>> = {
  'an app that calls itself': `globalThis.again = (env) => env.itself.fetch('https://x/', { method: 'POST', body: 'return globalThis.again(env)' }).then(async (answer) => (await answer.json()).value, (error) => error.message); return globalThis.again(env)`,
  'an app that calls itself twice each time': `globalThis.again = (env) => Promise.all([1, 2].map(() => env.itself.fetch('https://x/', { method: 'POST', body: 'return globalThis.again(env)' }).then((answer) => answer.text(), (error) => error.message))).then(String); return globalThis.again(env)`,
  'an app that calls itself and does not wait': `const calls = Array.from({ length: 200 }, () => env.itself.fetch('https://x/', { method: 'POST', body: 'await new Promise((resolve) => setTimeout(resolve, 500))' }).then(String, (error) => error.message)); return (await Promise.all(calls)).find((text) => text.includes('limit'))`,
  'calls whose bodies do not end': `const calls = Array.from({ length: 60 }, () => env.itself.fetch('https://x/', { method: 'POST', duplex: 'half', body: new ReadableStream({ pull: () => new Promise((resolve) => setTimeout(resolve, 3000)) }), signal: AbortSignal.timeout(1500) }).then(String, (error) => error.message)); return (await Promise.all(calls)).find((text) => text.includes('limit'))`,
  'calls in waitUntil': `globalThis.again = (env, ctx) => ctx.waitUntil(env.itself.fetch('https://x/', { method: 'POST', body: 'globalThis.again(env, ctx); await new Promise((resolve) => setTimeout(resolve, 2000)); return 1' }).catch((error) => { globalThis.seen = error.message })); globalThis.again(env, ctx); for (let time = 0; time < 80 && globalThis.seen === undefined; time++) await new Promise((resolve) => setTimeout(resolve, 50)); return globalThis.seen`,
} // prettier-ignore

const CALLS: Readonly<Record<string, string>> = {
  'another app by its URL': `return (await env.itself.fetch('http://neighbour.localhost/')).text()`,
  'another app by its Host': `return (await env.itself.fetch('http://x/', { headers: { host: 'neighbour.localhost', 'x-app': 'neighbour' } })).text()`,
  'the admin port by a path': `return (await env.itself.fetch('http://admin/v1/apps')).text()`,
  'a scheme of files': `return env.itself.fetch('file:///etc/passwd').then((answer) => answer.text())`,
  'a field that hosts sign': `return (await env.itself.fetch('http://x/', { headers: { 'unmoor-host-forward': 'neighbour 1 1 x', 'unmoor-host-peer': '1.1.1.1 1' } })).text()`,
  'a request made up': `return env.itself.fetch(Object.assign(Object.create(Request.prototype), { url: 'http://neighbour/', method: 'GET' })).then((answer) => answer.text())`,
  'a method that is none': `return env.itself.fetch('http://x/', { method: 'A B\\r\\nC' }).then((answer) => answer.text())`,
  'a tunnel': `return env.itself.fetch('http://x/', { method: 'CONNECT' }).then((answer) => answer.text())`,
  'a body that breaks': `return env.itself.fetch('http://x/', { method: 'POST', duplex: 'half', body: new ReadableStream({ pull() { throw new Error('broken') } }) }).then((answer) => answer.text())`,
  'a call that is given up': `const c = new AbortController(); const call = env.itself.fetch('http://x/', { method: 'POST', body: 'await new Promise((r) => setTimeout(r, 300))', signal: c.signal }); c.abort(); return call.then((answer) => answer.text())`,
  'an answer that is read twice': `const answer = await env.itself.fetch('http://x/'); await answer.text(); return answer.text()`,
  'the end of itself in a call': `return env.itself.fetch('http://x/', { method: 'POST', body: 'for (;;);' }).then((answer) => answer.text())`,
  'an answer without end': `const answer = await env.itself.fetch('http://x/', { method: 'POST', body: 'return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)) } }))' }); const reader = answer.body.getReader(); for (let i = 0; i < 20; i++) await reader.read(); await reader.cancel(); return 1`,
  'headers without end': `return env.itself.fetch('http://x/', { headers: Object.fromEntries(Array.from({ length: 2000 }, (_, i) => ['x-' + i, 'v'.repeat(100)])) }).then((answer) => answer.text())`,
} // prettier-ignore

/** Calls of one app to another, or to itself. */
export const services: AttackClass = {
  name: 'services',
  promise: 'A service call reaches the app that the operator allows, and so many are open at once.',
  tenant: { build: 'lab', limits: { serviceCalls: 20, cpuMs: 1000, wallTimeout: 60 } },
  perApp: 1,
  attacks: [
    ...named('without end', LOOPS, (name, code) =>
      byCode(name, code, (app, { status, text }) =>
        text.includes('limit of serviceCalls')
          ? boundedBy(app, 'serviceCalls')
          : harmful(`${status} ${text.slice(0, 200)}`),
      ),
    ),
    ...named('a call', CALLS, (name, code) =>
      byCode(name, code, (app, answer) =>
        answer.text.includes('neighbour /') ? harmful('another app answered') : judgeAnswer(app, answer),
      ),
    ),
  ],
  hole: {
    is: 'any number of calls may be open',
    file: 'adapters/isolate/host/worker/tenant-parts.js',
    from: 'if (this.#calls >= serviceCalls) {',
    to: 'if (this.#calls >= 50 * serviceCalls) {',
    attacks: [
      'without end: an app that calls itself and does not wait',
      'without end: calls whose bodies do not end',
    ],
    why: /^\d+ /,
  },
}
