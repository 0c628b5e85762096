import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Adapter } from '../../core/adapter.ts'
import { CAPABILITIES, type Capabilities } from '../../core/capabilities.ts'

/** This checkout. */
export const checkout = resolve(import.meta.dirname, '../..')

/** A project of its own outside the checkout, with `unmoor` and what an app needs in its node_modules. */
export interface TempProject extends AsyncDisposable {
  dir: string
  write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void>
}

const PACKAGES = ['hono', 'vitest', 'typescript', '@types']

/** Makes a project of `files` (paths to text); a package.json named `fixture` is there unless given. */
export async function tempProject(files: Readonly<Record<string, string>> = {}): Promise<TempProject> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-project-'))
  await linkPackages(dir)
  const project: TempProject = {
    dir,
    async write(more) {
      for (const [path, text] of Object.entries(more)) {
        await mkdir(dirname(join(dir, path)), { recursive: true })
        await writeFile(join(dir, path), text)
      }
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true, maxRetries: 3 }),
  }
  await project.write({ 'package.json': '{ "name": "fixture", "type": "module" }', ...files })
  return project
}

/** Links the checkout as `unmoor`, and some of its packages, into `dir`/node_modules. */
export async function linkPackages(dir: string): Promise<void> {
  await mkdir(join(dir, 'node_modules'), { recursive: true })
  for (const name of PACKAGES)
    await symlink(join(checkout, 'node_modules', name), join(dir, 'node_modules', name))
  await symlink(checkout, join(dir, 'node_modules/unmoor'))
}

/** An app's source with those lines before it and those bindings. */
export function appSource(options: { before?: string; bindings?: string } = {}): string {
  return `${options.before ?? ''}
import * as unmoor from 'unmoor'
export default unmoor.defineApp({
  bindings: unmoor.defineBindings({ ${options.bindings ?? ''} }),
  fetch: () => new Response('hello'),
})
`
}

/** A target without Node: a third party's adapter, as small as it can be. */
export function bareAdapter(options: Partial<Adapter> = {}): Adapter {
  return {
    name: 'bare',
    capabilities: Object.fromEntries(Object.keys(CAPABILITIES).map((name) => [name, false])) as Capabilities,
    nodeBuiltins: [],
    conditions: ['worker'],
    defaultDrivers: { kv: { driver: 'memory' }, sql: { driver: 'sqlite' }, assets: { driver: 'files' } },
    async build(context) {
      await context.bundle({ entry: `export { default } from '#app'`, file: 'app.mjs' })
      await context.copyAssets('assets')
    },
    start: () => Promise.reject(new Error('not for starting')),
    migrate: async () => ({}),
    ...options,
  }
}
