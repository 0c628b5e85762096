import { expect, test } from 'vitest'
import { createHyperdrive } from '../../core/compat/workers/small-bindings.ts'

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
