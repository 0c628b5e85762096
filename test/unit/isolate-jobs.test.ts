import { pbkdf2 } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Jobs } from '../../adapters/isolate/services/jobs.ts'

const derive = promisify(pbkdf2)
const free = (): void => {}

test('jobs of many apps leave threads to everything else', async () => {
  const order: string[] = []
  const jobs = Array.from({ length: 8 }, () => new Jobs()).flatMap((app) =>
    [0, 1, 2].map(() =>
      app.run(() => derive('word', 'salt', 300_000, 32, 'sha512'), free).then(() => order.push('job')),
    ),
  )
  // Each asks libuv for a thread.
  await stat('/').then(() => order.push('file'))
  expect(order).toEqual(['file'])
  await Promise.all(jobs)
  expect(order).toHaveLength(25)
})

test('apps take turns: one with many jobs keeps another waiting for those only that run', async () => {
  const [busy, other] = [new Jobs(), new Jobs()]
  const order: string[] = []
  const gates = new Map<string, () => void>()
  const job = (app: Jobs, name: string): Promise<void> =>
    app.run(() => {
      order.push(name)
      return new Promise<void>((resolve) => gates.set(name, resolve))
    }, free)
  const all = ['b1', 'b2', 'b3', 'b4']
    .map((name) => job(busy, name))
    .concat(job(other, 'o1'), job(other, 'o2'))
  const end = async (name: string): Promise<void> => {
    await expect.poll(() => gates.has(name)).toBe(true)
    gates.get(name)?.()
  }
  await end('b1')
  await end('o1')
  await end('b2')
  await end('b3')
  await end('o2')
  await end('b4')
  await Promise.all(all)
  expect(order.indexOf('o1')).toBeLessThan(order.indexOf('b3'))
  expect(order.indexOf('o2')).toBeLessThan(order.indexOf('b4') + 2)
})

test('a job that fails gives its place to the next', async () => {
  const app = new Jobs()
  const fail = (): Promise<never> => Promise.reject(new Error('no'))
  const results = await Promise.allSettled([0, 1, 2, 3].map(() => app.run(fail, free)))
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected'])
  expect(await app.run(async () => 'done', free)).toBe('done')
})
