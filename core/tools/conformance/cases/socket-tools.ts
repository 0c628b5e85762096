/** What the cases of sockets share. */
import type { Capability } from '../../../capabilities.ts'
import { equal, eventually, fail, throwsCode } from '../assert.ts'
import type { WireCase, WireTools } from '../case.ts'
import { type RefusedSocket, SocketClient, type SocketRequest } from '../socket-client.ts'

export type SocketCase = Omit<WireCase, 'group' | 'where'>
type Twin = NonNullable<WireCase['without']>

/** Path of the chat with the case's key and these fields. */
export function chat({ key }: Pick<WireTools, 'key'>, query: Readonly<Record<string, string>> = {}): string {
  return `/sockets/chat?${String(new URLSearchParams({ key: key(), ...query }))}`
}

/** A client of a path that takes it. */
export async function connect(
  tools: Pick<WireTools, 'socket'>,
  path: string,
  request: SocketRequest = {},
): Promise<SocketClient> {
  const made = await tools.socket(path, request)
  if (made instanceof SocketClient) return made
  return fail(`${path} was answered ${made.status}: ${made.body.slice(0, 200)}`)
}

/** The answer of a path that makes no socket. */
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

/** Checks the error that the fixture refused an upgrade with, by its status where no body reaches clients. */
export function refusedWith(
  { capabilities }: Pick<WireTools, 'capabilities'>,
  { status, body }: RefusedSocket,
  error: { readonly code: string; readonly limit?: string },
): void {
  equal(status, error.code === 'LimitExceeded' ? 413 : 422, 'status')
  if (capabilities['sockets.answers']) equal(JSON.parse(body), error)
}

/** Calls a method of a binding in a request of its own. */
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

/** Waits until these notes were made under the case's key, in this order and no others. */
export async function noted(tools: WireTools, expected: readonly string[]): Promise<void> {
  await eventually(async () => equal(await tools.notes(tools.key()), expected, 'notes'), 60)
}

/** An app of one binding with these options. */
function appWith(options: string): string {
  return (
    `import { defineApp, defineBindings, sockets } from 'unmoor'\n` +
    `const chat = sockets({ path: '/chat', origins: ['https://example.com']${options} })\n` +
    `export default defineApp({ bindings: defineBindings({ chat }), ` +
    `fetch: (request, env) => env.chat.accept(request) })\n`
  )
}

/** A build for a target without sockets refuses their declaration and names the targets that have them. */
export async function refusedAtBuild({ build }: Pick<WireTools, 'build'>): Promise<void> {
  const error = await throwsCode('Unsupported', () => build(appWith('')), { capability: 'sockets' })
  if (!/"chat"/.test(error.message) || !/Targets that have it: /.test(error.message))
    fail(`the error does not say what to do: ${error.message}`)
}

/**
 * The negative twin of a case that needs a capability of sockets: on a target with sockets `without`, on one
 * without them the refusal of the build.
 */
export function unless(without: Twin): Twin {
  return (tools) => (tools.capabilities.sockets ? without(tools) : refusedAtBuild(tools))
}

/** The twin of what a declaration asks for. */
export function optionRefused(option: string, capability: Capability): Twin {
  return unless(async ({ build }) => {
    await throwsCode('Unsupported', () => build(appWith(`, ${option}: true`)), { capability })
  })
}

/** Cases that need sockets and nothing else. */
export function plain(
  cases: readonly (Omit<SocketCase, 'needs' | 'without'> & Partial<Pick<SocketCase, 'needs' | 'without'>>)[],
): SocketCase[] {
  return cases.map((one) => ({ needs: 'sockets', without: refusedAtBuild, ...one }))
}
