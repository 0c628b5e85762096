import { setImmediate as nextTurn } from 'node:timers/promises'
import type { DriverFactory } from '../../../core/bindings/drivers.ts'
import { IndexedBlobs } from '../shared/indexed-blobs.ts'
import { dataPath, fileName } from '../shared/location.ts'
import { FsBlobIndex } from './blob-index.ts'
import { BlobFiles } from './files.ts'
import type { FsOptions } from './options.ts'

/** Blob driver that stores each body as a file of a local folder. */
export const blob: DriverFactory<'blob', FsOptions> = async (options, context) => {
  const folder = dataPath(options.path, context, `blob-${fileName(context.binding)}`)
  const durable = options.durable ?? true
  const files = new BlobFiles(folder, durable)
  const indexes: FsBlobIndex[] = []
  try {
    for (const name of ['index.sqlite', 'uploads.sqlite']) {
      const index = new FsBlobIndex(folder, name, durable)
      indexes.push(index)
    }
  } catch (error) {
    for (const index of indexes) index.close()
    throw error
  }
  const [index, stage] = indexes as [FsBlobIndex, FsBlobIndex]
  // Leftover blob files are removed in the background: the start must not wait for the files that a crash has
  // left.
  for (const one of indexes) removeLeftovers(one, files, () => context.now()).catch(() => {})
  return new IndexedBlobs(index, files, () => context.now(), stage)
}

/**
 * Removes the blob files that ended processes have left, in steps. A failure leaves the rest to the next
 * start.
 */
async function removeLeftovers(index: FsBlobIndex, files: BlobFiles, now: () => number): Promise<void> {
  for (let last: string | undefined = ''; last !== undefined;) {
    await nextTurn()
    if (!index.isOpen) return
    const step = index.leftovers(files, now(), last)
    await Promise.all(step.abandoned.map((file) => files.remove(file)))
    last = step.last
  }
}
