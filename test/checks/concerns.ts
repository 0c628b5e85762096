/** Tells the files that we keep free of errors, in a project that uses the package, from all others. */
import { readPackage, ROOT } from './package.ts'

const OWN = new Set(['unmoor', ...Object.keys(readPackage(ROOT).dependencies)])

/**
 * True if a file, or the compiler's line about it, is of the project itself, of the package, or of a package
 * that the package brings along. Other packages answer for themselves.
 */
export function concernsUs(line: string): boolean {
  const found = /^[^(]*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(line)?.[1]
  return found === undefined || OWN.has(found)
}
