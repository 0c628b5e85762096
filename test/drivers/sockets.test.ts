import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { sockets as memory, ticketedSockets as memoryTickets } from '../../adapters/drivers/memory/index.ts'
import { sockets as nats } from '../../adapters/drivers/nats/index.ts'
import {
  sockets as postgres,
  ticketedSockets as postgresTickets,
} from '../../adapters/drivers/postgres/index.ts'
import { sockets as redis, ticketedSockets as redisTickets } from '../../adapters/drivers/redis/index.ts'
import type { DriverContext, SocketsDriver, TicketedSocketsDriver } from '../../core/bindings/drivers.ts'
import { sockets as declare } from '../../core/bindings/sockets-declaration.ts'
import { PATIENCE } from '../patience.ts'
import { codeOf, createHarness, driverContext, type Harness } from './contracts/harness.ts'
import { openDetour } from './detour.ts'
import { natsInstalled, type NatsServer, startNats } from './nats-server.ts'
import { admin, postgresAnswers, postgresDetour, postgresHarness } from './postgres-server.ts'
import { redisHarness, redisInstalled, type RedisServer, startRedis } from './redis-server.ts'

const hasPostgres = await postgresAnswers('sockets over postgres')
if (!redisInstalled) console.warn('sockets over redis: skipped, redis-server is not installed')
if (!natsInstalled) console.warn('sockets over nats: skipped, nats-server is not installed')
const redisServer: RedisServer | undefined = redisInstalled ? await startRedis() : undefined
const natsServer: NatsServer | undefined = natsInstalled ? await startNats({ jetstream: false }) : undefined
afterAll(async () => {
  await admin.end()
  await redisServer?.stop()
  await natsServer?.stop()
})

const declaration = declare({ path: '/chat' })

const HARNESSES: Record<string, () => Promise<Harness<SocketsDriver>>> = {
  ...(redisServer === undefined
    ? {}
    : {
        redis: () =>
          redisHarness<SocketsDriver>(redisServer.url, (options, context) => redis(options, context)),
      }),
  ...(natsServer === undefined
    ? {}
    : {
        nats: async () => {
          const prefix = randomUUID()
          return createHarness<SocketsDriver>((options) =>
            nats({ url: natsServer.url, prefix }, driverContext(options)),
          )
        },
      }),
  ...(hasPostgres
    ? {
        postgres: async () =>
          postgresHarness<SocketsDriver>((options, context) => postgres(options, context)),
      }
    : {}),
}

const TICKETS: Record<string, () => Promise<Harness<TicketedSocketsDriver>>> = {
  memory: async () => {
    // Processes of memory are one by definition.
    let only: TicketedSocketsDriver | undefined
    return createHarness<TicketedSocketsDriver>(
      async (options) => (only ??= await memoryTickets({}, driverContext(options))),
    )
  },
  ...(redisServer === undefined
    ? {}
    : {
        redis: () =>
          redisHarness<TicketedSocketsDriver>(redisServer.url, (options, context) =>
            redisTickets(options, context),
          ),
      }),
  ...(hasPostgres
    ? {
        postgres: async () =>
          postgresHarness<TicketedSocketsDriver>((options, context) => postgresTickets(options, context)),
      }
    : {}),
}

/** A process that listens, and what it has heard. */
async function listener(
  harness: Harness<SocketsDriver>,
  place: Partial<DriverContext> = {},
): Promise<{ driver: SocketsDriver; name: string; heard: string[] }> {
  const driver = await harness.open({ binding: 'chat', declaration, ...place })
  const name = randomUUID()
  const heard: string[] = []
  await driver.listen(name, (text) => heard.push(text))
  return { driver, name, heard }
}

test('memory has nobody to tell', async () => {
  const driver = await memory({}, driverContext({ binding: 'chat', declaration }))
  expect(driver.isAlone).toBe(true)
  expect(await driver.send('anybody', 'text')).toBe(false)
})

