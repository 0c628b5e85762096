import { globSync, readFileSync } from 'node:fs'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { buildApps } from '../../core/tools/build/build.ts'
import { checkApp } from '../../core/tools/check/check.ts'
import { readFences } from '../checks/markdown.ts'
import { checkout, tempProject } from './temp-project.ts'

const TARGETS = ['node', 'cloudflare', 'lambda', 'isolate']
const guides = globSync('.docs/guides/*.md', { cwd: checkout }).sort()
const fences = guides.flatMap((guide) => readFences(guide, readFileSync(join(checkout, guide), 'utf8')))
/** The guides' own migration, and a page for those with static files. */
const files = {
  'migrations/0001_add_users.sql': fences.find(({ language }) => language === 'sql')?.code ?? '',
  'public/index.html': '<!doctype html><title>page</title>',
}
const apps = fences
  .filter(({ language, code }) => language === 'ts' && /^export default (defineApp|fromLambda)\(/m.test(code))
  .map((fence) => ({ ...fence, place: `${fence.file}:${fence.line}` }))

it('guides are all in their index, and some have an app', () => {
  const index = readFileSync(join(checkout, '.docs/README.md'), 'utf8')
  expect(guides.filter((guide) => !index.includes(`(${guide.replace('.docs/', '')})`))).toEqual([])
  expect(apps.length).toBeGreaterThan(15)
})

it.each(apps)(
  'the app at $place builds for every target, and check finds no more than missing secrets',
  async ({ code }) => {
    await using project = await tempProject({ ...files, 'src/app.ts': code })
    for (const name of ['kysely', 'drizzle-orm'])
      await symlink(join(checkout, 'node_modules', name), join(project.dir, 'node_modules', name))
    const warnings: string[] = []
    const log = { info() {}, warn: (message: string) => void warnings.push(message) }
    const built = await buildApps({ projectDir: project.dir, targets: TARGETS, log })
    expect(built.map(({ target }) => target)).toEqual(TARGETS)
    const { findings } = await checkApp({ projectDir: project.dir, targets: TARGETS })
    // A secret has no value here: the guide says where it comes from.
    expect(findings.filter(({ rule }) => rule !== 'secret-missing')).toEqual([])
    expect(warnings).toEqual([])
  },
)
