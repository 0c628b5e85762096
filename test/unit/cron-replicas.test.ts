import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { accepts } from '../../core/tools/conformance/backends/server-process.ts'
import { PATIENCE } from '../patience.ts'

const POSTGRES = process.env['UNMOOR_TEST_POSTGRES'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'
const CHILD = fileURLToPath(new URL('cron-child.ts', import.meta.url))
const HOOKS = new URL('../built-hooks.ts', import.meta.url).href
const COUNT = 6
/** Whoever finds a time taken asks again when this is over; each run takes a small part of it. */
const LEASE_SECONDS = 8

const { hostname, port } = new URL(POSTGRES)
const hasPostgres = await accepts(Number(port || 5432), hostname)
if (!hasPostgres) console.warn('cron replicas on postgres: skipped, no server answers')

describe.each([
  { store: 'sqlite', available: true },
  { store: 'postgres', available: hasPostgres },
])('two processes that share a $store cron store', ({ store, available }) => {
  let dir: string
  const schema = `unmoor_replicas_${randomUUID().replaceAll('-', '')}`
  const children: ChildProcess[] = []

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'unmoor-replicas-'))
  })
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    await rm(dir, { recursive: true, force: true })
    if (store !== 'postgres' || !available) return
    const admin = postgres(POSTGRES, { max: 1, onnotice: () => {} })
    await admin.unsafe(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    await admin.end()
  })

  function start(first: number, hang?: number): ChildProcess {
    const options = store === 'postgres' ? { url: POSTGRES, schema } : { path: join(dir, 'crons.sqlite') }
    const args = [
      '--import',
      HOOKS,
      CHILD,
      store,
      JSON.stringify(options),
      join(dir, 'notes'),
      String(COUNT),
      String(first),
      String(LEASE_SECONDS),
    ]
    const child = spawn(process.execPath, hang === undefined ? args : [...args, String(hang)], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    children.push(child)
    return child
  }

  /** Per time: how often its run began and ended. */
  function runs(): Map<number, { begun: number; ended: number }> {
    const found = new Map<number, { begun: number; ended: number }>()
    const lines = existsSync(join(dir, 'notes'))
      ? readFileSync(join(dir, 'notes'), 'utf8').trim().split('\n')
      : []
    for (const line of lines) {
      const [what, tick] = line.split(' ') as [string, string]
      const entry = found.get(Number(tick)) ?? { begun: 0, ended: 0 }
      if (what === 'begin') entry.begun++
      else entry.ended++
      found.set(Number(tick), entry)
    }
    return found
  }

  it.runIf(available)('run each time exactly once', async () => {
    const first = Date.now()
    const all = [start(first), start(first)]
    const codes = await Promise.all(all.map(async (child) => (await once(child, 'exit'))[0] as number))
    expect(codes).toEqual([0, 0])
    expect([...runs().values()]).toEqual(Array.from({ length: COUNT }, () => ({ begun: 1, ended: 1 })))
  })

  it.runIf(available)('run the time of one that is killed with -9 again, and no other twice', async () => {
    const first = Date.now()
    // Whoever gets the first time hangs in it: which one that is comes out.
    const all = Array.from({ length: 2 }, () => start(first, 0))
    await expect.poll(runs, PATIENCE).toContainEqual([0, { begun: 1, ended: 0 }])
    const victim = all.find(({ pid }) =>
      readFileSync(join(dir, 'notes'), 'utf8').includes(`begin 0 ${pid}\n`),
    )
    const before = runs()
    const ended = all.map((child) => once(child, 'exit'))
    expect(victim?.kill('SIGKILL')).toBe(true)
    await Promise.all(ended)
    const after = runs()
    for (let tick = 0; tick < COUNT; tick++)
      expect(after.get(tick)?.ended, `time ${tick}`).toBeGreaterThanOrEqual(1)
    // What the victim ended may not have been stored yet when it was killed, and then runs again.
    const ofVictim = (tick: number): boolean =>
      readFileSync(join(dir, 'notes'), 'utf8').includes(`begin ${tick} ${victim?.pid}\n`)
    for (const [tick, { ended }] of before)
      if (ended === 1 && !ofVictim(tick)) expect(after.get(tick)).toEqual({ begun: 1, ended: 1 })
    expect(after.get(0)).toEqual({ begun: 2, ended: 1 })
  })
})
