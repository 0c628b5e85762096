import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'

/** A file of the app that is deployed to Lambda. */
export interface AppFile {
  /** Path of a deployed file relative to the artifact, with `/`. */
  readonly path: string
  readonly data: Buffer
}

/**
 * Reads the files of an artifact that are deployed to Lambda: the bundle's own files, the assets and, if
 * `folders` names it, `node_modules`.
 */
export async function readAppFiles(
  outDir: string,
  bundled: readonly string[],
  folders: readonly string[] = ['assets'],
): Promise<AppFile[]> {
  const paths = bundled.map((file) => join(outDir, file))
  for (const folder of folders) {
    if (!existsSync(join(outDir, folder))) continue
    for (const entry of await readdir(join(outDir, folder), { recursive: true, withFileTypes: true }))
      if (entry.isFile()) paths.push(join(entry.parentPath, entry.name))
  }
  return Promise.all(
    paths.map(async (path) => ({
      path: relative(outDir, path).split(sep).join('/'),
      data: await readFile(path),
    })),
  )
}
