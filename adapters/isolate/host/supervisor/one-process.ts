import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ArtifactInfo } from '../../../../core/adapter.ts'

/**
 * Durable Objects are one each: an app that has them lives in one process. What cannot be read is said when
 * it is loaded.
 */
export function needsOneProcess(dir: string): boolean {
  try {
    const info = JSON.parse(readFileSync(join(dir, 'unmoor.json'), 'utf8')) as ArtifactInfo
    return Object.values(info.manifest.bindings).some(({ kind }) => kind === 'objects')
  } catch {
    return false
  }
}
