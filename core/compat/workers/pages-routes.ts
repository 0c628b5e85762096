/** `_routes.json` of a Pages project, matched as Pages does. */
import { starSource } from './asset-rules.ts'
import type { WorkerSpec } from './spec.ts'

/** Creates a test of whether the project's code answers a path; if not, its assets do. */
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

/** `/foo/*` is `/foo` too, and so is `/foo/`; a star is any text, slashes too. */
function toExpression(rule: string): RegExp {
  if (rule === '/' || rule === '/*') return new RegExp(`^${starSource(rule)}$`)
  if (rule.endsWith('/*')) return new RegExp(`^${starSource(rule.slice(0, -2))}(?:/.*)?$`)
  if (rule.endsWith('/')) return new RegExp(`^${starSource(rule.slice(0, -1))}/?$`)
  return new RegExp(rule.endsWith('*') ? `^${starSource(rule)}$` : `^${starSource(rule)}/?$`)
}
