import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { NamedWorker, Worker } from './worker.ts'

const FOLDER = join(import.meta.dirname, '../../workers')
const LEAST_REQUESTS = 5
/** A refused Worker counts as one request: its build. */
const BUILD = { name: 'build', path: '/' }

/** The Workers below `workers`, all or those named. @throws for an unknown name or a bad folder. */
export async function discoverWorkers(names: readonly string[]): Promise<NamedWorker[]> {
  const folders = (await readdir(FOLDER)).sort()
  const unknown = names.filter((name) => !folders.includes(name))
  if (unknown.length > 0)
    throw new Error(`There is no Worker ${unknown.join(', ')}. There are: ${folders.join(', ')}.`)
  return Promise.all(
    folders
      .filter((name) => names.length === 0 || names.includes(name))
      .map(async (name) => {
        const source = join(FOLDER, name)
        const { default: worker } = (await import(join(source, 'worker.ts'))) as { default: Worker }
        if (worker.refused !== undefined) return { ...worker, requests: [BUILD], name, source }
        if (worker.requests.length < LEAST_REQUESTS)
          throw new Error(`workers/${name} has fewer than ${LEAST_REQUESTS} requests.`)
        return { ...worker, name, source }
      }),
  )
}
