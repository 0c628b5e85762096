import { UnmoorError } from '../../../core/errors.ts'
import type { AppRecord } from './app-record.ts'

/** Result of routing a request: its app, and the request target that the app sees. */
export interface Route {
  app: string
  target: string
}

/**
 * Finds the app of a request. Precedence: an exact host name, the longest path prefix, a wildcard, the first
 * label of the host name, the app that takes all other hosts.
 */
export class Router {
  #hosts = new Map<string, string>()
  #wildcards = new Map<string, string>()
  #names = new Map<string, string>()
  #paths = new Map<string, string>()
  #deepest = 0
  #rest: string | undefined

  /** Collects the routes of all apps. @throws `AlreadyExists` if two apps claim the same host or path. */
  constructor(apps: Iterable<Pick<AppRecord, 'name' | 'settings'>>) {
    for (const { name, settings } of apps) {
      if (settings.hosts === undefined) this.#names.set(name, name)
      for (const host of settings.hosts ?? []) {
        const lower = host.toLowerCase()
        if (lower === '*') {
          if (this.#rest !== undefined) throw taken('all other hosts', this.#rest, name)
          this.#rest = name
        } else if (lower.startsWith('*.')) claim(this.#wildcards, lower.slice(2), name, `host ${host}`)
        else claim(this.#hosts, lower, name, `host ${host}`)
      }
      for (const path of settings.paths ?? []) {
        const prefix = path.replace(/\/+$/, '')
        claim(this.#paths, prefix, name, `path ${path}`)
        this.#deepest = Math.max(this.#deepest, prefix.split('/').length - 1)
      }
    }
  }

  find(hostHeader: string | undefined, target: string): Route | undefined {
    const host = hostName(hostHeader ?? '')
    const exact = this.#hosts.get(host)
    if (exact !== undefined) return { app: exact, target }
    const byPath = this.#deepest === 0 ? undefined : this.#findPath(target)
    if (byPath !== undefined) return byPath
    if (this.#wildcards.size > 0) {
      for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
        const wild = this.#wildcards.get(host.slice(dot + 1))
        if (wild !== undefined) return { app: wild, target }
      }
    }
    const dot = host.indexOf('.')
    const named = this.#names.get(dot < 0 ? host : host.slice(0, dot))
    const app = named ?? this.#rest
    return app === undefined ? undefined : { app, target }
  }

  /** Finds the route of the longest path prefix that ends at a segment boundary. */
  #findPath(target: string): Route | undefined {
    const query = target.indexOf('?')
    const path = query < 0 ? target : target.slice(0, query)
    let end = 0
    const ends: number[] = []
    for (let depth = 0; depth < this.#deepest && end < path.length; depth++) {
      const slash = path.indexOf('/', end + 1)
      end = slash < 0 ? path.length : slash
      ends.push(end)
    }
    for (const at of ends.toReversed()) {
      const app = this.#paths.get(path.slice(0, at))
      const rest = target.slice(at)
      if (app !== undefined) return { app, target: rest.startsWith('/') ? rest : `/${rest}` }
    }
    return undefined
  }
}

function claim(map: Map<string, string>, key: string, name: string, what: string): void {
  const other = map.get(key)
  if (other !== undefined) throw taken(what, other, name)
  map.set(key, name)
}

function taken(what: string, first: string, second: string): UnmoorError {
  return new UnmoorError(
    'AlreadyExists',
    `The apps "${first}" and "${second}" both ask for ${what}. Give one of them another.`,
    { operation: 'config' },
  )
}

/** Returns the host name of a Host header, without the port, in lower case. */
function hostName(header: string): string {
  const end = header.startsWith('[') ? header.indexOf(']') + 1 : header.indexOf(':')
  return (end > 0 ? header.slice(0, end) : header).toLowerCase()
}
