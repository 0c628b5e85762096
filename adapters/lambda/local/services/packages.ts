import { UnmoorError } from '../../../../core/errors.ts'

/**
 * Imports an npm package that only a local start needs. The error for a missing package says what to install.
 */
export async function importOptional<T>(name: string, purpose: string, install = name): Promise<T> {
  try {
    return (await import(name)) as T
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new UnmoorError(
      'NotFound',
      `${purpose} needs the package ${name}. Run: npm install --save-dev ${install}`,
      { operation: 'start', cause: error },
    )
  }
}
