import { expect, test } from 'vitest'
import { blob } from '../../adapters/drivers/memory/blob.ts'
import { driverContext } from '../drivers/contracts/harness.ts'
import { BlobStore } from '../../core/bindings/blob.ts'
import { WorkersR2 } from '../../core/compat/workers/r2.ts'

let count = 0
async function store(): Promise<BlobStore> {
  const context = driverContext({ binding: `bucket${count++}` })
  return new BlobStore(await blob({}, context), context)
}

test('an object that an earlier version stored has its metadata, and so has one that nothing of ours wrote', async () => {
  const blobs = await store()
  const bucket = new WorkersR2(
    () => blobs,
    () => blobs,
  )
  const md5 = '5d41402abc4b2a76b9719d911017c592'
  await blobs.put('old', 'hello', {
    customMetadata: { a: '1', 'unmoor-r2': JSON.stringify({ expiry: 1e12, sums: { md5 } }) },
  })
  const old = await bucket.head('old')
  expect([old?.customMetadata, old?.etag, old?.httpMetadata]).toEqual([
    { a: '1' },
    md5,
    { cacheExpiry: new Date(1e12) },
  ])
  await blobs.put('foreign', 'hello', { customMetadata: { a: '1' } })
  expect((await bucket.head('foreign'))?.customMetadata).toEqual({ a: '1' })
})

test('an upload that an earlier version began can be completed, whatever its names are', async () => {
  const blobs = await store()
  const uploads = await store()
  const bucket = new WorkersR2(
    () => blobs,
    () => uploads,
  )
  const upload = { key: 'k', httpMetadata: {}, customMetadata: { userId: '1', plain: '2' }, extra: {} }
  await uploads.put('abc/upload', JSON.stringify(upload))
  const resumed = bucket.resumeMultipartUpload('k', 'abc')
  await resumed.complete([await resumed.uploadPart(1, 'hello')])
  expect((await bucket.head('k'))?.customMetadata).toEqual({ userId: '1', plain: '2' })
})

test('names that every driver keeps lie in the blob as they are', async () => {
  const blobs = await store()
  await new WorkersR2(
    () => blobs,
    () => blobs,
  ).put('k', 'x', { customMetadata: { plain: 'ü' } })
  expect((await blobs.head('k'))?.customMetadata['plain']).toBe('ü')
})

test('an upload is refused at once where its metadata could not be stored at its end', async () => {
  const blobs = await store()
  const bucket = new WorkersR2(
    () => blobs,
    () => blobs,
  )
  const customMetadata = (length: number): Record<string, string> => ({ Big: 'x'.repeat(length) })
  await expect(bucket.createMultipartUpload('k', { customMetadata: customMetadata(2000) })).rejects.toThrow(
    '(10012)',
  )
  const upload = await bucket.createMultipartUpload('k', { customMetadata: customMetadata(1900) })
  await upload.complete([await upload.uploadPart(1, 'x')])
  expect((await bucket.head('k'))?.customMetadata).toEqual(customMetadata(1900))
})
