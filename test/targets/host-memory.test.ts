import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildLab, labApp, startHostLab } from './host-lab.ts'

let artifact: string
beforeAll(async () => {
  artifact = await buildLab(labApp(''))
})
afterAll(() => rm(artifact, { recursive: true, force: true }))

const MB = 1024 * 1024
const hold = (mb: number): string =>
  `globalThis.held = new WebAssembly.Memory({ initial: ${mb * 16} }); new Uint8Array(held.buffer).fill(1)`

it('memory of WebAssembly is in the metrics, and part of the limit beside the heap', async () => {
  await using lab = await startHostLab({
    processes: 1,
    limits: { memoryMb: 64, cpuMs: 60_000 },
    admin: { port: 0 },
    apps: { holder: { dir: artifact }, both: { dir: artifact } },
  })
  const memoryOf = async (app: string): Promise<number> => {
    const metrics = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
    return Number(new RegExp(`unmoor_isolate_memory_bytes\\{app="${app}"\\} (\\d+)`).exec(metrics)?.[1] ?? 0)
  }
  await lab.run('holder', hold(40))
  await expect.poll(() => memoryOf('holder'), { timeout: 10_000 }).toBeGreaterThan(40 * MB)
  // It lives: what it holds is within its limit.
  expect(await lab.run('holder', 'return held.buffer.byteLength')).toBe(40 * MB)
  await lab.run(
    'both',
    `${hold(40)}; globalThis.more = Array.from({ length: 40 }, () => new Uint8Array(1 << 20))`,
  )
  await expect.poll(() => lab.run('both', 'return typeof held'), { timeout: 20_000 }).toBe('undefined')
  expect(lab.lines.join('\n')).toContain('more than its limit of memory, memoryMb, 64 MB')
})

it('garbage beside memory of WebAssembly is not counted against the limit', async () => {
  await using lab = await startHostLab({
    processes: 1,
    limits: { memoryMb: 64, cpuMs: 60_000 },
    admin: { port: 0 },
    apps: { holder: { dir: artifact } },
  })
  await lab.run('holder', hold(40))
  for (let round = 0; round < 5; round++) {
    await lab.run('holder', 'for (let mb = 0; mb < 20; mb++) new Uint8Array(1 << 20); return 1')
    // Measures what each isolate holds.
    await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
    expect(await lab.run('holder', 'return held.buffer.byteLength')).toBe(40 * MB)
  }
  expect(lab.lines.join('\n')).not.toContain('memoryMb')
})
