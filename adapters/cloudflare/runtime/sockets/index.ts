/**
 * `unmoor/internal/cloudflare/sockets`: the part of a Worker that exists only if the app declares sockets.
 */
import { constantCase, type SocketsDeclaration } from '../../../../core/bindings/declarations.ts'
import { TICKET_PARAMETER } from '../../../../core/bindings/sockets.ts'
import type { BoundDriver } from '../../../../core/runtime/runtime.ts'
import { isAllowedOrigin } from '../../../../core/runtime/socket-origin.ts'
import type { ModuleWorker, NativeEnv } from '../index.ts'
import type { NativeContext } from '../native.ts'
import { startRuntime, type StartOptions } from './start.ts'
import { createSocketObjects, type SocketObjects } from './driver.ts'
import type { HeldSockets } from './held-sockets.ts'
import type { UpgradedResponse } from './native.ts'
import { createSocketsObject } from './object.ts'
import { ObjectTransport } from './transport.ts'
import { type Accepted, ACCEPTED_HEADER, Upgrade, Upgrades } from './upgrades.ts'

/** Parts of a Worker with sockets: a Durable Object class, drivers, and upgrade handling. */
export interface WorkerSockets {
  /** The Durable Object class that holds the WebSockets. */
  Object: ReturnType<typeof createSocketsObject>
  /** Drivers of the Worker's env, with which the Worker accepts WebSockets and reaches them. */
  drivers: Readonly<Record<string, BoundDriver>>
  /** Returns the Worker with handling of WebSocket upgrades added. */
  wrap(worker: ModuleWorker): ModuleWorker
}

/** Creates the sockets part of an app's Worker; `base` is workerd's class `DurableObject`. */
export function createSockets(
  base: Parameters<typeof createSocketsObject>[0],
  options: StartOptions,
): WorkerSockets {
  const upgrades = new Upgrades()
  return {
    Object: createSocketsObject(base, (env, held) =>
      startRuntime({ ...options, drivers: withTransport(options, upgrades, held) }, env),
    ),
    drivers: withTransport(options, upgrades),
    wrap: (worker) => ({
      ...worker,
      fetch(request, env, native) {
        const found = asksForSocket(request) ? findBinding(options, request) : undefined
        return found === undefined
          ? worker.fetch(request, env, native)
          : answerUpgrade({ ...found, options, upgrades, worker }, request, env, native)
      },
    }),
  }
}

/**
 * Returns the app's drivers, with sockets bindings whose portable class uses the Durable Object transport.
 */
function withTransport(
  { drivers }: StartOptions,
  upgrades: Upgrades,
  held?: HeldSockets,
): Readonly<Record<string, BoundDriver>> {
  return Object.fromEntries(
    Object.entries(drivers).map(([binding, bound]) => {
      const { portable } = bound
      const create: (typeof portable)['create'] = (driver, context) =>
        portable.create(driver, context, {
          sockets: (_context, objects) =>
            new ObjectTransport({ binding, objects: objects as SocketObjects, upgrades, held }),
        })
      return [binding, { ...bound, portable: { ...portable, create } }]
    }),
  )
}

/** True if a request asks for a WebSocket upgrade. Other requests are answered as ordinary HTTP. */
function asksForSocket({ method, headers }: Request): boolean {
  return method === 'GET' && headers.get('upgrade')?.toLowerCase() === 'websocket'
}

interface FoundBinding {
  readonly binding: string
  readonly declaration: SocketsDeclaration
  readonly url: URL
}

function findBinding({ app }: StartOptions, request: Request): FoundBinding | undefined {
  const url = new URL(request.url)
  for (const [binding, declaration] of Object.entries(app.bindings))
    if (declaration.kind === 'sockets' && declaration.path === url.pathname)
      return { binding, declaration, url }
  return undefined
}

interface Answering extends FoundBinding {
  readonly options: StartOptions
  readonly upgrades: Upgrades
  readonly worker: ModuleWorker
}

