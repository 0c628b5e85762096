import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { constantCase } from '../../../core/bindings/declarations.ts'
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'

/**
 * Returns the path for data of embedded drivers: the given one, or `name` in the app's own folder, within the
 * data folder.
 */
export function dataPath(given: string | undefined, context: DriverContext, name: string): string {
  const path = given ?? join(context.app, name)
  if (context.dataDir === undefined && resolve(path) !== path) {
    throw new UnmoorError(
      'InvalidArgument',
      `Binding "${context.binding}": this target has no data folder, so its driver needs an absolute "path".`,
      {
        binding: context.binding,
        operation: 'start',
      },
    )
  }
  return resolve(context.dataDir ?? '/', path)
}

/** Converts a binding's name to a file name, which is unique even if the file system ignores case. */
export function fileName(binding: string): string {
  return constantCase(binding).toLowerCase()
}

/** Creates a folder and its parent folders. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new UnmoorError(
      code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? 'PermissionDenied' : 'Unavailable',
      `The folder ${path} cannot be made: ${(error as Error).message}`,
      { cause: error },
    )
  }
}
