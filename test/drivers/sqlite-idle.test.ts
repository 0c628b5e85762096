import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { cronStore } from '../../adapters/drivers/sqlite/cron/index.ts'
import { queue as openQueue } from '../../adapters/drivers/sqlite/index.ts'
import type { QueueDriver, QueueIncoming } from '../../core/bindings/drivers.ts'
import { driverContext } from './contracts/harness.ts'

let dataDir: string
const closing: { close?(): unknown }[] = []
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'unmoor-idle-'))
})
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close?.()
  await rm(dataDir, { recursive: true, force: true })
})

async function open(options: object = {}, binding = 'jobs'): Promise<QueueDriver> {
  const declaration = { kind: 'queue', maxRetries: 3 } as never
  const driver = await openQueue(options, { ...driverContext({}, { dataDir }), binding, declaration })
  closing.push(driver)
  return driver
}

/** Files of this test that the process has open: what is read is the kernel's list. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      return path.startsWith(dataDir) ? [path.slice(dataDir.length + 1)] : []
    } catch {
      return []
    }
  })
}

const message = (id: string, delaySeconds = 0): Parameters<QueueDriver['send']>[0][number] => ({
  id,
  contentType: 'json',
  body: '"x"',
  delaySeconds,
})

function receive(driver: QueueDriver, waitSeconds = 600): Promise<QueueIncoming[]> {
  const controller = new AbortController()
  closing.unshift({ close: () => controller.abort() })
  return (driver.receive as NonNullable<QueueDriver['receive']>)({
    max: 10,
    leaseSeconds: 60,
    waitSeconds,
    signal: controller.signal,
  })
}

async function sendElsewhere(id: string): Promise<void> {
  const child = fork(new URL('sqlite-sender.ts', import.meta.url).pathname, [dataDir, id], {
    execArgv: ['--no-warnings', '--import', new URL('../built-hooks.ts', import.meta.url).href],
  })
  await once(child, 'exit')
}

const files = (): string[] =>
  readdirSync(dataDir, { recursive: true }).filter((name) => String(name).includes('sqlite')) as string[]
const ids = (messages: QueueIncoming[]): string[] => messages.map(({ id }) => id)
const asleep = (): Promise<void> => expect.poll(openFiles).toEqual([])

it('a queue that waits with nothing to do has no file open, and a send of its process wakes it', async () => {
  const driver = await open()
  await driver.send([message('before')])
  const received = await receive(driver)
  await driver.settle?.(received.map(({ lease }) => ({ lease, outcome: 'ack' as const })))
  const waiting = receive(driver)
  expect(openFiles()).not.toEqual([])
  await asleep()
  await driver.send([message('a')])
  expect(ids(await waiting)).toEqual(['a'])
})

it('a send by another process wakes a queue whose file is closed, each time', async () => {
  const driver = await open()
  for (const id of ['a', 'b']) {
    const waiting = receive(driver)
    await asleep()
    await sendElsewhere(id)
    const received = await waiting
    expect(ids(received)).toEqual([id])
    await driver.settle?.(received.map(({ lease }) => ({ lease, outcome: 'ack' as const })))
  }
})

it('a write by another process that keeps the file open wakes it too', async () => {
  const driver = await open()
  await driver.depth?.()
  const waiting = receive(driver)
  await asleep()
  // As a process that sends often: its log stays, and grows.
  using other = new DatabaseSync(join(dataDir, 'test/queues.sqlite'))
  const send = (id: string): unknown =>
    other
      .prepare(
        "INSERT INTO messages (queue, id, content_type, body, sent_at, visible_at) VALUES ('test/jobs', ?, " +
          "'json', '1', 0, 0)",
      )
      .run(id)
  send('a')
  expect(ids(await waiting)).toEqual(['a'])
  const again = receive(driver)
  send('b')
  expect(ids(await again)).toEqual(['b'])
})

it('a delayed message comes at its time out of a closed file', async () => {
  const driver = await open()
  const sent = Date.now()
  await driver.send([message('later', 4)])
  const waiting = receive(driver)
  await asleep()
  expect(ids(await waiting)).toEqual(['later'])
  expect(Date.now() - sent).toBeGreaterThanOrEqual(4000)
})

it('a consumer that was busy while its file fell asleep gets what came meanwhile', async () => {
  const driver = await open()
  const idle = await open({}, 'idle')
  void receive(idle)
  await driver.send([message('a')])
  await asleep()
  expect(ids(await receive(driver))).toEqual(['a'])
})

it('a wait that ends while the file is closed gives nothing, and opens nothing', async () => {
  const driver = await open()
  const waiting = receive(driver, 5)
  await asleep()
  expect(await waiting).toEqual([])
  expect(openFiles()).toEqual([])
})

it('a queue in memory, and one without a log, stay open', async () => {
  const plain = await open({ journal: 'delete', path: join(dataDir, 'plain.sqlite') })
  const memory = await open({ path: ':memory:' })
  const wal = await open()
  await memory.send([message('m')])
  void receive(plain)
  void receive(wal)
  await expect.poll(() => new Set(openFiles())).toEqual(new Set(['plain.sqlite']))
  expect(await memory.depth?.()).toEqual({ ready: 1, delayed: 0, leased: 0 })
})

it('a store of crons closes its file while no time comes, and keeps its claims', async () => {
  const store = await cronStore({}, driverContext({}, { dataDir }))
  closing.push(store)
  await store.claim('tick', 1000, 'lease', 60)
  await asleep()
  expect(await store.latest('tick')).toBe(1000)
  expect(await store.claim('tick', 1000, 'other', 60)).toMatchObject({ state: 'taken' })
})

it('an app that has never sent or claimed has no file, and the first send of another process is heard', async () => {
  const driver = await open()
  const store = await cronStore({}, driverContext({}, { dataDir }))
  closing.push(store)
  expect([await store.open('tick'), await store.latest('tick')]).toEqual([[], undefined])
  const waiting = receive(driver)
  expect(files()).toEqual([])
  await sendElsewhere('first')
  expect(ids(await waiting)).toEqual(['first'])
})
