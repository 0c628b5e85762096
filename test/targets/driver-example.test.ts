import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkout } from '../unit/temp-project.ts'

interface Result {
  driver: string
  suites: Record<string, { total: number; passed: number; failed: number; skipped: number }>
  cases: { id: string; outcome: string; error?: string }[]
}

/** Runs `unmoor conformance` in the example's folder. */
function conformance(...args: string[]): Promise<{ code: number; result: Result; stderr: string }> {
  const command = [
    join(checkout, 'dist/core/tools/cli/main.js'),
    'conformance',
    '--reporter',
    'json',
    ...args,
  ]
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      command,
      { cwd: join(checkout, 'examples/driver') },
      (error, stdout, stderr) => {
        resolve({
          code: error === null ? 0 : Number(error.code),
          result: JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Result,
          stderr,
        })
      },
    )
  })
}

test(
  'a driver outside of the package passes every case of its kind, by the published command',
  { timeout: 300_000 },
  async () => {
    const { code, result, stderr } = await conformance('--driver', './src/json-file.ts')
    expect(result.cases, stderr).toEqual([])
    expect(code).toBe(0)
    expect(result.driver).toBe('./src/json-file.ts')
    expect(Object.keys(result.suites)).toEqual(['kv'])
    const { total = 0, passed, failed, skipped } = result.suites['kv'] ?? {}
    expect(total).toBeGreaterThanOrEqual(50)
    expect({ passed, failed, skipped }).toEqual({ passed: total, failed: 0, skipped: 0 })
  },
)

test('a driver that there is not is named', async () => {
  const { code, stderr } = await conformance('--driver', './src/none.ts')
  expect(code).toBe(2)
  expect(stderr).toContain('./src/none.ts')
})
