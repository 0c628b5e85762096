/** Runs a peer's tests inside a Worker, one for each request. The same code runs on workerd and on ours. */

export interface Tools {
  env: Record<string, unknown>
  ctx: unknown
}

export interface PeerTest {
  name: string
  run(tools: Tools): unknown
}

/** What became of one test, or of one assertion. */
export interface Outcome {
  name: string
  /** Absent where it passed. */
  error?: string
  /** Why it cannot be asked here; absent where it was asked. */
  skipped?: string
}

/** A test that needs what no Worker has: another Worker at run time, or the simulator's own clock. */
export class NotAsked extends Error {
  override readonly name = 'NotAsked'
}

/** Assertions that were counted one by one; see `soft-asserts.ts`. */
export const assertions = new Map<string, Outcome>()

const PREFIX = '/__peers/'

type Fetch = (request: Request, env: Record<string, unknown>, ctx: unknown) => unknown

/** The Worker's fetch: names and runs tests, and leaves other requests to the peer's own handler. */
export function createFetch(tests: readonly PeerTest[], own?: Fetch): Fetch {
  return async (request, env, ctx) => {
    const { pathname, searchParams } = new URL(request.url)
    if (!pathname.startsWith(PREFIX))
      return own === undefined ? new Response(null, { status: 404 }) : own(request, env, ctx)
    const op = pathname.slice(PREFIX.length)
    if (op === 'list') return Response.json(tests.map(({ name }) => name))
    if (op === 'assertions') return Response.json([...assertions.values()])
    const name = searchParams.get('name')
    const test = tests.find((one) => one.name === name)
    if (test === undefined) return new Response(`There is no test ${name}.`, { status: 404 })
    return Response.json(await outcomeOf(test, { env, ctx }))
  }
}

/** Runs one test. */
export async function outcomeOf(test: PeerTest, tools: Tools): Promise<Outcome> {
  const { name } = test
  try {
    await test.run(tools)
    return { name }
  } catch (error) {
    if (error instanceof NotAsked) return { name, skipped: error.message }
    return { name, error: describeError(error) }
  }
}

/** Name, message and the messages of causes. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `, because of ${describeError(error.cause)}`
  return `${error.name}: ${error.message}${cause}`
}
