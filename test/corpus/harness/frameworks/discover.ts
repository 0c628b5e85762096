import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Framework, NamedFramework } from './framework.ts'

const FOLDER = join(import.meta.dirname, '../../frameworks')
const LEAST_REQUESTS = 8

/** The apps below `frameworks`, all or those named. @throws for an unknown name or a bad folder. */
export async function discoverFrameworks(names: readonly string[]): Promise<NamedFramework[]> {
  const folders = (await readdir(FOLDER)).sort()
  const unknown = names.filter((name) => !folders.includes(name))
  if (unknown.length > 0)
    throw new Error(`There is no framework ${unknown.join(', ')}. There are: ${folders.join(', ')}.`)
  return Promise.all(
    folders
      .filter((name) => names.length === 0 || names.includes(name))
      .map(async (name) => {
        const source = join(FOLDER, name)
        const { default: framework } = (await import(join(source, 'framework.ts'))) as { default: Framework }
        if (framework.requests.length < LEAST_REQUESTS)
          throw new Error(`frameworks/${name} has fewer than ${LEAST_REQUESTS} requests.`)
        return { ...framework, name, source }
      }),
  )
}
