import { expect, it } from 'vitest'
import { queue } from '../../adapters/drivers/sqlite/index.ts'
import { watchQueue } from '../../adapters/isolate/host/worker/watched-driver.ts'
import { queue as declareQueue } from '../../core/bindings/declarations.ts'
import type { QueueDriver } from '../../core/bindings/drivers.ts'
import { driverContext } from '../drivers/contracts/harness.ts'

it("host: what an app may ask of its queue waits for the app's turn and is measured, sends are not", async () => {
  const context = driverContext({ binding: 'jobs', declaration: declareQueue({ deadLetterQueue: 'dead' }) })
  const driver = (await queue({ path: ':memory:' }, context)) as Required<QueueDriver>
  const events: string[] = []
  let turn: Promise<void> | undefined
  const watched = watchQueue(driver, {
    begin: () => void events.push('begin'),
    end: (microseconds) => void events.push(microseconds >= 0 ? 'end' : 'wrong'),
    turn: () => turn,
    tooLarge() {},
  }) as Required<QueueDriver>
  try {
    await watched.send([{ id: 'a', contentType: 'json', body: '1', delaySeconds: 0 }])
    expect(events).toEqual([])
    const calls = [
      () => watched.depth(),
      () => watched.age(),
      () => watched.peek({ limit: 1 }),
      () => watched.replay({ limit: 1 }),
      () => watched.purge(),
    ]
    const answers: unknown[] = []
    for (const call of calls) {
      const { promise, resolve } = Promise.withResolvers<void>()
      turn = promise
      const answer = call()
      await new Promise(setImmediate)
      expect(events).toEqual([])
      resolve()
      answers.push(await answer)
      expect(events.splice(0)).toEqual(['begin', 'end'])
    }
    expect(answers).toMatchObject([{ ready: 1 }, expect.any(Number), [{ id: 'a' }], [], 1])
  } finally {
    await driver.close()
  }
})
