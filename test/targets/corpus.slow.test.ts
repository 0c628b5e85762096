/** A few libraries of `test/corpus` on all targets; `npm run corpus` asks all of them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const FEW = ['hono', 'hono-sse', 'jose', 'kysely', 'trpc']
/** The first run on a machine installs all libraries. */
const TIMEOUT = 900_000

async function run(command: string, args: readonly string[]): Promise<{ code: unknown; output: string }> {
  const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (output += text))
  const [code] = (await once(child, 'close')) as [unknown]
  return { code, output }
}

test(
  'libraries answer on every target as on plain Node, and their apps have the right types',
  async () => {
    const few = FEW.flatMap((name) => ['--library', name])
    const { code, output } = await run(process.execPath, ['test/corpus/main.ts', '--json', ...few])
    const counts: unknown = JSON.parse(output.trimEnd().split('\n').at(-1) ?? '')
    expect({ code, counts }, output).toEqual({
      code: 0,
      counts: { suite: 'libraries', total: expect.any(Number), failed: 0, declared: 0 },
    })
    const types = await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'test/corpus'])
    expect(types).toEqual({ code: 0, output: '' })
  },
  TIMEOUT,
)
