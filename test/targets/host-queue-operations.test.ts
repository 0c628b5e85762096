/** What `unmoor queue` asks of the apps of a host: the route is in the isolate, the drivers are outside. */
import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildApp } from '../../core/tools/build/build.ts'
import { tempProject, type TempProject } from '../unit/temp-project.ts'
import { type HostLab, labApp, sendTo, startHostLab } from './host-lab.ts'

const TOKEN: string = randomUUID()
const SETTINGS = { variables: { UNMOOR_DATA_TOKEN: TOKEN } }
let project: TempProject
let lab: HostLab

async function build(dataRoute: boolean): Promise<string> {
  const outDir = join(project.dir, 'out', randomUUID())
  await buildApp({
    projectDir: project.dir,
    target: 'isolate',
    outDir,
    dataRoute,
    log: { info() {}, warn() {} },
  })
  return outDir
}

beforeAll(async () => {
  project = await tempProject({
    'src/app.ts': labApp(`jobs: queue({ deadLetterQueue: 'dead' }), dead: queue()`),
  })
  const dir = await build(true)
  lab = await startHostLab({
    apps: { one: { dir, ...SETTINGS }, two: { dir, ...SETTINGS }, plain: { dir: await build(false) } },
  })
})
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]()
  await project?.[Symbol.asyncDispose]()
})

async function ask(app: string, request: object): Promise<{ status: number; answer: unknown }> {
  const { status, text } = await sendTo(lab.host.url, app, {
    method: 'POST',
    path: '/.unmoor/data',
    headers: { authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify(request),
  })
  return { status, answer: JSON.parse(text) as unknown }
}

it("host: the route lists, shows, replays and purges one app's queues, and no other app's", async () => {
  await lab.run('one', `await env.dead.sendBatch([{ body: 'a' }, { body: new Uint8Array([0, 255]) }])`)
  const depth = { ready: 0, delayed: 0, leased: 0 }
  expect(await ask('one', { op: 'queue.list' })).toEqual({
    status: 200,
    answer: {
      value: [
        { name: 'jobs', driver: 'sqlite', depth, deadLetterQueue: 'dead' },
        { name: 'dead', driver: 'sqlite', depth: { ...depth, ready: 2 }, age: expect.any(Number) },
      ],
    },
  })
  expect((await ask('two', { op: 'queue.peek', queue: 'dead', limit: 10 })).answer).toEqual({ value: [] })
  expect((await ask('two', { op: 'queue.purge', queue: 'dead' })).answer).toEqual({ value: 0 })
  expect((await ask('one', { op: 'queue.peek', queue: 'dead', limit: 10 })).answer).toMatchObject({
    value: [
      { contentType: 'json', body: '"a"', size: 3, cut: false, attempts: 0, state: 'ready' },
      { contentType: 'bytes', body: { $: 'bytes', value: 'AP8=' }, size: 2 },
    ],
  })
  expect((await ask('one', { op: 'queue.replay', queue: 'jobs', limit: 1 })).answer).toEqual({
    value: { from: 'dead', moved: [expect.any(String)] },
  })
  expect((await ask('one', { op: 'queue.purge', queue: 'jobs' })).answer).toEqual({ value: 1 })
  expect((await ask('one', { op: 'queue.purge', queue: 'dead' })).answer).toEqual({ value: 1 })
})

it.each([
  ['{}', /no such operation/],
  [`{ op: 'peek', limit: 1e9 }`, /from 1 to 100, not 1000000000/],
  [`{ op: 'peek', limit: '5' }`, /from 1 to 100, not "5"/],
  [`{ op: 'replay', limit: -1 }`, /from 1 to 100, not -1/],
  [`{ op: 'replay', limit: 1, ids: [7] }`, /Name at most 100 ids/],
  [`{ op: 'replay', limit: 1, ids: Array.from({ length: 101 }, String) }`, /Name at most 100 ids/],
])('host: an app that asks the engine itself for %s of its queue is refused', async (request, message) => {
  await expect(lab.run('one', `return env.jobs.operate(${request})`)).rejects.toMatchObject({
    code: 'InvalidArgument',
    message: expect.stringMatching(message),
  })
})

it('host: queues of a build without the data route have no such method', async () => {
  expect(await lab.run('plain', `return [typeof env.jobs.operate, Object.keys(env.jobs).sort()]`)).toEqual([
    'undefined',
    ['send', 'sendBatch'],
  ])
})

it('host: an artifact whose manifest has another value than true for a queue that is operable is refused', async () => {
  const dir = await build(true)
  const file = join(dir, 'unmoor.json')
  const text = await readFile(file, 'utf8')
  expect(text).toContain('"operable": true')
  await writeFile(file, text.replace('"operable": true', '"operable": "yes"'))
  await expect(startHostLab({ apps: { odd: { dir } } })).rejects.toThrow(
    /"operable" of queue "jobs" is "yes"/,
  )
})
