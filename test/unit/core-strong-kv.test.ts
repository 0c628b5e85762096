import { describe, expect, it } from 'vitest'
import type { KvVersionedEntry, StrongKvDriver } from '../../core/bindings/drivers.ts'
import { StrongKv } from '../../core/bindings/strong-kv.ts'

/** A driver that others write to between a read and the write after it, `rivals` times. */
function contested(rivals: number): {
  kv: StrongKv
  driver: StrongKvDriver
  entries: Map<string, KvVersionedEntry>
} {
  const entries = new Map<string, KvVersionedEntry>()
  let version = 0
  let left = rivals
  const put = (key: string, value: string): string => {
    entries.set(key, { value, version: String(++version) })
    return String(version)
  }
  const driver: StrongKvDriver = {
    get: async (key) => entries.get(key) ?? null,
    getWithVersion: async (key) => entries.get(key) ?? null,
    put: async (key, value) => void put(key, value as string),
    putIf: async (key, value, _options, expected) => {
      if (left-- > 0) put(key, '100')
      return (entries.get(key)?.version ?? null) === expected ? put(key, value as string) : null
    },
    delete: async (key) => void entries.delete(key),
    deleteIf: async (key, expected) => entries.get(key)?.version === expected && entries.delete(key),
    list: async () => ({ keys: [] }),
  }
  return { kv: new StrongKv(driver, { binding: 'balances' }), driver, entries }
}

describe('StrongKv', () => {
  it('writes only over the version that was read', async () => {
    const { kv } = contested(0)
    const { version } = await kv.putIf('a', '1', { absent: true })
    await expect(kv.putIf('a', '2', { absent: true })).rejects.toMatchObject({
      code: 'PreconditionFailed',
      binding: 'balances',
      operation: 'putIf',
    })
    expect(await kv.getWithVersion('a')).toEqual({ value: '1', metadata: null, expiration: null, version })
    await kv.putIf('a', '2', { version })
    await expect(kv.deleteIf('a', { version })).rejects.toMatchObject({ code: 'PreconditionFailed' })
    expect(await kv.get('a')).toBe('2')
  })

  it('calls a driver of version 0.1 by getVersioned', async () => {
    const { driver } = contested(0)
    // As a module of JavaScript that knows the old contract.
    const getVersioned: StrongKvDriver['getVersioned'] = (key, as) => driver.getWithVersion(key, as)
    const neither = { ...driver, getWithVersion: undefined }
    const kv = new StrongKv({ ...neither, getVersioned } as unknown as StrongKvDriver, {
      binding: 'balances',
    })
    const { version } = await kv.putIf('a', '1', { absent: true })
    expect(await kv.getWithVersion('a')).toMatchObject({ value: '1', version })
    const broken = new StrongKv(neither as unknown as StrongKvDriver, { binding: 'balances' })
    await expect(broken.getWithVersion('a')).rejects.toMatchObject({
      code: 'Internal',
      message: expect.stringContaining('no method getWithVersion'),
    })
  })

  it('updates over the writes of others, and gives up in the end', async () => {
    const { kv } = contested(3)
    expect(await kv.update<number>('a', (n) => (n ?? 0) + 1)).toBe(101)
    const busy = contested(Infinity)
    await expect(busy.kv.update<number>('a', () => 1, { attempts: 4 })).rejects.toMatchObject({
      code: 'Conflict',
      retryable: true,
    })
  })

  it('writes nothing where the change gives undefined or throws', async () => {
    const { kv, entries } = contested(0)
    expect(await kv.update('a', () => undefined)).toBeNull()
    await expect(kv.update('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(entries.size).toBe(0)
  })

  it.each([{}, { version: '' }, { absent: true, version: '1' }, { absent: false }, null])(
    'refuses the condition %j',
    async (condition) => {
      const { kv } = contested(0)
      await expect(kv.putIf('a', 'v', condition as never)).rejects.toMatchObject({ code: 'InvalidArgument' })
    },
  )
})
