import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const CHILD = fileURLToPath(new URL('fetch-child.ts', import.meta.url))

it.each(['node', 'lambda'])(
  'an abort reaches a call on %s after the Requests on its way were collected',
  async (target) => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--expose-gc',
      '--no-warnings',
      CHILD,
      target,
    ])
    const outcomes = JSON.parse(stdout) as Record<string, string>
    expect(outcomes).toEqual(Object.fromEntries(Object.keys(outcomes).map((name) => [name, 'AbortError'])))
    expect(Object.keys(outcomes)).toHaveLength(7)
  },
)
