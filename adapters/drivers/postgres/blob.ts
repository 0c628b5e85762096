import type { DriverContext, DriverFactory } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { BlobFiles } from '../fs/files.ts'
import { blob as s3 } from '../s3/index.ts'
import { type ByteStore, IndexedBlobs } from '../shared/indexed-blobs.ts'
import { dataPath, fileName } from '../shared/location.ts'
import { PostgresBlobIndex } from './blob-index.ts'
import { openDatabase } from './database.ts'
import { S3Bytes } from './s3-bytes.ts'
import type { PostgresBlobOptions } from './options.ts'

/** Blob driver with metadata, order and conditions in Postgres, and the bytes in a folder or on S3. */
export const blob: DriverFactory<'blob', PostgresBlobOptions> = async (options, context) => {
  const bytes = await openBytes(options.bytes ?? { driver: 'fs' }, context)
  const store = `${context.app}/${context.binding}`
  const index = async (name: string): Promise<PostgresBlobIndex> =>
    new PostgresBlobIndex(await openDatabase('blob', options, context), name, bytes)
  // The store for a blob binding's uploads has a name that cannot clash: no binding's name has a #.
  return new IndexedBlobs(await index(store), bytes, () => context.now(), await index(`${store}#uploads`))
}

async function openBytes(
  options: NonNullable<PostgresBlobOptions['bytes']>,
  context: DriverContext,
): Promise<ByteStore> {
  switch (options.driver) {
    case 'fs':
      return new BlobFiles(
        dataPath(options.path, context, `blob-${fileName(context.binding)}`),
        options.durable ?? true,
      )
    case 's3':
      return new S3Bytes(await s3(options, context))
  }
  throw new UnmoorError(
    'InvalidArgument',
    `Binding "${context.binding}": "bytes" is { driver: 'fs' } or { driver: 's3' }, with the options of ` +
      'that driver.',
    {
      binding: context.binding,
      operation: 'start',
    },
  )
}
