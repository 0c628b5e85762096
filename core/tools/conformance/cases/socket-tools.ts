/** Shared helpers of the conformance cases about WebSockets. */
import type { Capability } from '../../../capabilities.ts'
import { equal, eventually, fail, throwsCode } from '../assert.ts'
import type { WireCase, WireTools } from '../case.ts'
import { type RefusedSocket, SocketClient, type SocketRequest } from '../socket-client.ts'

export type SocketCase = Omit<WireCase, 'group' | 'where'>
type Twin = NonNullable<WireCase['without']>

/** Returns the path of the sockets binding `chat` with the case's key and these query fields. */
export function chat({ key }: Pick<WireTools, 'key'>, query: Readonly<Record<string, string>> = {}): string {
  return `/sockets/chat?${String(new URLSearchParams({ key: key(), ...query }))}`
}

/** Connects a WebSocket client to a path; fails if the handshake is refused. */
export async function connect(
  tools: Pick<WireTools, 'socket'>,
  path: string,
  request: SocketRequest = {},
): Promise<SocketClient> {
  const made = await tools.socket(path, request)
  if (made instanceof SocketClient) return made
  return fail(`${path} was answered ${made.status}: ${made.body.slice(0, 200)}`)
}

/** Returns the HTTP answer of a path that refuses the WebSocket handshake. */
export async function refused(
  tools: Pick<WireTools, 'socket'>,
  path: string,
  request: SocketRequest = {},
): Promise<RefusedSocket> {
  const made = await tools.socket(path, request)
  if (!(made instanceof SocketClient)) return made
  made.cut()
  return fail(`${path} made a socket`)
}

/**
 * Checks the error with which the fixture app refused a WebSocket upgrade; on targets where clients see no
 * body, only the status.
 */
export function refusedWith(
  { capabilities }: Pick<WireTools, 'capabilities'>,
  { status, body }: RefusedSocket,
  error: { readonly code: string; readonly limit?: string },
): void {
  equal(status, error.code === 'LimitExceeded' ? 413 : 422, 'status')
  if (capabilities['sockets.answers']) equal(JSON.parse(body), error)
}

/** Calls a method of a sockets binding from a separate HTTP request. */
export async function call(
  tools: Pick<WireTools, 'fetch'>,
  binding: string,
  method: string,
  ...args: readonly unknown[]
): Promise<Record<string, unknown>> {
  const answer = await tools.fetch(`/sockets/call/${binding}/${method}`, {
    method: 'POST',
    body: JSON.stringify(args),
  })
  return (await answer.json()) as Record<string, unknown>
}

/** Waits until the fixture app has stored exactly these notes under the case's key, in this order. */
export async function noted(tools: WireTools, expected: readonly string[]): Promise<void> {
  await eventually(async () => equal(await tools.notes(tools.key()), expected, 'notes'), 60)
}

/** Returns the source of an app whose one sockets binding has these options. */
function appWith(options: string): string {
  return (
    `import { defineApp, defineBindings, sockets } from 'unmoor'\n` +
    `const chat = sockets({ path: '/chat', origins: ['https://example.com']${options} })\n` +
    `export default defineApp({ bindings: defineBindings({ chat }), ` +
    `fetch: (request, env) => env.chat.accept(request) })\n`
  )
}

/**
 * Checks that a build for a target without WebSockets refuses their declaration and names targets that have
 * them.
 */
export async function refusedAtBuild({ build }: Pick<WireTools, 'build'>): Promise<void> {
  const error = await throwsCode('Unsupported', () => build(appWith('')), { capability: 'sockets' })
  if (!/"chat"/.test(error.message) || !/Targets that have it: /.test(error.message))
    fail(`the error does not say what to do: ${error.message}`)
}

/**
 * Returns the negative twin of a case about a WebSocket capability: `without` on a target with sockets; on a
 * target without them, a check that the build refuses the app.
 */
export function unless(without: Twin): Twin {
  return (tools) => (tools.capabilities.sockets ? without(tools) : refusedAtBuild(tools))
}

/**
 * Returns the negative twin of a case about an option of a sockets declaration: the build refuses the option.
 */
export function optionRefused(option: string, capability: Capability): Twin {
  return unless(async ({ build }) => {
    await throwsCode('Unsupported', () => build(appWith(`, ${option}: true`)), { capability })
  })
}

/** Adds `needs: 'sockets'` and the negative twin to WebSocket cases that need no other capability. */
export function plain(
  cases: readonly (Omit<SocketCase, 'needs' | 'without'> & Partial<Pick<SocketCase, 'needs' | 'without'>>)[],
): SocketCase[] {
  return cases.map((one) => ({ needs: 'sockets', without: refusedAtBuild, ...one }))
}
