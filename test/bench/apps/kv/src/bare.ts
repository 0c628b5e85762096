/** The same Worker without unmoor, over Cloudflare's own binding. */
import { resolveLink } from './resolve-link.ts'

export default {
  fetch: (request: Request, env: { LINKS: { get(key: string): Promise<string | null> } }) =>
    resolveLink(request, env.LINKS),
}
