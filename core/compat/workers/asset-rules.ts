/** Rules of `_redirects`, `_headers` and `run_worker_first`, matched as Cloudflare's asset worker does. */

/** A rule of `_redirects`; status 200 serves the target in place of the path. */
export interface RedirectRule {
  readonly from: string
  readonly to: string
  readonly status: number
}

/** A rule of `_headers`: a path pattern and its headers. */
export interface HeaderRule {
  readonly path: string
  readonly set: readonly (readonly [name: string, value: string])[]
  readonly unset: readonly string[]
}

type Matcher = (url: URL) => Readonly<Record<string, string>> | undefined

/**
 * Compiles a pattern of `_redirects` or `_headers`, with `:names` and one `*`, for a path or a whole URL. The
 * matcher returns the texts of the placeholders.
 */
function createMatcher(pattern: string): Matcher {
  const whole = /^https?:\/\//.test(pattern)
  const text = pattern
    .split('*')
    .map((part) =>
      part
        .replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
        .replaceAll(/(^|[^:]):([A-Za-z]\w*)/g, (_, before: string, name: string) => {
          const inHost = whole && !/^https?:\/\/[^/]*\//.test(pattern.slice(0, pattern.indexOf(`:${name}`)))
          return `${before}(?<${name}>[^/${inHost ? '.' : ''}]+)`
        }),
    )
    .join('(?<splat>.*)')
  const expression = new RegExp(`^${text}$`)
  return ({ hostname, pathname }) => {
    // Whole-URL patterns of asset rules are matched as https, which Cloudflare's edge speaks, behind any
    // proxy.
    const found = expression.exec(whole ? `https://${hostname}${pathname}` : pathname)
    return found === null ? undefined : { ...found.groups }
  }
}

/** Returns what is wrong with a pattern of `_redirects` or `_headers`; undefined if it is valid. */
export function patternFault(pattern: string): string | undefined {
  try {
    createMatcher(pattern)
    return undefined
  } catch {
    return 'it names one placeholder twice (a * is called :splat).'
  }
}

function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/:([A-Za-z]\w*)/g, (whole, name: string) => values[name] ?? whole)
}

/** Returns a function that finds the redirect of a URL, by the first rule of `_redirects` that matches. */
export function createRedirects(
  rules: readonly RedirectRule[],
): (url: URL) => { to: string; status: number } | undefined {
  const matched = rules.map((rule) => ({ ...rule, match: createMatcher(rule.from) }))
  return (url) => {
    for (const { match, to, status } of matched) {
      const values = match(url)
      if (values === undefined) continue
      const target = fill(to, values)
      // A redirect's target that is a path must stay a path: the text of a splat must not turn it into
      // another host.
      const isPath = !/^(?:\w+:\/\/|\/\/[^/\\\s?#])/.test(to)
      return { to: isPath ? withSingleSlashes(target) : target, status }
    }
    return undefined
  }
}

function withSingleSlashes(target: string): string {
  const end = target.search(/[?#]/)
  const path = end < 0 ? target : target.slice(0, end)
  return path.replaceAll(/[/\\]+/g, '/') + target.slice(path.length)
}

/** Returns a function that adds the headers of every matching rule of `_headers` to a response. */
export function createHeaderRules(rules: readonly HeaderRule[]): (url: URL, headers: Headers) => void {
  const matched = rules.map((rule) => ({ ...rule, match: createMatcher(rule.path) }))
  return (url, headers) => {
    const named = new Set<string>()
    for (const { match, set, unset } of matched) {
      const values = match(url)
      if (values === undefined) continue
      for (const name of unset) headers.delete(name)
      for (const [name, value] of set) {
        // If several rules of `_headers` set a header, their values are joined; the first replaces the
        // asset's own value.
        if (named.has(name.toLowerCase())) headers.append(name, fill(value, values))
        else headers.set(name, fill(value, values))
        named.add(name.toLowerCase())
      }
    }
  }
}

/**
 * Creates a predicate that is true if a path matches a pattern of `run_worker_first`, in which `*` stands for
 * anything.
 */
export function createPathMatcher(patterns: readonly string[]): (pathname: string) => boolean {
  const expressions = patterns.map((pattern) => new RegExp(`^${starSource(pattern)}$`))
  return (pathname) => expressions.some((expression) => expression.test(pathname))
}

/** Returns the regular expression's source for a path pattern in which `*` stands for any text. */
export function starSource(pattern: string): string {
  return pattern
    .split('*')
    .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('.*')
}
