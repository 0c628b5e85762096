import { expect, test } from 'vitest'
import { createHyperdrive, RateLimit } from '../../core/compat/workers/small-bindings.ts'

test('the delta of a rate limit counts for so many calls, and the call that goes past the limit is still allowed', async () => {
  const limiter = new RateLimit(3, 60)
  const allowed = async (delta?: number): Promise<boolean> =>
    (await limiter.limit({ key: 'k', ...(delta === undefined ? {} : { delta }) })).success
  expect([await allowed(2), await allowed(5), await allowed()]).toEqual([true, true, false])
  await expect(allowed(0)).rejects.toThrow('positive integer')
})

test('the parts of a Hyperdrive are those of its URL; an address that it does not have is refused when it is read', () => {
  const named = createHyperdrive(() => 'postgres://user:p%40ss@db.example.com/shop')
  expect({ ...named, connect: 0 }).toEqual({
    connect: 0,
    connectionString: 'postgres://user:p%40ss@db.example.com/shop',
    host: 'db.example.com',
    port: 5432,
    user: 'user',
    password: 'p@ss',
    database: 'shop',
  })
  expect(() => named.ip).toThrow('host name "db.example.com"')
  expect(createHyperdrive(() => 'postgres://u:p@10.0.0.7:6432/shop').ip).toBe('10.0.0.7')
  expect(createHyperdrive(() => 'postgres://u:p@[::1]/shop').ip).toBe('::1')
})
