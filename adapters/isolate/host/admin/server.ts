import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import { UnmoorError } from '../../../../core/errors.ts'
import { answerApps } from './apps.ts'
import type { ResolvedConfig } from '../config.ts'
import type { Deploys } from './deploys.ts'
import { errorText } from '../error-text.ts'
import { costLine, describeApp, type Metering, type UsagePeriod } from './metering.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import { CertificateFiles } from '../tls/certificate-files.ts'

/** Default price of the cost line, in whatever unit: only its ratio says much. */
const PRICE_PER_SECOND = 0.00002

/** The admin port at work. */
export interface Admin {
  readonly url: string
  /** Reads the port's certificate anew, where it has one. */
  reload(): Promise<void>
  close(): Promise<void>
}

/** What the admin port tells of and changes. */
export interface Administered {
  supervisor: Supervisor
  metering: Metering
  deploys: Deploys
  config: ResolvedConfig
  print(line: string): void
}

/**
 * Milliseconds that a client has to take an answer in whose request it has not sent to the end, and that a
 * stop waits for what runs.
 */
const LINGER_MS = 2000
const STOP_MS = 10_000
/** Characters of a long answer that are sent at once. */
const PART_CHARS = 64 * 1024

/**
 * Starts the admin port: `/healthz` and `/metrics` for everybody who reaches it; with
 * `Authorization: Bearer TOKEN` `/v1/apps` (`apps.ts`) and `/v1/usage?app=&from=&to=&price=` (times as
 * ISO 8601).
 */
export async function startAdmin(
  options: ResolvedConfig['admin'] & { port: number; token: string },
  administered: Administered,
): Promise<Admin> {
  const listener: RequestListener = (incoming, outgoing) => {
    void answer(incoming, options.token, administered)
      .catch((error: unknown) => json(500, { code: 'Internal', message: errorText(error) }))
      .then(({ status, type, text }) => {
        const always = { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' }
        if (typeof text !== 'string') {
          outgoing.writeHead(status, always)
          // Its end without the last chunk tells the client of an error.
          pipeline(Readable.from(text), outgoing, () => {})
          return
        }
        const head = { ...always, 'content-length': Buffer.byteLength(text) }
        outgoing.writeHead(status, incoming.complete ? head : { ...head, connection: 'close' })
        if (incoming.complete) outgoing.end(text)
        else {
          // What is still being sent is thrown away: closing the connection now would reset it, and the
          // client might never see the answer.
          outgoing.write(text)
          const timer = setTimeout(() => outgoing.end(), LINGER_MS)
          incoming.once('close', () => clearTimeout(timer))
          incoming.once('end', () => outgoing.end())
          incoming.resume()
        }
      })
  }
  const { tls } = options
  const files =
    tls === undefined
      ? undefined
      : await CertificateFiles.open([tls], {
          print: (line) => administered.print(`${line} (the admin port's)`),
        })
  const server = files === undefined ? createServer(listener) : createSecureServer(files, listener)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: Error) => {
      reject(
        new UnmoorError(
          'Unavailable',
          `The admin port ${options.port} on ${options.host} cannot be taken: ${cause.message}`,
          { operation: 'start', cause },
        ),
      )
    })
    server.listen(options.port, options.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${options.host}:${port}`,
    reload: () => files?.reload() ?? Promise.resolve(),
    close: () =>
      new Promise((resolve) => {
        void files?.stop()
        server.close(() => resolve())
        server.closeIdleConnections()
        setTimeout(() => server.closeAllConnections(), STOP_MS).unref()
      }),
  }
}

/** A server with the first certificate of the files, as they are at each connection. */
function createSecureServer(files: CertificateFiles, listener: RequestListener): Server {
  const pair = (): { cert?: string; key?: string } => {
    const [{ cert, key } = {}] = files.certificates
    return { ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) }
  }
  const server: TlsServer = createTlsServer(pair(), listener)
  files.follow(() => server.setSecureContext(pair()))
  return server
}

interface Answer {
  status: number
  type: string
  /** Whole, or in parts where it may be long. */
  text: string | AsyncIterable<string>
}

const json = (status: number, data: unknown): Answer => ({
  status,
  type: 'application/json',
  text: `${JSON.stringify(data)}\n`,
})

async function answer(
  incoming: IncomingMessage,
  token: string,
  { supervisor, metering, deploys, config }: Administered,
): Promise<Answer> {
  const url = new URL(incoming.url ?? '/', 'http://admin')
  if (url.pathname === '/healthz')
    return json(200, { processes: supervisor.pids.length, spare: supervisor.spareIsReady })
  if (url.pathname === '/metrics') {
    await supervisor.collectUsage()
    return {
      status: 200,
      type: 'text/plain; version=0.0.4',
      text: await metering.metrics(supervisor.states, supervisor.restarts),
    }
  }
  if (!isToken(incoming.headers.authorization, token))
    return json(401, {
      code: 'PermissionDenied',
      message: 'Send the host’s token: Authorization: Bearer TOKEN.',
    })
  const api = await answerApps(incoming, url, deploys, config.maxArtifactMb * 1024 * 1024)
  if (api !== undefined) return json(api.status, api.data)
  if (incoming.method !== 'GET')
    return json(405, {
      code: 'Unsupported',
      message: `The admin port takes no ${incoming.method} of ${url.pathname}.`,
    })
  if (url.pathname === '/v1/apps')
    return json(200, { apps: supervisor.apps.map(describeApp), alone: supervisor.alone })
  if (url.pathname === '/v1/usage') {
    const time = (name: string, preset: number): number =>
      url.searchParams.has(name) ? Date.parse(url.searchParams.get(name) as string) : preset
    const [from, to] = [time('from', 0), time('to', Date.now())]
    const price = Number(url.searchParams.get('price') ?? PRICE_PER_SECOND)
    if (Number.isNaN(from) || Number.isNaN(to) || Number.isNaN(price))
      return json(400, {
        code: 'InvalidArgument',
        message: 'from and to are times as ISO 8601, price is a number.',
      })
    await supervisor.collectUsage()
    const usage = metering.usage({ app: url.searchParams.get('app') ?? undefined, from, to })
    return { status: 200, type: 'application/json', text: usageText(usage, price) }
  }
  return json(404, { code: 'NotFound', message: `The admin port has no ${url.pathname}.` })
}

/** Usage of all apps of a month may be some hundred megabytes. */
async function* usageText(periods: AsyncIterable<UsagePeriod>, price: number): AsyncGenerator<string> {
  const sum = { cpuUs: 0, wallMs: 0 }
  let text = '{"usage":['
  let comma = ''
  for await (const period of periods) {
    sum.cpuUs += period.cpuUs
    sum.wallMs += period.wallMs
    text += comma + JSON.stringify(period)
    comma = ','
    if (text.length < PART_CHARS) continue
    yield text
    text = ''
  }
  yield `${text}],"cost":${JSON.stringify(costLine(sum, { pricePerSecond: price }))}}\n`
}

/** Digests have one length, and comparing them takes the same time wherever they differ. */
function isToken(authorization: string | undefined, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(authorization ?? ''), digest(`Bearer ${token}`))
}
