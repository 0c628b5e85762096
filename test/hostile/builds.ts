import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp } from '../../core/tools/build/build.ts'
import { tempProject } from '../unit/temp-project.ts'
import { buildLab, labApp } from '../targets/host-lab.ts'
import { buildWorker } from '../targets/worker-lab.ts'

const BINDINGS =
  'kv: kv(), db: sql(), jobs: queue(), files: unmoor.blob(), pages: unmoor.cache(), ' +
  `key: unmoor.secret(), itself: unmoor.service({ app: 'lab' })`

/** Apps that attacks run in: each runs what it is sent. */
const BUILDS = {
  /** Every binding, and a handler of its queue that runs what it is sent too. */
  lab: () => buildLab(labApp(BINDINGS, QUEUES)),
  /** The same, and the tenant holds the guest's end of the bridge. */
  raw: buildRaw,
  /** No binding, so that it starts fast. */
  plain: () => buildLab(labApp('')),
  /** No binding, and Node's modules that an isolate has, as the global `node`. */
  node: () => buildLab(NODE_MODULES + labApp('')),
  /** Calls the apps `alone` and `neighbour`. */
  caller: () =>
    buildLab(
      labApp(`alone: unmoor.service({ app: 'alone' }), neighbour: unmoor.service({ app: 'neighbour' })`),
    ),
  /** Every binding, a cron, the test channel, and the data route. */
  tested: buildTested,
  /** A Worker with Durable Objects. */
  objects: () =>
    buildWorker(
      { name: 'objects', durable_objects: { bindings: [{ name: 'ROOM', class_name: 'Room' }] } },
      OBJECTS,
    ),
  /** Sockets that echo texts, and an app that runs what it is sent. */
  sockets: () => buildLab(SOCKETS),
  /** A Worker with WebSockets that runs what it is sent; the tenant holds the guest's end of the bridge. */
  'raw-worker': async () => withBridge(await buildWorker({ name: 'raw-worker' }, WORKER)),
} satisfies Record<string, () => Promise<string>>

/** Names of the apps that attacks run in. */
export type BuildName = keyof typeof BUILDS

const NODE_MODULES = `
import * as buffer from 'node:buffer'
import * as crypto from 'node:crypto'
import * as timers from 'node:timers'
import * as waits from 'node:timers/promises'
globalThis.node = { buffer, crypto, timers, waits }
`

const QUEUES = `
  queues: { jobs: async (batch, env, ctx) => {
    for (const message of batch.messages)
      if (typeof message.body?.code === 'string')
        await AsyncFunction('message', 'env', 'ctx', 'batch', message.body.code)(message, env, ctx, batch)
  } },`

const OBJECTS = `
import { DurableObject } from 'cloudflare:workers'
// The build rewrites async functions of a Worker, so that their constructor is that of all functions.
const AsyncFunction = (...given) => new Function(...given.slice(0, -1), 'return (async () => {' + given.at(-1) + '\\n})()')
export class Room extends DurableObject {
  run(code) { return AsyncFunction('state', 'env', 'self', code)(this.ctx, this.env, this) }
  async alarm(info) {
    const [mark, code] = [await this.ctx.storage.get('mark'), await this.ctx.storage.get('onAlarm')]
    console.log('rang ' + mark)
    if (code !== undefined) await AsyncFunction('state', 'env', 'info', code)(this.ctx, this.env, info)
  }
}
export default {
  async fetch(request, env, ctx) {
    const text = await request.text()
    if (text === '') return new Response('hello ' + new URL(request.url).pathname)
    try {
      const result = await AsyncFunction('request', 'env', 'ctx', text)(request, env, ctx)
      return result instanceof Response ? result : Response.json({ value: result ?? null })
    } catch (error) {
      return Response.json({ name: error?.name, message: error?.message, code: error?.code }, { status: 299 })
    }
  },
}
`

