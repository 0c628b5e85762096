import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type ivm from 'isolated-vm'
import { UnmoorError } from '../../../core/errors.ts'

/** The module `isolated-vm` and its version. */
export interface IsolatedVm {
  readonly ivm: typeof ivm
  readonly version: string
}

/**
 * Loads isolated-vm: from the path in `UNMOOR_ISOLATED_VM`, which the process that started this one may set,
 * else from beside the artifact, where a deployment installs it.
 *
 * @throws `NotFound` that says what to install.
 */
export async function loadIsolatedVm(): Promise<IsolatedVm> {
  const path = process.env['UNMOOR_ISOLATED_VM']
  try {
    const url =
      path === undefined || path === '' ? import.meta.resolve('isolated-vm') : pathToFileURL(path).href
    // The import's specifier is a variable, so bundlers leave it alone: native code cannot be bundled.
    const module = (await import(/* @vite-ignore */ url)) as { default: typeof ivm }
    const manifest = JSON.parse(
      await readFile(join(dirname(fileURLToPath(url)), 'package.json'), 'utf8'),
    ) as { version: string }
    return { ivm: module.default, version: manifest.version }
  } catch (cause) {
    throw new UnmoorError(
      'NotFound',
      'isolated-vm cannot be loaded. Install it beside the artifact: npm install isolated-vm@7 (it ' +
        'needs Node 24 or newer).',
      {
        operation: 'start',
        cause,
      },
    )
  }
}
