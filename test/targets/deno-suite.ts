import { execFile } from 'node:child_process'
import { join } from 'node:path'
import type { Report } from '../../core/tools/conformance/index.ts'
import { checkout } from '../unit/temp-project.ts'

/** Runs the published command against the adapter of `examples/deno`. */
export async function runSuite(...args: string[]): Promise<{ code: number; report: Report; stderr: string }> {
  const command = [
    join(checkout, 'dist/core/tools/cli/main.js'),
    'conformance',
    '--adapter',
    './adapter.ts',
    '--reporter',
    'json',
    ...args,
  ]
  const { code, stdout, stderr } = await new Promise<{ code: number; stdout: string; stderr: string }>(
    (resolve) => {
      execFile(
        process.execPath,
        command,
        { cwd: join(checkout, 'examples/deno'), maxBuffer: 2 ** 26 },
        (error, out, err) =>
          resolve({ code: error === null ? 0 : Number(error.code), stdout: out, stderr: err }),
      )
    },
  )
  return { code, stderr, report: JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Report }
}