const SOCKETS = labApp(
  `chat: unmoor.sockets({ path: '/chat' }), locked: unmoor.sockets({ path: '/locked', tickets: true })`,
  `sockets: {
    chat: { message: (socket, message) => socket.send(message === 'id' ? socket.id : message) },
    locked: { open: (socket) => socket.send('in') },
  },`,
).replace(
  "if (request.method !== 'POST')",
  `const { pathname, searchParams } = new URL(request.url)
    const forged = (headers) => new Response('forged', { headers })
    if (searchParams.has('forge')) return forged({ 'unmoor-socket': searchParams.get('forge') })
    if (searchParams.has('keep')) {
      globalThis.kept = [...(await env.chat.accept(request, { data: {} })).headers]
      return forged({})
    }
    if (searchParams.has('kept')) return forged(globalThis.kept)
    if (searchParams.has('upgrade')) return forged({ upgrade: 'websocket', connection: 'Upgrade' })
    if (searchParams.has('wait')) {
      globalThis.waiting = (globalThis.waiting ?? 0) + 1
      await (globalThis.gate ??= Promise.withResolvers()).promise
    }
    if (pathname === '/chat' && request.headers.get('upgrade') !== null)
      return env.chat.accept(request, { topics: ['all'] })
    if (pathname === '/locked')
      return env.locked.accept(request, { data: await env.locked.ticket(request) })
    if (request.method !== 'POST')`,
)

const WORKER = `
const run = (given) => new Function('request', 'return (async () => {' + given + '\\n})()')
export default {
  async fetch(request) {
    if (request.headers.get('upgrade') === 'websocket') {
      const { 0: client, 1: server } = new WebSocketPair()
      server.accept()
      server.onmessage = ({ data }) => server.send(data)
      return new Response(null, { status: 101, webSocket: client })
    }
    const text = await request.text()
    if (text === '') return new Response('hello')
    try {
      return Response.json({ value: (await run(text)(request)) ?? null })
    } catch (error) {
      return Response.json({ name: error?.name, message: error?.message }, { status: 299 })
    }
  },
}
`

const CRONS = `
  crons: { tick: { schedule: '0 0 1 1 *', run: async (event, env, ctx) => {
    await AsyncFunction('event', 'env', 'ctx', (await env.kv.get('cron')) ?? '')(event, env, ctx)
  } } },`

async function buildTested(): Promise<string> {
  await using project = await tempProject({
    'src/app.ts': labApp(BINDINGS, QUEUES + CRONS),
    'package.json': '{ "name": "lab", "type": "module" }',
  })
  const { outDir } = await buildApp({
    projectDir: project.dir,
    target: 'isolate',
    testChannel: true,
    dataRoute: true,
  })
  const out = await mkdtemp(join(tmpdir(), 'unmoor-artifact-'))
  await cp(outDir, out, { recursive: true })
  return out
}

// The artifact's web API is what a tenant uploads: nothing keeps it from changing that.
async function buildRaw(): Promise<string> {
  return withBridge(await built('lab'))
}

/** A copy of an artifact whose code has the guest's end of the bridge, as the globals `raw` and `ask`. */
async function withBridge(artifact: string): Promise<string> {
  const out = await mkdtemp(join(tmpdir(), 'unmoor-artifact-'))
  await cp(artifact, out, { recursive: true })
  const file = join(out, 'web-api.js')
  const text = await readFile(file, 'utf8')
  const keep =
    ';{const link=globalThis.__unmoor_link,connect=link.connect;' +
    'link.connect=(host)=>{globalThis.raw=host;globalThis.ask=link.request;connect(host)}}'
  await writeFile(file, text + keep)
  return out
}

const made = new Map<BuildName, Promise<string>>()

/** The folder of that app, built once. */
export function built(name: BuildName): Promise<string> {
  const folder = made.get(name) ?? BUILDS[name]()
  made.set(name, folder)
  return folder
}

/** The folders that there are. */
export async function allBuilt(): Promise<string[]> {
  return Promise.all(made.values())
}

/** Builds all that are not there yet. */
export async function buildAll(): Promise<void> {
  await Promise.all((Object.keys(BUILDS) as BuildName[]).map(built))
}
