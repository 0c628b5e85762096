import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { UnmoorError } from '../../../core/errors.ts'
import type { ResolvedConfig } from './config.ts'
import { errorText } from './error-text.ts'
import { costLine, describeApp, type Metering } from './metering.ts'
import type { Supervisor } from './supervisor.ts'

/** Default price of the cost line, in whatever unit: only its ratio says much. */
const PRICE_PER_SECOND = 0.00002

/** The admin port at work. */
export interface Admin {
  readonly url: string
  close(): Promise<void>
}

/**
 * Starts the admin port: `/healthz` and `/metrics` for everybody who reaches it; `/v1/apps` and `/v1/usage?app=&from=&to=&price=` (times as ISO 8601)
 * with `Authorization: Bearer TOKEN`.
 */
export async function startAdmin(options: ResolvedConfig['admin'] & { port: number }, supervisor: Supervisor, metering: Metering): Promise<Admin> {
  const listener: RequestListener = (incoming, outgoing) => {
    void answer(incoming.method ?? '', incoming.url ?? '/', incoming.headers.authorization, options.token, supervisor, metering)
      .catch((error: unknown) => ({ status: 500, type: 'text/plain', text: errorText(error) }))
      .then(({ status, type, text }) => {
        outgoing.writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'content-length': Buffer.byteLength(text), 'cache-control': 'no-store' })
        outgoing.end(text)
      })
  }
  const { tls } = options
  const server: Server =
    tls === undefined ? createServer(listener) : createTlsServer({ cert: await readFile(tls.cert), key: await readFile(tls.key) }, listener)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: Error) => {
      reject(
        new UnmoorError('Unavailable', `The admin port ${options.port} on ${options.host} cannot be taken: ${cause.message}`, { operation: 'start', cause }),
      )
    })
    server.listen(options.port, options.host, resolve)
  })
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${options.host}:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Answer {
  status: number
  type: string
  text: string
}

const json = (status: number, data: unknown): Answer => ({ status, type: 'application/json', text: `${JSON.stringify(data)}\n` })

async function answer(
  method: string,
  target: string,
  authorization: string | undefined,
  token: string | undefined,
  supervisor: Supervisor,
  metering: Metering,
): Promise<Answer> {
  const url = new URL(target, 'http://admin')
  if (method !== 'GET') return json(405, { code: 'Unsupported', message: `The admin port takes no ${method}.` })
  if (url.pathname === '/healthz') return json(200, { processes: supervisor.pids.length })
  if (url.pathname === '/metrics') {
    await supervisor.collectUsage()
    return { status: 200, type: 'text/plain; version=0.0.4', text: await metering.metrics(supervisor.states, supervisor.restarts) }
  }
  if (token === undefined) return json(403, { code: 'PermissionDenied', message: 'This host has no admin token. Start it with UNMOOR_HOST_TOKEN.' })
  if (!isToken(authorization, token)) return json(401, { code: 'PermissionDenied', message: 'Send the host’s token: Authorization: Bearer TOKEN.' })
  if (url.pathname === '/v1/apps') return json(200, { apps: supervisor.apps.map(describeApp), alone: supervisor.alone })
  if (url.pathname === '/v1/usage') {
    const time = (name: string, preset: number): number => (url.searchParams.has(name) ? Date.parse(url.searchParams.get(name) as string) : preset)
    const [from, to] = [time('from', 0), time('to', Date.now())]
    const price = Number(url.searchParams.get('price') ?? PRICE_PER_SECOND)
    if (Number.isNaN(from) || Number.isNaN(to) || Number.isNaN(price))
      return json(400, { code: 'InvalidArgument', message: 'from and to are times as ISO 8601, price is a number.' })
    await supervisor.collectUsage()
    const usage = metering.usage({ app: url.searchParams.get('app') ?? undefined, from, to })
    return json(200, { usage, cost: costLine(usage, { pricePerSecond: price }) })
  }
  return json(404, { code: 'NotFound', message: `The admin port has no ${url.pathname}.` })
}

/** Digests have one length, and comparing them takes the same time wherever they differ. */
function isToken(authorization: string | undefined, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(authorization ?? ''), digest(`Bearer ${token}`))
}
