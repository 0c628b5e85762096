import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import isolate from '../../adapters/isolate/index.ts'
import type { LocalRuntime } from '../../core/adapter.ts'
import { buildOnce } from './built-once.ts'

/**
 * An app that runs what it is sent: `POST /run` with the body of an async function `(request, env, ctx)`;
 * answers its result as JSON, or what it threw.
 */
const APP = `
import { blob, cache, defineApp, defineBindings, kv, queue, secret, sql, UnmoorError, variable } from 'unmoor'
const AsyncFunction = (async () => {}).constructor
const bindings = defineBindings({ kv: kv(), files: blob(), db: sql(), jobs: queue(), pages: cache(), token: secret(), word: variable({ default: 'hi' }) })
export default defineApp({
  bindings,
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== '/run') return new Response('hello')
    try {
      const result = await AsyncFunction('request', 'env', 'ctx', 'UnmoorError', await request.text())(request, env, ctx, UnmoorError)
      return result instanceof Response ? result : Response.json({ value: result })
    } catch (error) {
      return Response.json({ name: error?.name, message: error?.message, code: error?.code, text: String(error) }, { status: 299 })
    }
  },
})
`

/** A running isolate to try things in. */
export interface Lab extends AsyncDisposable {
  runtime: LocalRuntime
  lines: string[]
  /** Runs the body of an async function in the isolate; returns its JSON result, throws what it threw. */
  run(code: string): Promise<unknown>
  send(code: string, init?: RequestInit): Promise<Response>
}

/** Builds and starts the app above, or another. */
export async function startLab(
  options: {
    app?: string
    isolate?: object
    testToken?: string
    start?: { development?: boolean; inspectPort?: number }
    files?: Readonly<Record<string, Uint8Array>>
    /** Called with each line as it is printed. */
    onLine?: (line: string) => void
  } = {},
): Promise<Lab> {
  // A start or a computation that takes long on a busy machine is no fault. Tests of these limits set their
  // own.
  const settings = {
    startupTimeout: 60,
    cpuMs: 20_000,
    outbound: { allow: ['127.0.0.1', 'localhost'] },
    ...options.isolate,
  }
  const files = {
    'src/app.ts': options.app ?? APP,
    'unmoor.config.ts': `export default { targets: { isolate: { options: ${JSON.stringify(settings)} } } }`,
    'package.json': '{ "name": "fixture", "type": "module" }',
    ...options.files,
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'unmoor-data-'))
  const lines: string[] = []
  const clean = (): Promise<void> => rm(dataDir, { recursive: true, force: true, maxRetries: 10 })
  try {
    const built = await buildOnce(files, { testChannel: options.testToken !== undefined })
    const runtime = await isolate.start({
      dir: built.dir,
      info: built.info,
      dataDir,
      port: 0,
      variables: { TOKEN: 't0ken' },
      testToken: options.testToken,
      ...options.start,
      onOutput(line) {
        lines.push(line)
        options.onLine?.(line)
      },
      log: { info() {}, warn() {} },
    })
    const send = (code: string, init: RequestInit = {}): Promise<Response> =>
      fetch(`${runtime.url}/run`, { method: 'POST', body: code, ...init })
    return {
      runtime,
      lines,
      send,
      async run(code) {
        const response = await send(code)
        const text = await response.text()
        if (response.status === 299) throw Object.assign(new Error(), JSON.parse(text))
        if (response.status !== 200) throw new Error(`${response.status}: ${text}\n${lines.join('\n')}`)
        return (JSON.parse(text) as { value: unknown }).value
      },
      async [Symbol.asyncDispose]() {
        await runtime.stop()
        await clean()
      },
    }
  } catch (error) {
    await clean()
    throw error
  }
}
