import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Library, NamedLibrary } from './library.ts'

const FOLDER = join(import.meta.dirname, '../libraries')
const LEAST_REQUESTS = 5

/** The libraries below `libraries`, all or those named. @throws for an unknown name or a bad folder. */
export async function discover(names: readonly string[]): Promise<NamedLibrary[]> {
  const folders = (await readdir(FOLDER)).sort()
  const unknown = names.filter((name) => !folders.includes(name))
  if (unknown.length > 0)
    throw new Error(`There is no library ${unknown.join(', ')}. There are: ${folders.join(', ')}.`)
  return Promise.all(folders.filter((name) => names.length === 0 || names.includes(name)).map(load))
}

async function load(name: string): Promise<NamedLibrary> {
  const dir = join(FOLDER, name)
  const entry = ['app.ts', 'app.tsx'].map((file) => join(dir, file)).find((file) => existsSync(file))
  if (entry === undefined) throw new Error(`libraries/${name} has neither app.ts nor app.tsx.`)
  const { default: library } = (await import(join(dir, 'library.ts'))) as { default: Library }
  const { requests } = library
  if (requests.length < LEAST_REQUESTS)
    throw new Error(`libraries/${name} has ${requests.length} requests; ${LEAST_REQUESTS} are the fewest.`)
  if (new Set(requests.map((request) => request.name)).size < requests.length)
    throw new Error(`libraries/${name} has two requests of the same name.`)
  return { ...library, name, dir, entry }
}
