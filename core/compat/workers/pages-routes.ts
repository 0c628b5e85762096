/** `_routes.json` of a Pages project, matched as Cloudflare Pages does. */
import { starSource } from './asset-rules.ts'
import type { WorkerSpec } from './spec.ts'

/**
 * Creates a predicate that is true if the Pages project's code answers a path, and false if its assets do.
 */
export function createRoutes({
  include,
  exclude,
}: NonNullable<WorkerSpec['routes']>): (pathname: string) => boolean {
  const included = include.map(toExpression)
  const excluded = exclude.map(toExpression)
  return (pathname) =>
    !excluded.some((expression) => expression.test(pathname)) &&
    included.some((expression) => expression.test(pathname))
}

/**
 * Compiles a rule of `_routes.json`: `/foo/*` also matches `/foo` and `/foo/`; a star matches any text,
 * slashes included.
 */
function toExpression(rule: string): RegExp {
  if (rule === '/' || rule === '/*') return new RegExp(`^${starSource(rule)}$`)
  if (rule.endsWith('/*')) return new RegExp(`^${starSource(rule.slice(0, -2))}(?:/.*)?$`)
  if (rule.endsWith('/')) return new RegExp(`^${starSource(rule.slice(0, -1))}/?$`)
  return new RegExp(rule.endsWith('*') ? `^${starSource(rule)}$` : `^${starSource(rule)}/?$`)
}
