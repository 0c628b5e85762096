import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { queue as openQueue } from '../../adapters/drivers/nats/index.ts'
import { queue as declareQueue, type QueueOptions } from '../../core/bindings/declarations.ts'
import type { QueueDriver, QueueOutgoing } from '../../core/bindings/drivers.ts'
import { driverContext, failure } from './contracts/harness.ts'
import { natsInstalled, startNats } from './nats-server.ts'

type Consumer = Required<QueueDriver>
const message = (): QueueOutgoing => ({ id: randomUUID(), contentType: 'json', body: '1', delaySeconds: 0 })

it.runIf(natsInstalled)(
  'nats queue: a replay that ends between its two steps loses nothing, and repeated it delivers once',
  async () => {
    const guarded = await startNats({
      settings: `authorization { users: [
      { user: halting, password: a, permissions: { publish: { allow: ">", deny: "$JS.API.STREAM.MSG.DELETE.>" } } }
      { user: whole, password: b }
    ] }`,
    })
    const opened: Consumer[] = []
    try {
      const as = async (user: string, binding: string, declared: QueueOptions = {}): Promise<Consumer> => {
        const url = new URL(guarded.url)
        url.username = user
        url.password = user === 'whole' ? 'b' : 'a'
        const context = driverContext({ binding, declaration: declareQueue(declared) })
        const driver = (await openQueue({ url: url.href }, context)) as Consumer
        opened.push(driver)
        return driver
      }
      const jobs = { deadLetterQueue: 'dead' }
      const dead = await as('whole', 'dead')
      const sent = [message(), message()]
      for (const one of sent) await dead.send([one])
      // The server stores the first message in the queue, and refuses to remove it from the dead letters.
      await failure((await as('halting', 'jobs', jobs)).replay({ limit: 10 }), 'PermissionDenied')
      const queue = await as('whole', 'jobs', jobs)
      expect((await dead.peek({ limit: 10 })).map(({ id }) => id)).toEqual(sent.map(({ id }) => id))
      expect((await queue.peek({ limit: 10 })).map(({ id }) => id)).toEqual([sent[0]?.id])
      expect(await queue.replay({ limit: 10 })).toEqual(sent.map(({ id }) => id))
      expect(await dead.peek({ limit: 10 })).toEqual([])
      expect((await queue.peek({ limit: 10 })).map(({ id }) => id)).toEqual(sent.map(({ id }) => id))
    } finally {
      for (const driver of opened) await driver.close()
      await guarded.stop()
    }
  },
)
