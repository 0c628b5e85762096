import { rm } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { buildLab, labApp, startHostLab } from './host-lab.ts'

it('with log: json each line is an object with its time, level and app, whatever a tenant prints', async () => {
  const artifact = await buildLab(labApp(''))
  try {
    await using lab = await startHostLab({ processes: 1, log: 'json', apps: { shop: { dir: artifact } } })
    await lab.run('shop', `console.warn('paid\\n{"time":"x","app":"other"}', { a: 1 }); Promise.reject(new TypeError('lost')); return 1`)
    const records = (): Record<string, unknown>[] => lab.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    await expect.poll(() => records().length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2)
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    expect(records()).toContainEqual({ time, level: 'warn', app: 'shop', message: 'paid\n{"time":"x","app":"other"} { a: 1 }' })
    expect(records()).toContainEqual({ time, level: 'error', app: 'shop', message: expect.stringMatching(/^Unhandled rejection: TypeError: lost\n/) })
  } finally {
    await rm(artifact, { recursive: true, force: true })
  }
})
