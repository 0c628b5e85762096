/** Built-ins that a bundle loads at their first use. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { expect, it } from 'vitest'
import { lazyBuiltinsPlugin } from '../../core/tools/build/lazy-builtins.ts'
import { tempProject } from './temp-project.ts'

const FILES = {
  'entry.mjs': `
import tls from 'tls';
import zlib from "node:zlib"
import { checkServerIdentity } from 'node:tls'
import './other.mjs'
export const names = [typeof checkServerIdentity]
console.log(JSON.stringify([typeof tls.connect, 'connect' in tls, 'nothing' in tls, typeof zlib.gzipSync]))
`,
  'other.mjs': `
import crypto from 'crypto'
const loaded = () => process.moduleLoadList.includes('NativeModule internal/crypto/hash')
const before = loaded()
console.log(JSON.stringify([before, crypto.createHash('md5').update('a').digest('hex'), loaded()]))
`,
}

it('takes those that a module imports as a whole at their first use, and leaves the rest', async () => {
  await using project = await tempProject(FILES)
  const build = await rolldown({
    input: join(project.dir, 'entry.mjs'),
    platform: 'node',
    plugins: [lazyBuiltinsPlugin(['crypto', 'tls'])],
  })
  const { output } = await build.generate({ format: 'esm' })
  await build.close()
  const code = output[0].code
  expect(code).toMatch(/import zlib from "node:zlib"/)
  expect(code).toMatch(/import \{ checkServerIdentity \} from "node:tls"/)
  expect(code).not.toMatch(/import crypto/)
  await project.write({
    'out.mjs': code,
    'only.mjs': code.replace(/import \{ checkServerIdentity.*\n/, 'const checkServerIdentity = 1\n'),
  })
  const { stdout, stderr } = spawnSync(process.execPath, [join(project.dir, 'only.mjs')], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    [false, '0cc175b9c0f1b6a831c399e269772661', true],
    ['function', true, false, 'function'],
  ])
})
