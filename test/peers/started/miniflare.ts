/**
 * Stands for the package miniflare in those of its tests that start Workers. Each is a project of its own,
 * started on the system that the run is at; the test itself runs in Node, as it does in the peer's own runner.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { NotAsked } from '../within/harness.ts'
import { requestEnded } from './clock.ts'
import { CALL_HEADER, type MiniflareOptions, type ObjectCall, projectOf, type Reporter } from './options.ts'

/** Starts a project whose files are given. */
export type Start = (files: Readonly<Record<string, string>>) => Promise<Started>
export interface Started {
  url: string
  stop(): Promise<void>
}

let start: Start

/** Names the system on which the Workers of the tests are started from now on. */
export function startOn(own: Start): void {
  start = own
}

export const QUEUES_PLUGIN_NAME = 'queues'
export const DURABLE_OBJECTS_PLUGIN_NAME = 'do'
export const kUnsafeEphemeralUniqueKey = 'unsafeEphemeralUniqueKey'
export const LogLevel = {}
export class QueuesError extends Error {}
const OwnResponse = globalThis.Response
export { OwnResponse as Response }

/** A promise that is settled from outside; called with `new`, as the class that it stands for. */
export function DeferredPromise(): Promise<unknown> & { resolve(value: unknown): void } {
  const { promise, resolve } = Promise.withResolvers<unknown>()
  return Object.assign(promise, { resolve })
}

export class Miniflare {
  readonly #reports: Promise<Reports>
  readonly #started: Promise<Started>

  /** @throws {NotAsked} where the test wants what only the simulator has. */
  constructor(options: MiniflareOptions) {
    // The address is known only later, but what cannot be asked is told at once.
    projectOf(options, '')
    this.#reports = serveReports()
    this.#started = this.#reports.then((reports) => {
      const { files, reporters } = projectOf(options, reports.url)
      reports.serve(reporters)
      return start(files)
    })
    this.#started.catch(() => {})
  }

  get ready(): Promise<URL> {
    return this.#started.then(({ url }) => new URL(url))
  }

  async dispatchFetch(url: string, init?: RequestInit): Promise<Response> {
    const { url: own } = await this.#started
    const { pathname, search } = new URL(url)
    const response = await fetch(own + pathname + search, init)
    requestEnded()
    if (response.headers.has('mf-experimental-error-stack'))
      throw new Error(((await response.json()) as Error).message)
    return response
  }

  /** The namespace behind a binding of the Worker; its objects go by names alone. */
  getDurableObjectNamespace(binding: string): unknown {
    return {
      idFromName: (name: string) => name,
      newUniqueId: () => crypto.randomUUID(),
      get: (name: string) => this.#stub(binding, name),
    }
  }

  #stub(binding: string, name: string): unknown {
    const call = async (method: string, args: unknown[]): Promise<unknown> => {
      const header: ObjectCall = { binding, name, method, args }
      const response = await this.dispatchFetch('http://localhost', {
        headers: { [CALL_HEADER]: JSON.stringify(header) },
      })
      return method === 'fetch' ? response : ((await response.json()) as { result: unknown }).result
    }
    // A stub that is awaited is no promise.
    return new Proxy(
      {},
      {
        get: (_, method) =>
          typeof method === 'string' && method !== 'then'
            ? (...args: unknown[]) => call(method, args)
            : undefined,
      },
    )
  }

  setOptions(): never {
    throw new NotAsked('it changes the options of a Worker that runs')
  }

  listDurableObjectIds(): never {
    throw new NotAsked("it asks the simulator, by a method that no Worker's namespace has")
  }

  _getInternalDurableObjectNamespace(): { idFromName(name: string): string; get(id: string): string } {
    return { idFromName: (name) => name, get: (id) => id }
  }

  async dispose(): Promise<void> {
    const started = await this.#started.catch(() => undefined)
    await started?.stop()
    const { server } = await this.#reports
    server.close()
    server.closeAllConnections()
  }
}

interface Reports {
  url: string
  server: Server
  serve(reporters: ReadonlyMap<string, Reporter>): void
}

/** The server behind a Worker's bindings that lead back into the test. */
async function serveReports(): Promise<Reports> {
  let reporters: ReadonlyMap<string, Reporter> = new Map()
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    try {
      const reporter = reporters.get(incoming.url?.slice(1) ?? '')
      const body = await buffer(incoming)
      const request = new Request('http://localhost', { method: 'POST', body })
      const response = await (reporter?.(request) ?? new Response(null, { status: 404 }))
      outgoing.writeHead(response.status).end(Buffer.from(await response.arrayBuffer()))
    } catch (error) {
      outgoing.writeHead(500).end(String(error))
    }
  }
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing))
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, server, serve: (own) => void (reporters = own) }
}
