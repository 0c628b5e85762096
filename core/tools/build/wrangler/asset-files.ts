/** Files of a folder of assets, as a wrangler file asks for them: which are hidden, and their names. */
import { readdirSync } from 'node:fs'
import { join, sep } from 'node:path'
import type { HiddenAssets } from '../assets.ts'

/** Paths of the folder's pages, percent-encoded as a URL has them. */
export function readPages(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.html'))
    .map((name) => new URL(`http://a/${name.split(sep).map(encodeURIComponent).join('/')}`).pathname)
    .sort()
}

/** Paths below the folder of the files that are served, with slashes. */
export function listFiles(folder: string, isHidden: HiddenAssets): string[] {
  const found: string[] = []
  const walk = (below: string): void => {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if ((entry.name.startsWith('.') && entry.name !== '.well-known') || isHidden(path)) continue
      if (entry.isDirectory()) walk(path)
      else found.push(path)
    }
  }
  walk('')
  return found.sort()
}
