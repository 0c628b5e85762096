import { readFile, realpath } from 'node:fs/promises'
import { createTar } from './tar.ts'

/**
 * Returns a tar with this process's Node.js and the libraries that it loaded, which is all that a base image
 * needs.
 */
export async function nodeBaseImage(): Promise<Buffer> {
  const files = [{ path: 'usr/local/bin/node', mode: 0o755, data: await readFile(process.execPath) }]
  for (const library of sharedObjects())
    files.push({ path: library.slice(1), mode: 0o755, data: await readFile(await realpath(library)) })
  return createTar(files)
}

function sharedObjects(): string[] {
  // The cast is needed because Node's types declare the diagnostic report as `object`; only Node's manual
  // describes its fields.
  const { sharedObjects: loaded } = process.report.getReport() as { sharedObjects?: string[] }
  return (loaded ?? []).filter(
    (path) => path.startsWith('/') && path !== process.execPath && !path.endsWith('.node'),
  )
}
