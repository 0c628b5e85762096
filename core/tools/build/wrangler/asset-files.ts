/** Lists the files of an assets folder for a Worker's asset routing. */
import { readdirSync } from 'node:fs'
import { join, sep } from 'node:path'
import type { HiddenAssets } from '../assets.ts'

/** URL paths of the .html files in an assets folder, percent-encoded and sorted. */
export function readPages(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.html'))
    .map((name) => new URL(`http://a/${name.split(sep).map(encodeURIComponent).join('/')}`).pathname)
    .sort()
}

/** Paths of the files in an assets folder that are served, relative to the folder, with slashes, sorted. */
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
