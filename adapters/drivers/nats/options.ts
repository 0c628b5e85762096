import type { connect, createInbox, headers, MsgHdrs, NatsConnection } from '@nats-io/transport-node'
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'

/** Options of the nats driver. */
export interface NatsOptions {
  /** `nats://user:password@host:4222`, `nats://token@host`, or `tls://`; several with commas between. Default: the variable NATS_URL. */
  url?: string
  /** A connection of one's own instead; the driver does not close it. Only where the options come from code. */
  client?: NatsConnection
  /** Start of the names of streams and subjects, to keep stages apart on one server. Default: `unmoor`. */
  prefix?: string
  /** Copies of each stream in a cluster: 1, 3 or 5. Default: 1. */
  replicas?: number
  /** Seconds after which a message comes again whose process died: the server's ack wait, which the driver renews while a lease lasts. Default: 30. */
  ackWait?: number
  /** Seconds to wait for a connection. Default: 10. */
  connectTimeout?: number
  /** Seconds to wait for an answer. Default: 10. */
  timeout?: number
  /** Start of the subjects for answers, where the user may not use the usual one. Default: `_INBOX`. */
  inboxPrefix?: string
}

/** A server, not connected yet, and what the client package makes. */
export interface Server {
  /** Hosts, for messages; without the password. */
  readonly name: string
  readonly timeout: number
  /** A connection that does not come back by itself: each loss is seen, and nothing is sent later than its caller thinks. */
  open(): Promise<NatsConnection>
  readonly given: NatsConnection | undefined
  headers(values: Readonly<Record<string, string>>): MsgHdrs
  inbox(): string
}

/** @throws `NotFound` if no url is set or the client package is not installed, `InvalidArgument` for a url that is none. */
export async function server(options: NatsOptions, context: DriverContext): Promise<Server> {
  const { binding } = context
  const text = options.client === undefined ? (options.url ?? context.variable('NATS_URL')) : ''
  if (text === undefined) throw startError('NotFound', binding, 'set NATS_URL to the server, such as nats://user:password@host:4222.')
  const urls = text === '' ? [] : parseUrls(text, binding)
  const client = await load(binding)
  const credentials = urls[0] === undefined ? {} : credentialsOf(urls[0])
  return {
    name: urls.map(({ host }) => host).join(', ') || 'the given client',
    timeout: (options.timeout ?? 10) * 1000,
    given: options.client,
    open: () =>
      client.connect({
        servers: urls.map(({ host }) => host),
        ...credentials,
        ...(urls[0]?.protocol === 'tls:' ? { tls: {} } : {}),
        ...(options.inboxPrefix === undefined ? {} : { inboxPrefix: options.inboxPrefix }),
        name: `unmoor ${context.app}`,
        reconnect: false,
        timeout: (options.connectTimeout ?? 10) * 1000,
        pingInterval: 20_000,
        maxPingOut: 2,
      }),
    headers: (values) => {
      const made = client.headers()
      for (const [name, value] of Object.entries(values)) made.set(name, value)
      return made
    },
    inbox: () => client.createInbox(options.inboxPrefix),
  }
}

/** A name as one token of a subject or a stream's name, which may not have dots, blanks or wildcards; an underscore separates such tokens. */
export function token(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9-]/gu, (character) => [...Buffer.from(character)].map((byte) => `=${byte.toString(16).padStart(2, '0')}`).join(''))
}

function startError(code: 'NotFound' | 'InvalidArgument', binding: string, text: string, cause?: unknown): UnmoorError {
  return new UnmoorError(code, `Binding "${binding}": ${text}`, { binding, operation: 'start', cause })
}

function parseUrls(text: string, binding: string): URL[] {
  try {
    const urls = text.split(',').map((one) => new URL(one.trim()))
    if (urls.every((url) => (url.protocol === 'nats:' || url.protocol === 'tls:') && url.host !== '' && /^\/?$/.test(url.pathname))) return urls
  } catch {
    // Its message would print the url, and so the password.
  }
  throw startError('InvalidArgument', binding, 'the nats driver needs a "url" such as nats://user:password@host:4222.')
}

function credentialsOf({ username, password }: URL): { user?: string; pass?: string; token?: string } {
  if (username === '') return {}
  if (password === '') return { token: decodeURIComponent(username) }
  return { user: decodeURIComponent(username), pass: decodeURIComponent(password) }
}

async function load(binding: string): Promise<{ connect: typeof connect; createInbox: typeof createInbox; headers: typeof headers }> {
  try {
    return await import('@nats-io/transport-node')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw startError('NotFound', binding, 'it uses the nats driver, whose client is not installed. Run: npm install @nats-io/transport-node', error)
  }
}
