import { expect, test } from 'vitest'
import { buildApp } from '../../core/tools/build/build.ts'
import { startApp } from '../../core/tools/testing/index.ts'
import { tempProject } from './temp-project.ts'

const APP = `import { defineApp } from 'unmoor'
export default defineApp({ fetch: () => new Response('hello'), crons: { note: { schedule: '0 3 * * *', run: () => {} } } })`

// As core/WRITING-A-DRIVER.md describes it.
const STORE = `import type { CronStoreFactory } from 'unmoor/runtime'
export const cronStore: CronStoreFactory<{ word?: string }> = async (options, context) => {
  console.log(\`store of \${context.app}: \${options.word}\`)
  return {
    claim: async () => ({ state: 'claimed', attempt: 1 }),
    extend: async () => true,
    finish: async () => {},
    open: async () => [],
    latest: async () => undefined,
    close: async () => console.log('store closed'),
  }
}`

test('a cron store of the app itself is bundled, opened with its options when the app starts, and closed when it stops', async () => {
  await using project = await tempProject({ 'src/app.ts': APP, 'stores/own.ts': STORE })
  const lines: string[] = []
  const config = {
    name: 'fixture',
    targets: { node: { options: { cronStore: { driver: './stores/own.ts', word: 'given' } } } },
  }
  const t = await startApp({
    projectDir: project.dir,
    target: 'node',
    config,
    onOutput: (line) => lines.push(line),
  })
  await t.stop()
  expect(lines).toEqual(expect.arrayContaining(['store of fixture: given', 'store closed']))
})

test.each(['memory', 'postgres', 'redis', 'sqlite'])(
  'the cron store %s is found by its name alone',
  async (cronStore) => {
    await using project = await tempProject({ 'src/app.ts': APP })
    const config = { name: 'fixture', targets: { node: { options: { cronStore } } } }
    const { modules } = await buildApp({ projectDir: project.dir, target: 'node', config })
    expect([...modules].some((path) => path.endsWith(`/adapters/drivers/${cronStore}/cron/index.js`))).toBe(
      true,
    )
  },
)
