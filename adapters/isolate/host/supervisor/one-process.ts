import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ArtifactInfo } from '../../../../core/adapter.ts'

/**
 * Returns true if an app has Durable Objects and so must run in exactly one process. An unreadable artifact
 * returns false; its error is reported when the app is loaded.
 */
export function needsOneProcess(dir: string): boolean {
  try {
    const info = JSON.parse(readFileSync(join(dir, 'unmoor.json'), 'utf8')) as ArtifactInfo
    return Object.values(info.manifest.bindings).some(({ kind }) => kind === 'objects')
  } catch {
    return false
  }
}
