import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import node from '../../adapters/node/index.ts'
import { buildApp, type BuiltApp } from '../../core/tools/build/build.ts'
import { tempProject } from '../unit/temp-project.ts'
import { attack, ECHO_APP, ECHO_WORKER, FAULT_NAMES, malformedSequence } from './malformed-frames.ts'

const WRANGLER = JSON.stringify({ name: 'echo', main: 'src/index.js', compatibility_date: '2026-01-01' })

/** Attacks an app that a process of its own serves, and checks that the process is there all the time. */
async function attackNode(
  { outDir, info }: BuiltApp,
  options: { count: number; maxMessage: number },
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'unmoor-data-'))
  const lines: string[] = []
  const runtime = await node.start({
    dir: outDir,
    info,
    dataDir,
    port: 0,
    variables: {},
    onOutput: (line) => lines.push(line),
    log: { info() {}, warn() {} },
  })
  try {
    const pids = [...runtime.pids]
    const exited = runtime.exited.then((code) => `a process ended with ${code}`)
    const attacked = attack({ url: runtime.url, path: '/chat', ...options })
    const report = await Promise.race([exited, attacked])
    if (typeof report === 'string') throw new Error(`${report}:\n${lines.slice(-20).join('\n')}`)
    expect(report.wrong).toEqual([])
    expect(Object.keys(report.sent).sort()).toEqual([...FAULT_NAMES].sort())
    expect(Object.values(report.sent).reduce((sum, one) => sum + one)).toBe(options.count)
    expect(report.echoed).toBeGreaterThan(0)
    expect(runtime.pids).toEqual(pids)
    expect(lines.filter((line) => line.includes('ncaught'))).toEqual([])
  } finally {
    await runtime.stop()
    await rm(dataDir, { recursive: true, force: true, maxRetries: 10 })
  }
}

describe('malformed frames', () => {
  it('are the same bytes for the same seed', () => {
    for (const seed of [0, 1, 9999])
      expect(malformedSequence(seed, 32_768)).toEqual(malformedSequence(seed, 32_768))
    expect(malformedSequence(1, 32_768).bytes).not.toEqual(malformedSequence(2, 32_768).bytes)
  })

  it('in 10,000 sequences each end their own socket of an app with the code of RFC 6455', async () => {
    await using project = await tempProject({ 'src/app.ts': ECHO_APP })
    const built = await buildApp({ projectDir: project.dir, target: 'node', adapter: node })
    await attackNode(built, { count: 10_000, maxMessage: 32_768 })
  })

  it('in 1,000 sequences each end their own socket of a Worker with the code of RFC 6455', async () => {
    await using project = await tempProject({ 'src/index.js': ECHO_WORKER, 'wrangler.jsonc': WRANGLER })
    const built = await buildApp({ projectDir: project.dir, target: 'node', worker: 'wrangler.jsonc' })
    await attackNode(built, { count: 1000, maxMessage: 32 * 1024 * 1024 })
  })
})
