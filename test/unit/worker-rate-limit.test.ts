import { expect, test } from 'vitest'
import { Counter } from '../../core/bindings/counter.ts'
import { RateLimit } from '../../core/compat/workers/rate-limit.ts'
import { counter } from '../../adapters/drivers/memory/counter.ts'
import { driverContext } from '../../core/tools/conformance/drivers/harness.ts'

function createLimit(limit = 3): RateLimit {
  const context = driverContext({ binding: 'limiter', declaration: { kind: 'counter' } })
  const driver = counter({}, context) as ConstructorParameters<typeof Counter>[0]
  const shared = new Counter(driver, { binding: 'limiter', now: Date.now })
  return new RateLimit(() => shared, { limit, period: 60 })
}

test('the delta of a rate limit counts for so many calls, and the call that goes past the limit is still allowed', async () => {
  const limiter = createLimit()
  const allowed = async (delta: unknown = 1): Promise<boolean> =>
    (await limiter.limit({ key: 'k', delta: delta as number })).success
  expect([await allowed(2), await allowed('5.9'), await allowed()]).toEqual([true, true, false])
})

test.each([
  [undefined, 'invalid rate limit options'],
  [{ key: 1 }, 'invalid key: 1'],
  [{ key: 'k', more: 1, other: 2 }, 'bad rate limit options: [more,other]'],
  [{ key: 'k', delta: 0 }, 'delta must be non-zero'],
  [{ key: 'k', delta: -1 }, 'negative'],
  [{ key: 'k', delta: NaN }, 'not an integer'],
  [{ key: 'k', delta: 2 ** 32 }, 'Must be less than or equal to 4294967295'],
  [{ key: 'k', period: 30 }, 'unsupported period: 30'],
  [{ key: 'k', limit: '1' }, 'limit must be a number: 1'],
])('limit(%j) is refused as workerd does', async (options, message) => {
  await expect(createLimit().limit(options as never)).rejects.toThrow(message)
})

test('a call may bring a limit and a period of its own, which count apart per period', async () => {
  const limiter = createLimit(1)
  expect(await limiter.limit({ key: 'k' })).toEqual({ success: true })
  expect(await limiter.limit({ key: 'k' })).toEqual({ success: false })
  expect(await limiter.limit({ key: 'k', limit: 2 })).toEqual({ success: true })
  expect(await limiter.limit({ key: 'k', period: 10 })).toEqual({ success: true })
  expect(await limiter.limit({ key: 'other', limit: 0 })).toEqual({ success: false })
})

test('a limiter whose backend fails goes on counting by itself, and says so once', async () => {
  const errors: unknown[][] = []
  const { error } = console
  console.error = (...args) => void errors.push(args)
  try {
    const shared = new Counter(
      { take: () => Promise.reject(new Error('the server is gone')) },
      { binding: 'limiter', now: Date.now },
    )
    const limiter = new RateLimit(() => shared, { limit: 2, period: 60 })
    const answers: boolean[] = []
    for (let call = 0; call < 4; call++) answers.push((await limiter.limit({ key: 'k' })).success)
    expect(answers).toEqual([true, true, false, false])
    expect(errors).toHaveLength(1)
    expect(String(errors[0]?.[0])).toContain('limiter: its counts cannot be reached')
  } finally {
    console.error = error
  }
})
