/**
 * Extends Request as workerd has it: `cf` (Cloudflare's facts about a request) is accepted and kept by
 * copies, methods are in upper case, header values are text, and a URL may have a user name and a password.
 * The web's own Request drops or refuses them.
 */
import { extendGlobal, watchClones } from './extend-global.ts'
import { readAsText, withHeaderText } from './header-text.ts'

const EXTENSION = {
  prepare: toFetchArguments,
  made(request: object, [input, init]: readonly unknown[]): void {
    defineCf(request, cfOf(init) ?? cfOf(input))
    defineUrl(request, hasCredentials(input) ? new URL(String(input)).href : ownUrl(input))
  },
  cloned(copy: object, original: object): void {
    defineCf(copy, cfOf(original))
    defineUrl(copy, ownUrl(original))
  },
}

/** Extends the global Request. */
export function extendRequest(): void {
  extendGlobal('Request', EXTENSION)
}

/**
 * HTTP methods of workerd, which takes them in any case. The web's own Request leaves all but six as they are
 * written, and servers refuse `patch`.
 */
const METHODS = new Set(
  (
    'GET HEAD POST PUT DELETE PATCH PURGE OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH ' +
    'UNLOCK ACL REPORT MKACTIVITY CHECKOUT MERGE MSEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE QUERY BAN'
  ).split(' '),
)

/** Converts arguments of `new Request` or `fetch`, as workerd takes them, to ones that the target takes. */
export function toFetchArguments([input, init, ...rest]: readonly unknown[]): unknown[] {
  const options = withHeaderText(init)
  const { method } = (options ?? {}) as { method?: unknown }
  const upper = typeof method === 'string' ? method.toUpperCase() : method
  return [
    hasCredentials(input) ? withoutCredentials(String(input)) : input,
    upper !== method && METHODS.has(upper as string) ? { ...(options as object), method: upper } : options,
    ...rest,
  ]
}

function hasCredentials(input: unknown): boolean {
  if (input instanceof URL) return input.username !== '' || input.password !== ''
  return typeof input === 'string' && /^\s*https?:[\\/]*[^\\/?#]*@/i.test(input) && URL.canParse(input)
}

/** Returns a URL without its user name and password, which workerd sends nowhere either. */
function withoutCredentials(input: string): string {
  const url = new URL(input)
  url.username = ''
  url.password = ''
  return url.href
}

/** Returns the URL with credentials that was set on a request; undefined if there is none. */
function ownUrl(request: unknown): string | undefined {
  return typeof request === 'object' && request !== null && Object.hasOwn(request, 'url')
    ? (request as Request).url
    : undefined
}

function defineUrl(request: object, url: string | undefined): void {
  if (url !== undefined) Object.defineProperty(request, 'url', { value: url, configurable: true })
}

/** Returns `cf` (Cloudflare's facts) of a request, or of an object that a request is made from. */
export function cfOf(input: unknown): unknown {
  return typeof input === 'object' && input !== null ? (input as { cf?: unknown }).cf : undefined
}

/** Sets `request.cf` of a Worker's incoming request. */
export function setCf(request: Request, cf: unknown): void {
  defineCf(request, cf)
  watchClones(Object.getPrototypeOf(request) as object, EXTENSION)
  readAsText(Object.getPrototypeOf(request.headers) as object)
}

/** Sets `cf` on a request or response; undefined and null are not set. */
export function defineCf(request: object, cf: unknown): void {
  if (cf !== undefined && cf !== null)
    Object.defineProperty(request, 'cf', { value: cf, writable: true, configurable: true })
}
