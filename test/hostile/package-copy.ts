import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type * as HostModule from '../../adapters/isolate/host/index.ts'
import { checkout } from '../unit/temp-project.ts'
import type { Patch } from './attack.ts'

const run = promisify(execFile)

/** A copy of the built package with a hole in it. */
export interface PackageCopy extends AsyncDisposable {
  readonly startHost: typeof HostModule.startHost
}

/** Copies `dist` and plants holes. @throws where a module has no longer the text that its hole replaces. */
export async function plant(...patches: readonly Patch[]): Promise<PackageCopy> {
  const { dist, [Symbol.asyncDispose]: dispose } = await copyPackage(patches)
  const url = pathToFileURL(join(dist, 'adapters/isolate/host/index.js')).href
  const { startHost } = (await import(url)) as typeof HostModule
  return { startHost, [Symbol.asyncDispose]: dispose }
}

/** Copies `dist` with these changes. @throws where a module has no longer the text that a change replaces. */
export async function copyPackage(patches: readonly Patch[]): Promise<{ dist: string } & AsyncDisposable> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-hole-'))
  const dist = join(dir, 'dist')
  // Hard links are fast; not every file system has them.
  await run('cp', ['-al', join(checkout, 'dist'), dist]).catch(async () => {
    await rm(dist, { recursive: true, force: true })
    await cp(join(checkout, 'dist'), dist, { recursive: true })
  })
  await cp(join(checkout, 'package.json'), join(dir, 'package.json'))
  await symlink(join(checkout, 'node_modules'), join(dir, 'node_modules'))
  for (const patch of patches) await change(dist, patch)
  return { dist, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}

async function change(dist: string, patch: Patch): Promise<void> {
  const path = join(dist, patch.file)
  const text = patched(await readFile(path, 'utf8'), patch)
  // A new file: the old one may be the package's own.
  await rm(path)
  await writeFile(path, text)
}

/** The text of a module with a hole. @throws where it has no longer the text that the hole replaces. */
export function patched(module: string, { file, from, to, also, is }: Patch): string {
  let text = module
  for (const [before, after] of [[from, to] as const, ...(also === undefined ? [] : [also])]) {
    const parts = text.split(before)
    if (parts.length !== 2)
      throw new Error(`The hole "${is}" no longer fits: ${file} has its text ${parts.length - 1} times.`)
    text = parts.join(after)
  }
  return text
}
