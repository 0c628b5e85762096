/** Rules of `_redirects`, `_headers` and `run_worker_first`, matched as Cloudflare's asset worker does. */

/** A line of `_redirects`; status 200 serves the target in place of the path. */
export interface RedirectRule {
  readonly from: string
  readonly to: string
  readonly status: number
}

/** A block of `_headers`. */
export interface HeaderRule {
  readonly path: string
  readonly set: readonly (readonly [name: string, value: string])[]
  readonly unset: readonly string[]
}

type Matcher = (url: URL) => Readonly<Record<string, string>> | undefined

/** A pattern with `:names` and one `*`, of a path or a whole URL. Gives what they stand for. */
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
  return ({ protocol, host, pathname }) => {
    const found = expression.exec(whole ? `${protocol}//${host}${pathname}` : pathname)
    return found === null ? undefined : { ...found.groups }
  }
}

function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/:([A-Za-z]\w*)/g, (whole, name: string) => values[name] ?? whole)
}

/** Where a request is sent: a rule without patterns goes before one with, then the first that matches. */
export function createRedirects(
  rules: readonly RedirectRule[],
): (url: URL) => { to: string; status: number } | undefined {
  const isDynamic = ({ from }: RedirectRule): boolean => /\*|:[A-Za-z]/.test(from.replace(/^https?:/, ''))
  const ordered = [...rules.filter((rule) => !isDynamic(rule)), ...rules.filter(isDynamic)].map((rule) => ({
    ...rule,
    match: createMatcher(rule.from),
  }))
  return (url) => {
    for (const { match, to, status } of ordered) {
      const values = match(url)
      if (values !== undefined) return { to: fill(to, values), status }
    }
    return undefined
  }
}

/** Puts the headers of every rule that matches into an answer. */
export function createHeaderRules(rules: readonly HeaderRule[]): (url: URL, headers: Headers) => void {
  const matched = rules.map((rule) => ({ ...rule, match: createMatcher(rule.path) }))
  return (url, headers) => {
    const named = new Set<string>()
    for (const { match, set, unset } of matched) {
      const values = match(url)
      if (values === undefined) continue
      for (const name of unset) headers.delete(name)
      for (const [name, value] of set) {
        // Of several rules the values are joined; the first takes the place of the asset's own.
        if (named.has(name.toLowerCase())) headers.append(name, fill(value, values))
        else headers.set(name, fill(value, values))
        named.add(name.toLowerCase())
      }
    }
  }
}

/** Whether a path matches one of the patterns, in which `*` stands for anything. */
export function createPathMatcher(patterns: readonly string[]): (pathname: string) => boolean {
  const expressions = patterns.map(
    (pattern) =>
      new RegExp(
        `^${pattern
          .split('*')
          .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
          .join('.*')}$`,
      ),
  )
  return (pathname) => expressions.some((expression) => expression.test(pathname))
}