/**
 * Answers a WebSocket upgrade request to a sockets binding's path: refuses a wrong handshake, origin or
 * ticket; otherwise the app decides.
 */
async function answerUpgrade(
  { binding, declaration, url, options, upgrades, worker }: Answering,
  request: Request,
  env: NativeEnv,
  native: NativeContext,
): Promise<Response> {
  const fault = handshakeFault(request)
  if (fault !== undefined) return fault
  const origin = request.headers.get('origin')
  if (origin !== null && !isAllowedOrigin(origin, url, declaration.origins))
    return new Response('Forbidden: pages of this origin may not connect.', { status: 403 })
  const objects = (): SocketObjects =>
    createSocketObjects(options.drivers[binding]?.options ?? {}, {
      binding,
      app: options.name,
      declaration,
      native: env[constantCase(binding)],
      variable: () => undefined,
      now: Date.now,
    })
  try {
    const upgrade = new Upgrade()
    const ticket = declaration.tickets === true ? url.searchParams.get(TICKET_PARAMETER) : null
    if (ticket !== null) {
      const value = await objects().takeTicket(ticket)
      if (value === null)
        return new Response('Unauthorized: the ticket was used, has expired or never was.', { status: 401 })
      upgrade.ticket = value
    }
    const response = await upgrades.during(request, upgrade, () => worker.fetch(request, env, native))
    const accepted = upgrade.take(response)
    return accepted === undefined
      ? response
      : toSocket(await hold(objects(), accepted), response, accepted.socket.protocol)
  } catch (error) {
    console.error(`${request.method} ${request.url}: the socket could not be made:`, error)
    return new Response('Service Unavailable: the sockets are not to be reached.', {
      status: 503,
      headers: { 'retry-after': '1' },
    })
  }
}

function hold(objects: SocketObjects, { binding, id, shard, socket }: Accepted): Promise<UpgradedResponse> {
  const { data, topics } = socket
  return objects.hold(shard, { binding, id, data, topics })
}

/**
 * Returns the error response for a WebSocket handshake that RFC 6455, section 4.2.1, forbids; else undefined.
 */
function handshakeFault({ headers }: Request): Response | undefined {
  // A WebSocket handshake without a key is allowed: the edge may speak HTTP/2 with the client, where
  // handshakes have no key (RFC 8441, section 5).
  if ((headers.get('sec-websocket-version') ?? '13') !== '13')
    return new Response('Upgrade Required: this server speaks version 13 of WebSocket.', {
      status: 426,
      headers: { upgrade: 'websocket', 'sec-websocket-version': '13' },
    })
  const key = headers.get('sec-websocket-key')
  if (key !== null && !KEY.test(key))
    return new Response('Bad Request: a Sec-WebSocket-Key is 16 bytes in base64.', { status: 400 })
  return undefined
}

const KEY = /^[+/0-9A-Za-z]{22}==$/

/** Returns the 101 response of a WebSocket upgrade, with the headers of the app's response. */
function toSocket(held: UpgradedResponse, { headers }: Response, protocol: string | undefined): Response {
  if (!held.webSocket) return held
  const own = new Headers()
  for (const [name, value] of headers) if (isOwn(name)) own.append(name, value)
  if (protocol !== undefined) own.set('sec-websocket-protocol', protocol)
  return new Response(null, { status: 101, headers: own, webSocket: held.webSocket } as ResponseInit)
}

/**
 * Headers of a 101 response that the app may not set: those of the connection and of the WebSocket handshake.
 */
const NOT_OWN: ReadonlySet<string> = new Set([
  ACCEPTED_HEADER,
  'content-length',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** True if the app may set this header of a WebSocket upgrade's 101 response. */
function isOwn(name: string): boolean {
  return !NOT_OWN.has(name) && !name.startsWith('sec-websocket-')
}
