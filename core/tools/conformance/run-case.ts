/** Runs one conformance case against a target, from a Node process. */
import { randomUUID } from 'node:crypto'
import { show } from './assert.ts'
import type { Case, OwnTarget, WireTools } from './case.ts'
import type { InsideAnswer } from './fixture/inside.ts'
import { UPSTREAM_HEADER } from './fixture/routes-fetch.ts'
import { openRaw, type RawRequest } from './raw-http.ts'
import { openRawSocket } from './raw-socket.ts'
import { connectSocket, type SocketRequest } from './socket-client.ts'
import type { RunningTarget } from './target.ts'

/**
 * Seconds after which a conformance case counts as hanging, unless its own `seconds` are more. No case
 * measures speed by this limit: on a busy machine 50 updates of one key took over a minute.
 */
const SECONDS = 150

/**
 * Runs a conformance case, or its negative twin. Resolves to the error message, or undefined if it passed.
 */
export async function runCase(
  one: Case,
  target: RunningTarget,
  options: { twin: boolean; patience: number },
): Promise<string | undefined> {
  // Reads of the target's bindings may be stale for `patience` seconds, so a case may take that much longer.
  const seconds = Math.max(one.seconds ?? 0, SECONDS) + options.patience - PATIENCE
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`it took longer than ${seconds} s`), seconds * 1000)
  })
  try {
    return await Promise.race([
      one.where === 'inside'
        ? runInside(one, target, options, seconds)
        : runOutside(one, target, options.twin),
      late,
    ])
  } finally {
    clearTimeout(timer)
  }
}

/** Seconds that a read of a binding may be stale on a local target. */
export const PATIENCE = 5

async function runInside(
  one: Case,
  { url, token }: RunningTarget,
  { twin, patience }: { twin: boolean; patience: number },
  seconds: number,
): Promise<string | undefined> {
  try {
    const response = await fetch(new URL(`/__conformance/${one.id}${twin ? '?twin' : ''}`, url), {
      method: 'POST',
      headers: {
        'x-conformance-token': token,
        'x-conformance-patience': String(patience),
        connection: 'close',
      },
      signal: AbortSignal.timeout(seconds * 1000),
    })
    const text = await response.text()
    if (response.status !== 200) return `its route answered ${response.status}: ${text.slice(0, 300)}`
    const answer = JSON.parse(text) as InsideAnswer
    return answer.ok ? undefined : answer.error
  } catch (error) {
    return failure(error)
  }
}

async function runOutside(
  one: Case & { where: 'wire' },
  target: RunningTarget,
  twin: boolean,
): Promise<string | undefined> {
  try {
    await (twin ? one.without : one.run)?.(wireTools(one.id, target))
    return undefined
  } catch (error) {
    return failure(error)
  }
}

function wireTools(id: string, target: RunningTarget): WireTools {
  const { url, token, manifest, capabilities, upstream = '' } = target
  const prefix = `${id}-${randomUUID().slice(0, 8)}-`
  const key = (suffix = 'key'): string => `${prefix}${suffix}`
  const withToken = (init: RequestInit = {}): RequestInit => {
    const headers = new Headers(init.headers)
    headers.set('x-conformance-token', token)
    headers.set(UPSTREAM_HEADER, upstream)
    // Requests of a case use no keep-alive: on a busy machine a server may close an idle connection just as
    // the next request arrives on it.
    if (!headers.has('connection')) headers.set('connection', 'close')
    return { redirect: 'manual', ...init, headers }
  }
  const call = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(new URL(path, url), withToken(init))
  const open = (request: RawRequest): ReturnType<typeof openRaw> =>
    openRaw(url, {
      ...request,
      headers: [['X-Conformance-Token', token], [UPSTREAM_HEADER, upstream], ...(request.headers ?? [])],
    })
  return {
    url,
    manifest,
    capabilities,
    openUpstream: async (gate) => {
      await (await fetch(`${upstream}/open/${gate}`)).text()
    },
    fetch: call,
    open,
    raw: async (request) => (await open(request)).response(),
    runCron: (name, scheduledTime) => target.runCron(name, scheduledTime),
    notes: async (name) => (await (await call(`/do/notes/${encodeURIComponent(name)}`)).json()) as string[],
    note: async (name, text) => {
      await call(`/do/notes/${encodeURIComponent(name)}`, { method: 'POST', body: text })
    },
    key,
    socketUrl: (path) => socketUrl(target, path),
    socket: socketsOf(target, token),
    rawSocket: (path, headers) => {
      const { origin, pathname, search } = socketUrl(target, path)
      return openRawSocket(origin, pathname + search, { 'X-Conformance-Token': token, ...headers })
    },
    build: (source) => target.build(source),
    startOwn: async () => startOwn(target),
  }
}

type SocketPlace = Pick<RunningTarget, 'url' | 'socketUrls'>

/** Returns the http(s) URL to which WebSocket clients of a path connect. */
function socketUrl({ url, socketUrls }: SocketPlace, path: string): URL {
  const local = new URL(path, url)
  const own = socketUrls?.[local.pathname]
  if (own === undefined) return local
  const there = new URL(own.replace(/^ws/, 'http'))
  there.search = local.search
  return there
}

function socketsOf(place: SocketPlace, token: string): WireTools['socket'] {
  return (path: string, request: SocketRequest = {}) => {
    const { origin, pathname, search } = socketUrl(place, path)
    const headers = { 'x-conformance-token': token, ...request.headers }
    return connectSocket(origin, pathname + search, { ...request, headers })
  }
}

async function startOwn(target: RunningTarget): Promise<OwnTarget> {
  if (target.startOwn === undefined) throw new Error('the target cannot be started once more')
  const own = await target.startOwn()
  return {
    output: () => own.output(),
    stop: () => own.stop(),
    socket: socketsOf(own, target.token),
  }
}

function failure(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : ''
  return `${show(error)}${cause}`
}
