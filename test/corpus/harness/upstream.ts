import type { Library } from './library.ts'
import { servePlainly } from './plain-server.ts'

/** Serves the API that a library's app calls. */
export async function startUpstream(
  handler: Library['upstream'],
): Promise<{ variables: Record<string, string>; close(): Promise<void> }> {
  if (handler === undefined) return { variables: {}, close: () => Promise.resolve() }
  const server = await servePlainly(handler)
  return { variables: { UPSTREAM_URL: server.url }, close: () => server.close() }
}
