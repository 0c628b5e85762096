import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Makes the folder for what the files of one run build once and share (`built-once.ts`), and removes it at
 * the end. Each project of Vitest's config calls this; the first call makes it.
 */
export default async function setup(): Promise<() => Promise<void>> {
  if (process.env['UNMOOR_TEST_BUILDS'] !== undefined) return async () => {}
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-test-builds-'))
  process.env['UNMOOR_TEST_BUILDS'] = dir
  return async () => {
    delete process.env['UNMOOR_TEST_BUILDS']
    await rm(dir, { recursive: true, force: true, maxRetries: 5 })
  }
}
