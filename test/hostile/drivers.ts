/** What the classes of attacks on drivers of a server have in common. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { HostConfig } from '../../adapters/isolate/host/index.ts'
import { type Attack, harmful, type Outcome } from './attack.ts'
import type { Tenant } from './cast.ts'
import { judgeAnswer } from './judge.ts'
import { database, server, type ServerName, serverLacks } from './servers.ts'
import { CANARY, type World } from './world.ts'

/** The host of all these classes. Where Postgres answers, apps' data is there unless they say otherwise. */
export async function driversHost(): Promise<Partial<HostConfig>> {
  if ((await serverLacks('postgres')) !== undefined) return {}
  const { options } = await database()
  const spec = { driver: 'postgres', url: options['url'] as string }
  const few = { ...spec, max: 2 }
  return { drivers: { sql: spec, kv: few, queue: few, blob: few } }
}

/** A tenant whose bindings are on a server. */
export async function tenantOn(
  name: Exclude<ServerName, 'postgres'>,
  bindings: readonly string[],
): Promise<Tenant> {
  const { options, variables } = await server(name)
  const drivers = Object.fromEntries(bindings.map((binding) => [binding, { driver: name, ...options }]))
  return {
    build: 'lab',
    limits: { cpuMs: 5000, wallTimeout: 120 },
    drivers,
    variables,
  }
}

/** The app that others are after: its values are the canary. */
export const victimOf = (name: ServerName): string => `${name}-victim`

/** Stores the canary for the victim, by the statements of `code`. */
export async function fillVictim(world: World, name: ServerName, code: string): Promise<void> {
  await world.lab.run(victimOf(name), `const CANARY = '${CANARY}'; ${code}`)
}

/** Keys that lead elsewhere where an app's name is one part of a longer name. */
export const keysAt = (name: ServerName, binding: string): Readonly<Record<string, string>> => {
  const victim = victimOf(name)
  return {
    'the victim’s own key': 'canary', 'its whole name': `${victim}/${binding}/canary`, 'its name on Redis': `unmoor:{${victim}/${binding}}:kv:canary`, 'its name above': `../${victim}/${binding}/canary`, 'its name two above': `../../${victim}/${binding}/canary`, 'its encoded name': `..%2F..%2F${victim}%2F${binding}%2Fcanary`, 'the end of a hash tag': `}:kv:canary`, 'another hash tag': `{${victim}/${binding}}:kv:canary`,
    'a star': '*', 'a question mark': '?anary', 'a set of letters': '[c]anary', 'a pattern of LIKE': 'can%', 'a quote': `canary' OR '1'='1`, 'a statement': `'; DELETE FROM unmoor_kv; --`, 'a command': `x\r\nFLUSHALL\r\n`, 'a zero': `canary\0`, 'a backslash': 'canary\\', 'a prototype': '__proto__', 'half a character': '\ud800', 'the last character': '\u{10FFFF}canary', 'a key of the greatest length': 'k'.repeat(480), 'a slash': '/canary', 'a delimiter twice': 'a//canary', 'a dot': './canary', 'a query': 'canary?versionId=null', 'a fragment': 'canary#x',
  } // prettier-ignore
}

/** How each kind of binding is used by a key; VALUE is what is stored. */
const USES: Readonly<Record<string, string>> = {
  kv: `[await settle(() => env.kv.get(name)), await settle(async () => JSON.stringify([...(await env.kv.getMany?.([name]) ?? [])])), await settle(async () => JSON.stringify(await env.kv.list({ prefix: name }))), await settle(() => env.kv.put(name, 'mine', { metadata: { of: name } })), await settle(() => env.kv.get(name)), await settle(() => env.kv.delete(name))]`,
  files: `[await settle(async () => (await env.files.get(name))?.text()), await settle(async () => JSON.stringify(await env.files.list({ prefix: name, delimiter: '/' }))), await settle(() => env.files.put(name, 'mine', { customMetadata: { of: 'mine' } })), await settle(async () => (await env.files.get(name))?.text()), await settle(() => env.files.delete(name))]`,
  pages: `[await settle(async () => (await env.pages.match('https://canary.example/' + encodeURIComponent(name)))?.text()), await settle(() => env.pages.put('https://canary.example/' + encodeURIComponent(name), new Response('mine', { headers: { 'cache-control': 'max-age=600' } }))), await settle(async () => (await env.pages.match('https://canary.example/'))?.text())]`,
}

