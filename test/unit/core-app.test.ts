import { describe, expect, it, vi } from 'vitest'
import { defineApp } from '../../core/app.ts'
import {
  constantCase,
  defineBindings,
  kv,
  queue,
  assets,
  variable,
} from '../../core/bindings/declarations.ts'
import { createContext, type OwnedContext } from '../../core/context.ts'
import { checkSchedule } from '../../core/cron.ts'
import { createManifest } from '../../core/manifest.ts'

describe('defineBindings', () => {
  it.each([
    [{ 'admin-token': kv() }, /letters and digits/],
    [{ adminToken: kv(), admintoken: kv() }, undefined],
    [{ aB: kv(), AB: kv() }, undefined],
    [{ apiURL: kv(), apiUrl: kv() }, /API_URL/],
    [{ a: queue({ deadLetterQueue: 'b' }) }, /not another declared queue/],
    [{ a: queue({ deadLetterQueue: 'a' }) }, /not another declared queue/],
    [{ a: assets({ directory: 'a' }), b: assets({ directory: 'b' }) }, /one assets binding/],
  ])('checks names: %j', (bindings, message) => {
    if (message === undefined) defineBindings(bindings as never)
    else expect(() => defineBindings(bindings as never)).toThrow(message)
  })

  it.each([
    () => queue({ maxRetries: 101 }),
    () => queue({ batchSize: 0 }),
    () => queue({ retryDelay: 1.5 }),
    () => variable({ default: 1 as never }),
    () => assets({} as never),
  ])('refuses settings out of range (%#)', (declare) =>
    expect(declare).toThrow(expect.objectContaining({ code: 'InvalidArgument' })),
  )

  it.each([
    ['adminToken', 'ADMIN_TOKEN'],
    ['apiURL', 'API_URL'],
    ['links2', 'LINKS2'],
    ['kvStore', 'KV_STORE'],
    ['HTMLPages', 'HTML_PAGES'],
  ])('%s is %s on platforms', (name, constant) => {
    expect(constantCase(name)).toBe(constant)
  })
})

describe('defineApp', () => {
  it('gives a manifest of plain data', () => {
    const app = defineApp({
      bindings: defineBindings({ links: kv(), clicks: queue() }),
      queues: { clicks: () => {} },
      crons: { night: { schedule: '0 3 * * *', run: () => {} } },
    })
    const manifest = createManifest('a', app)
    expect(JSON.parse(JSON.stringify(manifest))).toEqual(manifest)
    expect(manifest).toMatchObject({
      version: 1,
      name: 'a',
      fetch: false,
      queues: ['clicks'],
      crons: { night: '0 3 * * *' },
    })
  })

  it('refuses a consumer of what is no queue', () => {
    expect(() => defineApp({ bindings: { links: kv() }, queues: { links: () => {} } })).toThrow(
      /not a declared queue/,
    )
  })
})

describe('checkSchedule', () => {
  it.each([
    '* * * * *',
    '*/5 0-12/3 * * *',
    '0 3 1,15 JAN-MAR *',
    '30 4 * * MON-FRI',
    '0 0 L * *',
    '0 0 15W * *',
    '0 0 * * FRI#2',
    '0 0 * * FRIL',
    '0 0 * FEB SUN,WED',
  ])('takes %s', (schedule) => {
    checkSchedule('a', schedule)
  })

  it.each([
    ['* * * *', /4 fields/],
    ['0 * * * * *', /6 fields/],
    ['60 * * * *', /minute "60"/],
    ['0 24 * * *', /hour/],
    ['0 0 0 * *', /day of the month/],
    ['0 0 * 13 *', /month/],
    ['0 0 * * 1', /go by name/],
    ['0 0 * * MON-5', /go by name/],
    ['0 0 1 * MON', /two crons/i],
    ['5-1 * * * *', /backwards/],
    ['*/0 * * * *', /at least 1/],
    ['5/10 * * * *', /Write a range/],
    ['every day * * *', /minute "every"/],
  ])('refuses %s', (schedule, message) => {
    expect(() => checkSchedule('a', schedule)).toThrow(message)
  })
})

describe('createContext', () => {
  it('waits for nested work and reports rejections', async () => {
    const errors: unknown[] = []
    const ctx = createContext({ onError: (error) => errors.push(error) })
    const done: string[] = []
    ctx.waitUntil(
      new Promise<void>((resolve) => setTimeout(resolve, 5)).then(() => {
        done.push('first')
        ctx.waitUntil(
          new Promise<void>((resolve) => setTimeout(resolve, 5)).then(() => void done.push('nested')),
        )
      }),
    )
    ctx.waitUntil(Promise.reject(new Error('lost')))
    expect(await ctx.settled()).toBe(true)
    expect(done).toEqual(['first', 'nested'])
    expect(errors).toMatchObject([{ message: 'lost' }])
  })

  it('aborts its signal when the time is over', async () => {
    const ctx = createContext()
    const { signal } = ctx
    ctx.waitUntil(new Promise(() => {}))
    expect(await ctx.settled(0.02)).toBe(false)
    expect(signal.aborted).toBe(true)
    expect(ctx.signal.reason).toMatchObject({ name: 'TimeoutError' })
  })

  it('aborts with the signal that it was given', () => {
    const outer = new AbortController()
    const ctx = createContext({ signal: outer.signal })
    expect(ctx.signal.aborted).toBe(false)
    outer.abort('stop')
    expect(ctx.signal.reason).toBe('stop')
    expect(createContext({ signal: outer.signal }).signal.reason).toBe('stop')
  })

  it('is kept by the signal that it was given until it has ended and its waitUntil work has', async () => {
    const outer = new AbortController()
    const added = vi.spyOn(outer.signal, 'addEventListener')
    const [open, ended, working, done] = Array.from({ length: 4 }, () =>
      createContext({ signal: outer.signal }),
    ) as [OwnedContext, OwnedContext, OwnedContext, OwnedContext]
    const signals = [open, ended, working, done].map(({ signal }) => signal)
    ended.ended()
    working.waitUntil(new Promise(() => {}))
    working.ended()
    done.waitUntil(Promise.resolve())
    done.ended()
    await done.settled()
    const late = createContext({ signal: outer.signal })
    late.ended()
    signals.push(late.signal)
    outer.abort('stop')
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false, true, false, false])
    expect(added).toHaveBeenCalledTimes(1)
  })
})
