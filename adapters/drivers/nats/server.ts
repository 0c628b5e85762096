import type { connect, createInbox, headers, MsgHdrs, NatsConnection } from '@nats-io/transport-node'
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { toMilliseconds } from '../shared/timeout.ts'
import type { NatsOptions } from './options.ts'

/** Options of the nats driver when it is created from code. */
export interface NatsFactoryOptions extends NatsOptions {
  /** An existing NATS connection to use; the driver does not close it. Default: none. */
  client?: NatsConnection
}

/** A NATS server that is not connected yet. */
export interface Server {
  /** Hosts of the NATS server without the password, for error messages. */
  readonly name: string
  readonly timeout: number
  /**
   * Opens a NATS connection without automatic reconnection: each loss is then noticed, and nothing is sent
   * later than its caller thinks.
   */
  open(): Promise<NatsConnection>
  readonly given: NatsConnection | undefined
  headers(values: Readonly<Record<string, string>>): MsgHdrs
  inbox(): string
}

/**
 * Reads the options of a NATS server, without connecting yet.
 *
 * @throws `NotFound` if no url is set or the client package is not installed, `InvalidArgument` for an
 * invalid url.
 */
export async function server(options: NatsFactoryOptions, context: DriverContext): Promise<Server> {
  const { binding } = context
  const timeout = toMilliseconds(options.timeout ?? 10, 'timeout', binding)
  const connectTimeout = toMilliseconds(options.connectTimeout ?? 10, 'connectTimeout', binding)
  const text = options.client === undefined ? (options.url ?? context.variable('NATS_URL')) : ''
  if (text === undefined)
    throw startError(
      'NotFound',
      binding,
      'set NATS_URL to the server, such as nats://user:password@host:4222.',
    )
  const urls = text === '' ? [] : parseUrls(text, binding)
  const client = await load(binding)
  const credentials = urls[0] === undefined ? {} : credentialsOf(urls[0])
  return {
    name: urls.map(({ host }) => host).join(', ') || 'the given client',
    timeout,
    given: options.client,
    open: () =>
      client.connect({
        servers: urls.map(({ host }) => host),
        ...credentials,
        ...(urls[0]?.protocol === 'tls:' ? { tls: {} } : {}),
        ...(options.inboxPrefix === undefined ? {} : { inboxPrefix: options.inboxPrefix }),
        name: `unmoor ${context.app}`,
        reconnect: false,
        timeout: connectTimeout,
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

/**
 * Encodes a name as one token of a NATS subject or of a stream's name, which may not have dots, blanks or
 * wildcards. Tokens are separated by underscores.
 */
export function token(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9-]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `=${byte.toString(16).padStart(2, '0')}`).join(''),
  )
}

function startError(
  code: 'NotFound' | 'InvalidArgument',
  binding: string,
  text: string,
  cause?: unknown,
): UnmoorError {
  return new UnmoorError(code, `Binding "${binding}": ${text}`, { binding, operation: 'start', cause })
}

function parseUrls(text: string, binding: string): URL[] {
  try {
    const urls = text.split(',').map((one) => new URL(one.trim()))
    if (
      urls.every(
        (url) =>
          (url.protocol === 'nats:' || url.protocol === 'tls:') &&
          url.host !== '' &&
          /^\/?$/.test(url.pathname),
      )
    )
      return urls
  } catch {
    // The error of the NATS client is dropped, because its message would print the url with the password.
  }
  throw startError(
    'InvalidArgument',
    binding,
    'the nats driver needs a "url" such as nats://user:password@host:4222.',
  )
}

function credentialsOf({ username, password }: URL): { user?: string; pass?: string; token?: string } {
  if (username === '') return {}
  if (password === '') return { token: decodeURIComponent(username) }
  return { user: decodeURIComponent(username), pass: decodeURIComponent(password) }
}

async function load(
  binding: string,
): Promise<{ connect: typeof connect; createInbox: typeof createInbox; headers: typeof headers }> {
  try {
    return await import('@nats-io/transport-node')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw startError(
      'NotFound',
      binding,
      'it uses the nats driver, whose client is not installed. Run: npm install @nats-io/transport-node',
      error,
    )
  }
}
