import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Host,
  type HostConfig,
  type InspectedApp,
  startHost,
} from '../../adapters/isolate/host/index.ts'
import { buildOnce, copyBuild } from './built-once.ts'

/**
 * An app that runs what it is sent, as the body of an async function `(request, env, ctx)`; other requests
 * get `word`.
 */
export function labApp(bindings: string, more = ''): string {
  return `
import * as unmoor from 'unmoor'
const { defineApp, defineBindings, variable, kv, queue, sql } = unmoor
const AsyncFunction = (async () => {}).constructor
const bindings = defineBindings({ word: variable({ default: 'hello' }), ${bindings} })
globalThis.count = 0
export default defineApp({
  bindings,
  async fetch(request, env, ctx) {
    globalThis.count++
    if (request.method !== 'POST') return new Response(env.word + ' ' + new URL(request.url).pathname)
    try {
      const result = await AsyncFunction('request', 'env', 'ctx', await request.text())(request, env, ctx)
      return result instanceof Response ? result : Response.json({ value: result })
    } catch (error) {
      return Response.json({ name: error?.name, message: error?.message, code: error?.code }, { status: 299 })
    }
  },
  ${more}
})
`
}

/** Builds an app; the folder is the caller's to change and to remove. */
export async function buildLab(source: string, name = 'lab'): Promise<string> {
  const out = await mkdtemp(join(tmpdir(), 'unmoor-artifact-'))
  await copyBuild(
    await buildOnce({ 'src/app.ts': source, 'package.json': JSON.stringify({ name, type: 'module' }) }),
    out,
  )
  return out
}

/** A running host with what its processes print. */
export interface HostLab extends AsyncDisposable {
  host: Host
  dir: string
  lines: string[]
  send(
    app: string,
    init?: { method?: string; path?: string; body?: string; headers?: Record<string, string> },
  ): Promise<{ status: number; text: string }>
  run(app: string, code: string): Promise<unknown>
}

/** Starts a host in this process, its children as real processes; `start` may be that of another copy. */
export async function startHostLab(
  config: HostConfig,
  inspect: readonly InspectedApp[] = [],
  start: typeof startHost = startHost,
): Promise<HostLab> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-host-lab-'))
  // The other user finds its folder below.
  if (config.guard?.user !== undefined) await chmod(dir, 0o755)
  const file = join(dir, 'host.json')
  await mkdir(join(dir, 'data'), { recursive: true })
  await writeFile(
    file,
    JSON.stringify({ port: 0, processes: 2, dataDir: './data', stopTimeout: 2, ...config }),
  )
  const lines: string[] = []
  const remove = (): Promise<void> => rm(dir, { recursive: true, force: true, maxRetries: 10 })
  const host = await start({ config: file, inspect, onOutput: (line) => lines.push(line) }).catch(
    async (error: unknown) => {
      await remove()
      throw error
    },
  )
  const send: HostLab['send'] = (app, init = {}) => sendTo(host.url, app, init)
  return {
    host,
    dir,
    lines,
    send,
    async run(app, code) {
      const { status, text } = await send(app, { method: 'POST', body: code })
      if (status === 299) throw Object.assign(new Error(), JSON.parse(text))
      if (status !== 200) throw new Error(`${status}: ${text}\n${lines.join('\n')}`)
      return (JSON.parse(text) as { value: unknown }).value
    },
    async [Symbol.asyncDispose]() {
      await host.stop()
      await remove()
    },
  }
}

/** What the host has counted of an app, of its metrics; 0 where it has none yet. The host needs `admin`. */
export async function metric(lab: HostLab, name: string, app: string): Promise<number> {
  const text = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
  return Number(new RegExp(`^${name}\\{app="${app}"\\} (\\S+)$`, 'm').exec(text)?.[1] ?? 0)
}

/** CPU time in seconds of each thread of a process. */
function threadSeconds(pid: number): Map<string, number> {
  const seconds = new Map<string, number>()
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    let text: string
    try {
      text = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8')
    } catch {
      // It ended since the folder was read.
      continue
    }
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    seconds.set(tid, (Number(fields[11]) + Number(fields[12])) / 100)
  }
  return seconds
}

/**
 * Has an app loop without end in the process `pid`, and resolves once that has been at it for longer than
 * anything else takes: by the kernel's count, since a loop may be in the thread that would tell. `lost` is
 * the request's end.
 */
export async function startLoop(lab: HostLab, app: string, pid: number): Promise<{ lost: Promise<unknown> }> {
  const before = threadSeconds(pid)
  const lost = lab.send(app, { method: 'POST', body: 'for (;;);' }).catch((error: Error) => error)
  while (![...threadSeconds(pid)].some(([tid, seconds]) => seconds - (before.get(tid) ?? 0) > 0.6))
    await sleep(20)
  return { lost }
}

/**
 * A request on a connection of its own, so that either process may get it. fetch() would not send a Host
 * header.
 */
export function sendTo(
  url: string,
  app: string,
  {
    method = 'GET',
    path = '/',
    body,
    headers = {},
  }: { method?: string; path?: string; body?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}${path}`,
      { method, agent: false, headers: { host: `${app}.localhost`, ...headers } },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.once('end', () => resolve({ status: response.statusCode as number, text }))
        response.once('error', reject)
        response.once('aborted', () => reject(new Error('the answer was cut off')))
      },
    )
    sent.once('error', reject)
    sent.end(body)
  })
}
