import { UnmoorError } from '../../../core/errors.ts'
import type { AppRecord } from './app-record.ts'

/** Where a request goes: an app, and the target that the app sees. */
export interface Route {
  app: string
  target: string
}

/** Finds the app of a request: an exact host name, then a path prefix (the longest), then a wildcard, then the first label of the host name. */
export class Router {
  #hosts = new Map<string, string>()
  #wildcards = new Map<string, string>()
  #names = new Map<string, string>()
  #paths: { prefix: string; app: string }[] = []

  /** @throws `AlreadyExists` where two apps ask for the same. */
  constructor(apps: Iterable<Pick<AppRecord, 'name' | 'settings'>>) {
    for (const { name, settings } of apps) {
      if (settings.hosts === undefined) this.#names.set(name, name)
      for (const host of settings.hosts ?? []) {
        const lower = host.toLowerCase()
        if (lower.startsWith('*.')) claim(this.#wildcards, lower.slice(2), name, `host ${host}`)
        else claim(this.#hosts, lower, name, `host ${host}`)
      }
      for (const path of settings.paths ?? []) {
        const prefix = path.replace(/\/+$/, '')
        const other = this.#paths.find((entry) => entry.prefix === prefix)
        if (other !== undefined) throw taken(`path ${path}`, other.app, name)
        this.#paths.push({ prefix, app: name })
      }
    }
    this.#paths.sort((a, b) => b.prefix.length - a.prefix.length)
  }

  find(hostHeader: string | undefined, target: string): Route | undefined {
    const host = hostName(hostHeader ?? '')
    const exact = this.#hosts.get(host)
    if (exact !== undefined) return { app: exact, target }
    for (const { prefix, app } of this.#paths) {
      if (!target.startsWith(prefix)) continue
      const next = target.charCodeAt(prefix.length)
      if (Number.isNaN(next)) return { app, target: '/' }
      if (next === 0x2f) return { app, target: target.slice(prefix.length) }
      if (next === 0x3f) return { app, target: `/${target.slice(prefix.length)}` }
    }
    if (this.#wildcards.size > 0) {
      for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
        const wild = this.#wildcards.get(host.slice(dot + 1))
        if (wild !== undefined) return { app: wild, target }
      }
    }
    const dot = host.indexOf('.')
    const named = this.#names.get(dot < 0 ? host : host.slice(0, dot))
    return named === undefined ? undefined : { app: named, target }
  }
}

function claim(map: Map<string, string>, key: string, name: string, what: string): void {
  const other = map.get(key)
  if (other !== undefined) throw taken(what, other, name)
  map.set(key, name)
}

function taken(what: string, first: string, second: string): UnmoorError {
  return new UnmoorError('AlreadyExists', `The apps "${first}" and "${second}" both ask for ${what}. Give one of them another.`, { operation: 'config' })
}

/** A Host header without its port, in lower case. */
function hostName(header: string): string {
  const end = header.startsWith('[') ? header.indexOf(']') + 1 : header.indexOf(':')
  return (end > 0 ? header.slice(0, end) : header).toLowerCase()
}
