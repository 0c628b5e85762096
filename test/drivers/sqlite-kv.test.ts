import { describe, expect, it } from 'vitest'
import { kv, strongKv } from '../../adapters/drivers/sqlite/index.ts'
import type { StrongKvDriver } from '../../core/bindings/drivers.ts'
import { kvContract } from './contracts/kv.ts'
import { strongKvContract } from './contracts/strong-kv.ts'
import { folderHarness } from './folder.ts'
import { driverContext } from './contracts/harness.ts'

kvContract('sqlite', () => folderHarness((options, context) => kv(options, context)))
kvContract('sqlite strong', () => folderHarness((options, context) => strongKv(options, context)))
strongKvContract('sqlite', () => folderHarness((options, context) => strongKv(options, context)))

describe('sqlite strong kv', () => {
  it('a plain kv becomes strong with its entries; a plain writer that is still there cannot hide its writes', async () => {
    const harness = await folderHarness<StrongKvDriver>((options, context) => strongKv(options, context))
    const plain = await kv({}, driverContext({}, { dataDir: harness.dataDir }))
    await plain.put('a', 'old', { metadata: '1' })
    await plain.put('b', 'old', {})
    const strong = await harness.open()
    const first = await strong.getWithVersion('a', 'text')
    expect(first).toEqual({
      value: 'old',
      metadata: '1',
      expiration: undefined,
      version: expect.stringMatching(/./),
    })
    expect((await strong.getWithVersion('b', 'text'))?.version).not.toBe(first?.version)
    await plain.put('a', 'old', { metadata: '1' })
    expect(await strong.putIf('a', 'new', {}, first?.version as string)).toBeNull()
    await plain.delete('b')
    await plain.put('b', 'again', {})
    const second = await strong.getWithVersion('b', 'text')
    expect(second?.value).toBe('again')
    expect(await strong.putIf('b', 'mine', {}, second?.version as string)).not.toBeNull()
    expect((await plain.get('b', 'text'))?.value).toBe('mine')
    await plain.close?.()
    await harness.dispose()
  })
})
