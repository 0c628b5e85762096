import { invalidArgument } from '../errors.ts'
import { SOCKET_LIMITS } from '../limits.ts'
import { utf8Length } from './bytes.ts'
import type { SocketsDeclaration, SocketsOptions } from './declarations.ts'
import { checkOptions } from './options.ts'
import type { SocketMessage } from './socket-transport.ts'

const OPTIONS: readonly string[] = ['path', 'origins', 'autoResponse', 'binary', 'largeMessages', 'tickets']
const FLAGS = ['binary', 'largeMessages', 'tickets'] as const

/**
 * Declares WebSockets of clients. `Data` is the type of `socket.data`; it is never inferred, and without it
 * sockets have no data. Handlers are `sockets.NAME` of `defineApp`; the fetch handler accepts clients with
 * `env.NAME.accept`.
 *
 * @example
 * ```ts
 * import { defineApp, defineBindings, sockets } from 'unmoor'
 *
 * const bindings = defineBindings({ chat: sockets<{ user: string }>({ path: '/chat' }) })
 *
 * export default defineApp({
 *   bindings,
 *   fetch: (request, env) => env.chat.accept(request, { data: { user: 'ann' }, topics: ['lobby'] }),
 *   sockets: {
 *     chat: {
 *       message: (socket, message, env) => env.chat.publish('lobby', `${socket.data.user}: ${message}`),
 *     },
 *   },
 * })
 * ```
 *
 * @throws `InvalidArgument` for an invalid path, an invalid origin, or texts of `autoResponse` that cannot be
 * messages.
 */
export function sockets<Data = undefined>(
  options: SocketsOptions & { binary?: false },
): SocketsDeclaration<NoInfer<Data>>
/**
 * Declares WebSockets whose messages may also be bytes, on targets with the capability `sockets.binary`.
 *
 * @throws `InvalidArgument` as without `binary`.
 */
export function sockets<Data = undefined>(
  options: SocketsOptions & { binary: true },
): SocketsDeclaration<NoInfer<Data>, SocketMessage>
export function sockets(options: SocketsOptions): SocketsDeclaration<unknown, SocketMessage> {
  if (typeof options !== 'object' || options === null)
    throw refuse("sockets({ path }) takes the path that clients connect to, such as { path: '/chat' }.")
  checkOptions(options, OPTIONS, { operation: 'sockets' })
  const declaration: { -readonly [Name in keyof SocketsDeclaration]: SocketsDeclaration[Name] } = {
    kind: 'sockets',
    path: checkPath(options.path),
    origins: checkOrigins(options.origins),
  }
  if (options.autoResponse !== undefined) declaration.autoResponse = checkAutoResponse(options.autoResponse)
  for (const flag of FLAGS) {
    const value: unknown = options[flag]
    if (value !== undefined && typeof value !== 'boolean')
      throw refuse(`sockets({ ${flag} }) takes true or false.`)
    if (value === true) declaration[flag] = true
  }
  return declaration
}

function refuse(text: string, cause?: unknown): ReturnType<typeof invalidArgument> {
  return invalidArgument({ operation: 'sockets' }, text, cause)
}

function checkPath(path: unknown): string {
  const isPath = typeof path === 'string' && path.startsWith('/') && !/[*?#]/.test(path)
  if (!isPath || new URL(path, 'http://unmoor').pathname !== path)
    throw refuse(
      `sockets({ path: ${JSON.stringify(path)} }): the path is one path as URLs have it, such as "/chat": ` +
        'with a slash first, without query, patterns and dot segments, percent-encoded where needed.',
    )
  if (path.startsWith('/.unmoor/')) throw refuse("sockets({ path }): paths below /.unmoor/ are unmoor's own.")
  return path
}

function checkOrigins(origins: unknown): readonly string[] {
  if (origins === undefined) return []
  if (!Array.isArray(origins)) throw refuse('sockets({ origins }) takes an array of origins.')
  return origins.map((origin: unknown) => {
    const url = typeof origin === 'string' && URL.canParse(origin) ? new URL(origin) : undefined
    if (url === undefined || url.origin === 'null' || url.href !== `${url.origin}/`)
      throw refuse(
        `sockets({ origins }): ${JSON.stringify(origin)} is no origin. Write scheme, host and port, such ` +
          'as "https://example.com". Pages of the app\'s own host, and clients that are no browsers, pass ' +
          'without being named.',
      )
    return url.origin
  })
}

function checkAutoResponse(pair: unknown): readonly [string, string] {
  const isPair = Array.isArray(pair) && pair.length === 2 && pair.every((one) => typeof one === 'string')
  if (!isPair)
    throw refuse("sockets({ autoResponse }) takes two texts: a message and its answer, ['ping', 'pong'].")
  const [request, response] = pair as [string, string]
  const max = SOCKET_LIMITS['sockets.data']
  for (const text of [request, response])
    if (text === '' || !text.isWellFormed() || utf8Length(text) > max)
      throw refuse(`sockets({ autoResponse }): each text is well-formed and has 1 to ${max} bytes.`)
  return [request, response]
}
