import { rm } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { buildLab, labApp, startHostLab } from './host-lab.ts'

it('with log: json each line is an object with its time, level and app, whatever a tenant prints', async () => {
  const artifact = await buildLab(labApp(''))
  try {
    await using lab = await startHostLab({ processes: 1, log: 'json', apps: { shop: { dir: artifact } } })
    await lab.run(
      'shop',
      `console.warn('paid\\n{"time":"x","app":"other"}', { a: 1 }); Promise.reject(new TypeError('lost')); return 1`,
    )
    const records = (): Record<string, unknown>[] =>
      lab.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    await expect.poll(() => records().length).toBeGreaterThanOrEqual(2)
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    expect(records()).toContainEqual({
      time,
      level: 'warn',
      app: 'shop',
      message: 'paid\n{"time":"x","app":"other"} { a: 1 }',
    })
    expect(records()).toContainEqual({
      time,
      level: 'error',
      app: 'shop',
      message: expect.stringMatching(/^Unhandled rejection: TypeError: lost\n/),
    })
  } finally {
    await rm(artifact, { recursive: true, force: true })
  }
})

it('what an app throws is logged with the places of its sources, by whichever way the request came', async () => {
  const artifact = await buildLab(`
import { defineApp } from 'unmoor'
export default defineApp({
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url)
    if (pathname === '/later') {
      ctx.waitUntil(Promise.reject(new Error('later')))
      return new Response('ok')
    }
    await request.text()
    throw new Error('thrown at ' + pathname)
  },
})
`)
  try {
    await using lab = await startHostLab({ processes: 1, apps: { shop: { dir: artifact } } })
    expect((await lab.send('shop', { path: '/short' })).status).toBe(500)
    // Too long for a flat request.
    expect(
      (await lab.send('shop', { path: '/long', method: 'POST', body: 'x'.repeat(100_000) })).status,
    ).toBe(500)
    expect((await lab.send('shop', { path: '/later' })).status).toBe(200)
    for (const [text, place] of [
      ['GET /short failed: Error: thrown at /short', 'src/app.ts:11:'],
      ['/long failed: Error: thrown at /long', 'src/app.ts:11:'],
      ['later', 'src/app.ts:7:'],
    ] as const) {
      await expect.poll(() => lab.lines.join('\n')).toContain(text)
      const rest = lab.lines.join('\n')
      await expect
        .poll(() => lab.lines.join('\n').slice(rest.indexOf(text)).split('\n').slice(0, 3).join('\n'))
        .toContain(place)
    }
  } finally {
    await rm(artifact, { recursive: true, force: true })
  }
})

it('text that is slow to search for a stack holds no shared process up', async () => {
  const artifact = await buildLab(labApp(''))
  try {
    await using lab = await startHostLab({
      processes: 1,
      // Time in which its main thread waits for a core does not count.
      stallTimeout: 4,
      limits: { cpuMs: 60_000, memoryMb: 512, wallTimeout: 600 },
      apps: { shop: { dir: artifact } },
    })
    const { pids } = lab.host
    // A search that began again at each line feed would hold the process up, and end it.
    for (const text of [`'\\n'.repeat(5e6)`, `'\\n' + ' '.repeat(5e6)`, `'\\n at ('.repeat(1e6)`])
      await lab.run(
        'shop',
        `const error = new Error('x'); error.stack = ${text}; console.log(error.stack);
         ctx.waitUntil(Promise.reject(error)); Promise.reject(error); return 1`,
      )
    expect(await lab.run('shop', 'return 2')).toBe(2)
    expect(lab.host.pids).toEqual(pids)
    expect(lab.lines.join('\n')).not.toContain('A process of the host')
  } finally {
    await rm(artifact, { recursive: true, force: true })
  }
})
