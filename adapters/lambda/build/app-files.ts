import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'

/** What is deployed of an artifact: index.mjs and the assets, by their paths in it, with `/`. */
export async function readAppFiles(outDir: string): Promise<{ path: string; data: Buffer }[]> {
  const paths = [join(outDir, 'index.mjs')]
  const assets = join(outDir, 'assets')
  if (existsSync(assets)) {
    for (const entry of await readdir(assets, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) paths.push(join(entry.parentPath, entry.name))
  }
  return Promise.all(
    paths.map(async (path) => ({
      path: relative(outDir, path).split(sep).join('/'),
      data: await readFile(path),
    })),
  )
}
