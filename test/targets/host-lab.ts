import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import isolate from '../../adapters/isolate/index.ts'
import { type Host, type HostConfig, type InspectedApp, startHost } from '../../adapters/isolate/host/index.ts'
import { buildApp } from '../../core/build/build.ts'
import { tempProject } from '../unit/temp-project.ts'

/** An app that runs what it is sent, as the body of an async function `(request, env, ctx)`; other requests get `word`. */
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

/** Builds an app; the folder is the caller's to remove. */
export async function buildLab(source: string, name = 'lab'): Promise<string> {
  await using project = await tempProject({ 'src/app.ts': source, 'package.json': JSON.stringify({ name, type: 'module' }) })
  const out = await mkdtemp(join(tmpdir(), 'unmoor-artifact-'))
  const { outDir } = await buildApp({ projectDir: project.dir, target: 'isolate', adapter: isolate })
  await cp(outDir, out, { recursive: true })
  return out
}

/** A running host with what its processes print. */
export interface HostLab extends AsyncDisposable {
  host: Host
  dir: string
  lines: string[]
  send(app: string, init?: { method?: string; path?: string; body?: string; headers?: Record<string, string> }): Promise<{ status: number; text: string }>
  run(app: string, code: string): Promise<unknown>
}

/** Starts a host in this process, its children as real processes. */
export async function startHostLab(config: HostConfig, inspect: readonly InspectedApp[] = []): Promise<HostLab> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-host-lab-'))
  const file = join(dir, 'host.json')
  await mkdir(join(dir, 'data'), { recursive: true })
  await writeFile(file, JSON.stringify({ port: 0, processes: 2, dataDir: './data', stopTimeout: 2, ...config }))
  const lines: string[] = []
  const host = await startHost({ config: file, inspect, onOutput: (line) => lines.push(line) })
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
      await rm(dir, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

/** A request on a connection of its own, so that either process may get it. fetch() would not send a Host header. */
export function sendTo(
  url: string,
  app: string,
  { method = 'GET', path = '/', body, headers = {} }: { method?: string; path?: string; body?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, { method, agent: false, headers: { host: `${app}.localhost`, ...headers } }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.once('end', () => resolve({ status: response.statusCode as number, text }))
      response.once('error', reject)
      response.once('aborted', () => reject(new Error('the answer was cut off')))
    })
    sent.once('error', reject)
    sent.end(body)
  })
}
