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

/**
 * Default price per second in the usage report's cost line, without a unit: mainly the ratio is of interest.
 */
const PRICE_PER_SECOND = 0.00002

/** The running admin port of a host. */
export interface Admin {
  readonly url: string
  /** Reads the admin port's certificate again. No effect without TLS. */
  reload(): Promise<void>
  close(): Promise<void>
}

/** The parts of the host that the admin port reports on and changes. */
export interface Administered {
  supervisor: Supervisor
  metering: Metering
  deploys: Deploys
  config: ResolvedConfig
  print(line: string): void
}

/**
 * Milliseconds that a client of the admin API may keep sending a request that was answered early, before the
 * connection ends. `STOP_MS`: milliseconds that a stop waits for running requests.
 */
const LINGER_MS = 2000
const STOP_MS = 10_000
/** Least number of characters sent at once of a long response of the admin API. */
const PART_CHARS = 64 * 1024

/**
 * Starts the admin port. `/healthz` and `/metrics` need no token. `/v1/apps` (`apps.ts`) and
 * `/v1/usage?app=&from=&to=&price=` (times in ISO 8601) need `Authorization: Bearer TOKEN`.
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
          // An error ends the body of an admin response without its last chunk, which tells the client that
          // the response is incomplete.
          pipeline(Readable.from(text), outgoing, () => {})
          return
        }
        const head = { ...always, 'content-length': Buffer.byteLength(text) }
        outgoing.writeHead(status, incoming.complete ? head : { ...head, connection: 'close' })
        if (incoming.complete) outgoing.end(text)
        else {
          // Discard the rest of the admin request. Closing the connection now would reset it, and the client
          // might never see the response.
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

/**
 * Creates the admin port's TLS server with the first certificate of the files; each new connection gets the
 * certificate as it is then.
 */
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
  /** Body of the admin API's response: a string, or an iterable of strings for a long body. */
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

/** Yields the usage report in parts: a month of many apps may be some hundred megabytes. */
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

/** Compares SHA-256 digests of admin tokens, which have one length, in constant time. */
function isToken(authorization: string | undefined, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(authorization ?? ''), digest(`Bearer ${token}`))
}
