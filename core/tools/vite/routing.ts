/** Decides whether a request of `vite dev` is for a file or for the app, by the rule of built apps. */
import { statSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { route } from '../../../adapters/drivers/files/routes.ts'

/** Folders and settings by which requests are decided. */
export interface Places {
  /** Vite's root. */
  readonly root: string
  /** Vite's folder of files that are served as they are; empty for none. */
  readonly publicDir: string
  /** True if page loads that match no file are answered with index.html; undefined if not known yet. */
  readonly isSinglePage: boolean | undefined
}

/**
 * Who answers a request: nobody (`forbidden`: artifacts and local data); Vite; Vite with an HTML file; Vite,
 * or the app if Vite has nothing; the app. A page that is asked for by another path is redirected to its own.
 * A page load before the first build may have no answerer yet (`unknown`).
 */
export type Answerer =
  | 'forbidden'
  | 'vite'
  | { readonly page: string }
  | { readonly redirect: string }
  | 'vite-or-app'
  | 'app'
  | 'unknown'

/** Paths that Vite alone answers. */
const OF_VITE = /^\/(?:@(?:vite|fs|id)\/|node_modules\/)/
/** Paths that plugins of Vite may answer, such as `/@react-refresh` and `/__inspect/`. */
const OF_PLUGINS = /^\/(?:@|__)/
/** Queries by which modules of Vite ask for others. They have no value: `?url=x` is the app's. */
const IMPORT = /[?&](?:import|html-proxy|direct|url|raw|inline|worker|sharedworker)=?(?:&|$)/
/** A path into the folder of artifacts and local data, which Vite would serve as any other file. */
const OWN_FOLDER = /[\\/]\.unmoor(?:[\\/]|$)/i
const HAS_EXTENSION = /\.[^/.]+$/

/** Returns true for the path of a WebSocket that Vite or a plugin opens. */
export function isPluginSocket(url: string): boolean {
  return OF_VITE.test(url) || url.startsWith('/__')
}

/** Returns who answers a request. */
export function answererOf(
  { url = '/', method = 'GET', headers }: Pick<IncomingMessage, 'url' | 'method' | 'headers'>,
  places: Places,
): Answerer {
  if (isOwnFolder(url)) return 'forbidden'
  if (OF_VITE.test(url)) return 'vite'
  const [path = '/'] = url.split('?')
  const found = fileOf(path, places)
  // A module may be asked for by another origin, with a preflight. All other preflights are the app's.
  if (method === 'OPTIONS') return found === 'vite' ? 'vite' : 'app'
  if (method !== 'GET' && method !== 'HEAD') return 'app'
  if (IMPORT.test(url)) return found === undefined ? 'vite-or-app' : 'vite'
  if (found !== undefined) return found
  if (path.startsWith('/__')) return 'vite-or-app'
  if (headers['sec-fetch-mode'] === 'navigate' && places.isSinglePage !== false && hasPage(places))
    return places.isSinglePage === true ? { page: '/index.html' } : 'unknown'
  // Plugins serve files that are on no disk, such as /manifest.webmanifest.
  return OF_PLUGINS.test(path) || HAS_EXTENSION.test(path) ? 'vite-or-app' : 'app'
}

/** Returns who answers `env.NAME.fetch` of the assets binding, which never asks the app. */
export function assetAnswererOf({ url = '/' }: Pick<IncomingMessage, 'url'>, places: Places): Answerer {
  if (isOwnFolder(url)) return 'forbidden'
  const [path = '/'] = url.split('?')
  return fileOf(path, places) ?? (places.isSinglePage === true ? { page: '/index.html' } : 'vite')
}

function isOwnFolder(url: string): boolean {
  try {
    return OWN_FOLDER.test(decodeURIComponent(url))
  } catch {
    return OWN_FOLDER.test(url)
  }
}

function fileOf(
  path: string,
  places: Places,
): Exclude<Answerer, 'app' | 'vite-or-app' | 'unknown'> | undefined {
  if (path.startsWith('//')) return undefined
  const found = route(path, (name) => isFileOf(places, name))
  if (found === undefined || 'redirect' in found) return found
  return found.file.endsWith('.html') ? { page: found.file } : 'vite'
}

/** Returns true if Vite has a page at `/`. */
export function hasPage(places: Pick<Places, 'root' | 'publicDir'>): boolean {
  return isFileOf(places, '/index.html')
}

function isFileOf({ root, publicDir }: Pick<Places, 'root' | 'publicDir'>, path: string): boolean {
  return isFile(join(root, path)) || (publicDir !== '' && isFile(join(publicDir, path)))
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true
  } catch {
    return false
  }
}