describe.each(Object.entries(HARNESSES))('sockets over %s', (name, create) => {
  test('what one process broadcasts every other one hears, in its order and intact', async () => {
    const harness = await create()
    try {
      const [first, second, third] = [
        await listener(harness),
        await listener(harness),
        await listener(harness),
      ]
      // Longer ones take another way where the backend bounds a message.
      const texts = Array.from(
        { length: 60 },
        (_, at) => `${at} ${'\u00e9\u{1F600}"\\'.repeat(at % 7 === 0 ? 3000 : at)}`,
      )
      for (const text of texts) await first.driver.broadcast(text)
      await first.driver.broadcast('last')
      for (const { heard } of [second, third]) {
        await expect.poll(() => heard.at(-1), PATIENCE).toBe('last')
        expect(heard).toEqual([...texts, 'last'])
      }
    } finally {
      await harness.dispose()
    }
  })

  test('what is sent to a process reaches it alone, and a process that is not there is said to be gone', async () => {
    const harness = await create()
    try {
      const [first, second, third] = [
        await listener(harness),
        await listener(harness),
        await listener(harness),
      ]
      expect(await first.driver.send(second.name, 'for the second')).toBe(true)
      expect(await first.driver.send(second.name, 'x'.repeat(50_000))).toBe(true)
      expect(await first.driver.send(randomUUID(), 'for nobody')).toBe(false)
      await first.driver.broadcast('last')
      for (const { heard } of [second, third]) await expect.poll(() => heard.at(-1), PATIENCE).toBe('last')
      expect(second.heard).toEqual(['for the second', 'x'.repeat(50_000), 'last'])
      expect(third.heard).toEqual(['last'])
    } finally {
      await harness.dispose()
    }
  })

  test('a process that has closed is gone at once', async () => {
    const harness = await create()
    try {
      const [first, second] = [await listener(harness), await listener(harness)]
      await second.driver.close?.()
      // Once is enough: the harness leaves it alone.
      Object.defineProperty(second.driver, 'close', { value: undefined })
      await expect.poll(() => first.driver.send(second.name, 'late'), PATIENCE).toBe(false)
    } finally {
      await harness.dispose()
    }
  })

  test('bindings and apps hear nothing of each other', async () => {
    const harness = await create()
    try {
      const own = await listener(harness)
      const foreign = [
        await listener(harness, { binding: 'other' }),
        await listener(harness, { app: 'another' }),
      ]
      for (const { driver, name: process } of foreign) {
        await driver.broadcast('from elsewhere')
        expect(await driver.send(own.name, 'by its name')).toBe(false)
        expect(await own.driver.send(process, 'by its name')).toBe(false)
      }
      const twin = await listener(harness)
      await twin.driver.broadcast('last')
      await expect.poll(() => own.heard, PATIENCE).toEqual(['last'])
      for (const { heard } of foreign) expect(heard).not.toContain('last')
    } finally {
      await harness.dispose()
    }
  })

  test('a backend that is not there is an error of the start', async () => {
    const harness = await create()
    try {
      const context = driverContext({ binding: 'chat', declaration })
      const open = async (): Promise<void> => {
        const driver =
          name === 'redis'
            ? await redis({ url: 'redis://127.0.0.1:1', connectTimeout: 1 }, context)
            : name === 'nats'
              ? await nats({ url: 'nats://127.0.0.1:1', connectTimeout: 1 }, context)
              : await postgres({ url: 'postgres://127.0.0.1:1/none', connectTimeout: 1, timeout: 1 }, context)
        try {
          await driver.listen('me', () => {})
        } finally {
          await driver.close?.()
        }
      }
      expect(['Unavailable', 'Timeout']).toContain(await codeOf(open()))
    } finally {
      await harness.dispose()
    }
  })

  test('a connection that is lost comes back by itself', async () => {
    const detour =
      name === 'postgres'
        ? await postgresDetour()
        : await openDetour({
            host: '127.0.0.1',
            port: Number(new URL((name === 'redis' ? redisServer : natsServer)?.url ?? '').port),
          })
    const harness = await create()
    try {
      const url = `${name === 'redis' ? 'redis' : 'nats'}://127.0.0.1:${detour.port}`
      const prefix = randomUUID()
      const schema = `unmoor_test_${prefix.replaceAll('-', '')}`
      const context = driverContext({ binding: 'chat', declaration })
      const openBehind = async (): Promise<SocketsDriver> =>
        name === 'redis'
          ? redis({ url, prefix }, context)
          : name === 'nats'
            ? nats({ url, prefix }, context)
            : postgres({ url: (detour as { url?: string }).url ?? '', schema, max: 4 }, context)
      const [driver, sender] = [await openBehind(), await openBehind()]
      const heard: string[] = []
      try {
        await driver.listen('listener', (text) => heard.push(text))
        await sender.listen('sender', () => {})
        detour.drop()
        await expect
          .poll(async () => {
            await sender.broadcast('again').catch(() => {})
            return heard.includes('again')
          }, PATIENCE)
          .toBe(true)
      } finally {
        await driver.close?.()
        await sender.close?.()
        if (name === 'postgres') await admin.unsafe(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
      }
    } finally {
      await harness.dispose()
      await detour.close()
    }
  })
})

describe.each(Object.entries(TICKETS))('tickets in %s', (_name, create) => {
  test('a ticket is good once, whichever process asks, and of many that ask at once for one', async () => {
    const harness = await create()
    try {
      const drivers = await Promise.all(
        Array.from({ length: 3 }, () => harness.open({ binding: 'chat', declaration })),
      )
      const [first] = drivers as [TicketedSocketsDriver]
      const value = JSON.stringify({ user: 'Zo\u00eb', text: 'x'.repeat(1900) })
      await first.saveTicket('ticket', value, 60)
      const taken = await Promise.all(
        Array.from({ length: 12 }, (_, at) =>
          (drivers[at % 3] as TicketedSocketsDriver).takeTicket('ticket'),
        ),
      )
      expect(taken.filter((one) => one !== null)).toEqual([value])
      expect(await first.takeTicket('never was')).toBeNull()
    } finally {
      await harness.dispose()
    }
  })

  test('a ticket is over when its time is', async () => {
    const harness = await create()
    try {
      const driver = await harness.open({ binding: 'chat', declaration })
      await driver.saveTicket('long', '1', 3600)
      let count = 0
      // Each look takes its ticket away, so each has one of its own.
      await expect
        .poll(async () => {
          const id = `short ${count++}`
          await driver.saveTicket(id, '1', 1)
          await new Promise((resolve) => setTimeout(resolve, 1100))
          return driver.takeTicket(id)
        }, PATIENCE)
        .toBeNull()
      expect(await driver.takeTicket('long')).toBe('1')
    } finally {
      await harness.dispose()
    }
  })

  test('bindings and apps have tickets of their own', async () => {
    const harness = await create()
    if (_name === 'memory') return harness.dispose()
    try {
      const driver = await harness.open({ binding: 'chat', declaration })
      await driver.saveTicket('ticket', '1', 60)
      for (const place of [{ binding: 'other' }, { app: 'another' }]) {
        const foreign = await harness.open({ binding: 'chat', declaration, ...place })
        expect(await foreign.takeTicket('ticket')).toBeNull()
      }
      expect(await driver.takeTicket('ticket')).toBe('1')
    } finally {
      await harness.dispose()
    }
  })
})
