import { createHash, randomUUID } from 'node:crypto'
import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import isolate from '../../adapters/isolate/index.ts'
import type { ArtifactInfo } from '../../core/adapter.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import { tempProject } from '../unit/temp-project.ts'

/** An artifact that other tests read too: nobody may change it. */
export interface SharedBuild {
  readonly dir: string
  readonly info: ArtifactInfo
}

/**
 * Builds a project for the isolate target, once per run of the tests: the next test file with the same
 * sources gets the same folder. Its name is a hash of what it was made of, and it appears whole, so that
 * files may build it at the same time.
 */
export async function buildOnce(
  files: Readonly<Record<string, string | Uint8Array>>,
  options: { testChannel?: boolean } = {},
): Promise<SharedBuild> {
  const hash = createHash('sha256').update(JSON.stringify(options))
  for (const [path, content] of Object.entries(files)) hash.update(`\0${path}\0`).update(content)
  const shared = process.env['UNMOOR_TEST_BUILDS']
  if (shared === undefined)
    throw new Error(
      'UNMOOR_TEST_BUILDS is not set. Is test/global-setup.ts among globalSetup in the config of Vitest?',
    )
  const dir = join(shared, hash.digest('hex'))
  const made = await read(dir)
  if (made !== undefined) return made

  await using project = await tempProject()
  await project.write(files)
  const built = await buildApp({
    projectDir: project.dir,
    target: 'isolate',
    adapter: isolate,
    testChannel: options.testChannel ?? false,
  })
  const own = `${dir}.${randomUUID()}`
  await cp(built.outDir, own, { recursive: true })
  await writeFile(join(own, INFO), JSON.stringify(built.info))
  // Another file may have been faster.
  await rename(own, dir).catch(() => rm(own, { recursive: true }))
  return (await read(dir)) as SharedBuild
}

const INFO = 'info.json'

async function read(dir: string): Promise<SharedBuild | undefined> {
  const text = await readFile(join(dir, INFO), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : { dir, info: JSON.parse(text) as ArtifactInfo }
}

/** Copies a shared artifact into a folder that is the caller's to change. */
export async function copyBuild({ dir }: SharedBuild, to: string): Promise<void> {
  await cp(dir, to, { recursive: true, filter: (source) => !source.endsWith(`/${INFO}`) })
}
