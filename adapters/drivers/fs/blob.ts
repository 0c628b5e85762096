import type { DriverFactory } from '../../../core/bindings/drivers.ts'
import { IndexedBlobs } from '../shared/indexed-blobs.ts'
import { dataPath, fileName } from '../shared/location.ts'
import { FsBlobIndex } from './blob-index.ts'
import { BlobFiles } from './files.ts'
import type { FsOptions } from './options.ts'

/** Blobs as files. */
export const blob: DriverFactory<'blob', FsOptions> = async (options, context) => {
  const folder = dataPath(options.path, context, `blob-${fileName(context.binding)}`)
  const durable = options.durable ?? true
  const files = new BlobFiles(folder, durable)
  const indexes: FsBlobIndex[] = []
  try {
    for (const name of ['index.sqlite', 'uploads.sqlite']) {
      const index = new FsBlobIndex(folder, name, durable)
      indexes.push(index)
      for (const file of index.leftovers(files, context.now())) await files.remove(file)
    }
  } catch (error) {
    for (const index of indexes) index.close()
    throw error
  }
  const [index, stage] = indexes as [FsBlobIndex, FsBlobIndex]
  return new IndexedBlobs(index, files, () => context.now(), stage)
}
