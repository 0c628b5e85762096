import { expect, it } from 'vitest'
import { Gather } from '../../adapters/drivers/shared/gather.ts'

const sizeOf = (text: string): number => text.length

it('joins the calls of one turn of the event loop', async () => {
  const done: string[][] = []
  const gather = new Gather<string>((items) => void done.push([...items]), sizeOf)
  await Promise.all([
    gather.add(['a']),
    Promise.resolve().then(() => gather.add(['b', 'c'])),
    gather.add(['d']),
  ])
  await gather.add(['e'])
  expect(done).toEqual([['a', 'd', 'b', 'c'], ['e']])
})

it('keeps each call whole: at most 100 items and a million bytes together, and one call with more by itself', async () => {
  const done: number[] = []
  const gather = new Gather<string>((items) => void done.push(items.length), sizeOf)
  const many = (count: number, text = 'x'): string[] => Array.from({ length: count }, () => text)
  await Promise.all([
    gather.add(many(60)),
    gather.add(many(40)),
    gather.add(many(1)),
    gather.add(many(150)),
    gather.add(many(2)),
  ])
  expect(done).toEqual([100, 1, 150, 2])
  done.length = 0
  await Promise.all([1, 2, 3].map(() => gather.add(many(4, 'x'.repeat(120_000)))))
  expect(done).toEqual([8, 4])
})

it('fails the calls of a failed group, and no other', async () => {
  const error = new Error('away')
  const gather = new Gather<string>(async (items) => {
    if (items.includes('bad')) throw error
  }, sizeOf)
  const together = [gather.add(['good']), gather.add(['bad'])]
  expect(await Promise.allSettled(together)).toEqual([
    { status: 'rejected', reason: error },
    { status: 'rejected', reason: error },
  ])
  await gather.add(['good'])
})

it('flush does at once what waits', async () => {
  let done = 0
  const gather = new Gather<string>((items) => void (done += items.length), sizeOf)
  const call = gather.add(['a'])
  const flushed = gather.flush()
  expect(done).toBe(1)
  await Promise.all([call, flushed])
  await gather.flush()
  expect(done).toBe(1)
})