/** Reads, lists, stores and deletes under a key; the victim has all that it had. */
export function byKeys(name: ServerName, binding: string): Attack[] {
  const victim = victimOf(name)
  return Object.entries(keysAt(name, binding)).map(([what, key]) => ({
    name: `${binding}: a key that is ${what}`,
    async run(world, app) {
      const answer = await world.code(
        app,
        `const name = ${JSON.stringify(key)}; const settle = async (work) => { try { return await work() } catch (error) { return 'refused ' + (error.code ?? error.name) } }; return ${USES[binding]}`,
      )
      if (/refused Internal/.test(answer.text)) return harmful(answer.text.slice(0, 300))
      return (await missing(world, victim, binding)) ?? judgeAnswer(app, answer)
    },
  }))
}

const READS: Readonly<Record<string, string>> = {
  kv: `env.kv.get('canary')`,
  files: `(await env.files.get('canary'))?.text()`,
  pages: `(await env.pages.match('https://canary.example/canary'))?.text()`,
}

async function missing(world: World, victim: string, binding: string): Promise<Outcome | undefined> {
  const value = await world.lab.run(victim, `return await ${READS[binding]}`)
  return value === CANARY ? undefined : harmful(`the victim's ${binding} has ${JSON.stringify(value)}`)
}

/** What a tenant sends to its queue. */
const SENT: Readonly<Record<string, string>> = {
  'plain messages': `for (let i = 0; i < 20; i++) await env.jobs.send({ i })`,
  'batches': `for (let i = 0; i < 5; i++) await env.jobs.sendBatch(Array.from({ length: 20 }, (_, i) => ({ body: { i } })))`,
  'the largest messages': `for (let i = 0; i < 5; i++) await env.jobs.send('x'.repeat(120_000))`,
  'messages that are too large': `await env.jobs.send('x'.repeat(3e6)).catch(() => {})`,
  'texts of a protocol': `for (const text of ['\\r\\nPUB unmoor.> 1\\r\\nx\\r\\n', 'NATS/1.0\\r\\nNats-Rollup: all\\r\\n\\r\\n', '*1\\r\\n$8\\r\\nFLUSHALL\\r\\n', "'; DELETE FROM unmoor_messages; --"]) await env.jobs.send(text)`,
  'a prototype': `await env.jobs.send(JSON.parse('{"__proto__":{"leak":1}}'))`,
  'delays that are none': `for (const delaySeconds of [-1, NaN, 1e12, '5']) await env.jobs.send({}, { delaySeconds }).catch(() => {})`,
  'delays': `for (let i = 0; i < 20; i++) await env.jobs.send({ i }, { delaySeconds: 600 })`,
  'kinds of content that are none': `for (const contentType of ['x', 'a\\r\\nb', '__proto__', {}]) await env.jobs.send('x', { contentType }).catch(() => {})`,
  'messages that always fail': `for (let i = 0; i < 5; i++) await env.jobs.send({ code: 'throw new Error("again")' })`,
  'messages that are never done': `await env.jobs.send({ code: 'await new Promise(() => {})' })`,
  'messages that settle others’': `await env.jobs.send({ code: 'for (const one of batch.messages) { one.ack(); one.retry({ delaySeconds: 60 }); one.id = "1"; one.ack() } batch.retryAll(); batch.ackAll()' })`,
  'bytes': `await env.jobs.send(new Uint8Array(1000)).catch(() => {}); await env.jobs.send(new Map([['a', new Set([1])]])).catch(() => {})`,
} // prettier-ignore

let messages = 0

/** The victim's messages reach the victim, each one, and nobody else, while a tenant sends what it likes. */
export function byQueues(name: ServerName): Attack[] {
  return Object.entries(SENT).map(([what, code]) => ({
    name: `queue: ${what}`,
    async run(world, app) {
      const ids = Array.from({ length: 5 }, () => `got-${++messages}`)
      const send = (id: string): Promise<unknown> =>
        world.lab.run(victimOf(name), `await env.jobs.send({ code: "await env.kv.put('${id}', '1')" })`)
      const [answer] = await Promise.all([world.code(app, code), ...ids.map(send)])
      for (const id of ids)
        while ((await world.lab.run(victimOf(name), `return await env.kv.get('${id}')`)) !== '1') {
          if ((await world.value(app, `return await env.kv.get('${id}')`)) === '1')
            return harmful(`another app got the message ${id}`)
          await sleep(20)
        }
      return judgeAnswer(app, answer)
    },
  }))
}
