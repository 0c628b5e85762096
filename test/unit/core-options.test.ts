import { describe, expect, it } from 'vitest'
import * as declare from '../../core/bindings/declarations.ts'
import { BlobStore } from '../../core/bindings/blob.ts'
import { Kv } from '../../core/bindings/kv.ts'
import { Queue } from '../../core/bindings/queue.ts'
import { Sql } from '../../core/bindings/sql.ts'
import { StrongKv } from '../../core/bindings/strong-kv.ts'
import { isUnmoorError } from '../../core/errors.ts'

/** A driver that is never asked: what it would be asked for is refused before. */
const untouched = new Proxy({} as never, {
  get: (_, name) =>
    name === 'dialect'
      ? 'sqlite'
      : () => {
          throw new Error(`the driver's ${String(name)} was called`)
        },
})
const named = { binding: 'own' }
const kv = new Kv(untouched, named)
const strong = new StrongKv(untouched, named)
const blob = new BlobStore(untouched, named)
const queue = new Queue(untouched, named)
const sql = new Sql(untouched, named)
/** As plain JavaScript gives them. */
const wrong = (options: object): never => options as never

describe('an option that is unknown is refused with the nearest right name', () => {
  it.each<[call: string, run: () => unknown, told: string]>([
    [
      'kv.put',
      () => kv.put('a', 'b', wrong({ expirationTtl: 60 })),
      'own.put has no option "expirationTtl". Did you mean "ttl"?',
    ],
    ['kv.list', () => kv.list(wrong({ perfix: 'a' })), 'Did you mean "prefix"?'],
    [
      'strongKv.putIf',
      () => strong.putIf('a', 'b', { absent: true }, wrong({ tll: 60 })),
      'Did you mean "ttl"?',
    ],
    ['strongKv.update', () => strong.update('a', () => 1, wrong({ attempt: 6 })), 'Did you mean "attempts"?'],
    ['blob.put', () => blob.put('a', 'b', wrong({ contenttype: 'x' })), 'Did you mean "contentType"?'],
    ['blob.get', () => blob.get('a', wrong({ onlyIf: {} })), 'Did you mean "ifMatch"?'],
    [
      'blob.list',
      () => blob.list(wrong({ include: [] })),
      'It takes: prefix, delimiter, startAfter, cursor, limit.',
    ],
    ['blob.copy', () => blob.copy('a', 'b', wrong({ ifmatch: 'x' })), 'Did you mean "ifMatch"?'],
    ['blob.startUpload', () => blob.startUpload('a', wrong({ sha256: 'x' })), 'has no option "sha256"'],
    ['blob.signedUrl', () => blob.signedUrl('a', wrong({ expiresin: 5 })), 'Did you mean "expiresIn"?'],
    ['queue.send', () => queue.send(1, wrong({ delay: 5 })), 'It takes: delaySeconds.'],
    [
      'queue.sendBatch',
      () => queue.sendBatch([wrong({ body: 1, delaySecond: 5 })]),
      'Did you mean "delaySeconds"?',
    ],
    ['sql.transaction', () => sql.transaction(() => 1, wrong({ timeOut: 5 })), 'Did you mean "timeout"?'],
  ])('%s', async (_, run, told) => {
    const error: unknown = await (async () => run())().catch((reason: unknown) => reason)
    expect(isUnmoorError(error, 'InvalidArgument')).toBe(true)
    expect((error as Error).message).toContain(told)
  })

  it.each<[call: string, run: () => unknown, told: string]>([
    [
      'kv',
      () => declare.kv(wrong({ consistent: 'strong' })),
      'kv has no option "consistent". Did you mean "consistency"?',
    ],
    ['sql', () => declare.sql(wrong({ migration: './m' })), 'Did you mean "migrations"?'],
    ['queue', () => declare.queue(wrong({ max_retries: 3 })), 'Did you mean "maxRetries"?'],
    ['secret', () => declare.secret(wrong({ opt: true })), 'It takes: optional.'],
    ['variable', () => declare.variable(wrong({ defaults: 'a' })), 'Did you mean "default"?'],
    ['service', () => declare.service(wrong({ apps: 'x' })), 'Did you mean "app"?'],
    ['assets', () => declare.assets(wrong({ directory: './p', notfound: 'x' })), 'Did you mean "notFound"?'],
  ])('the declaration %s', (_, run, told) => {
    expect(run).toThrow(told)
  })
})

it('an option that is undefined is none', async () => {
  await expect(kv.put('a', 'b', wrong({ expirationTtl: undefined }))).rejects.toThrow(
    "the driver's put was called",
  )
})
