/** `.assetsignore`: the files of an assets folder that are no assets, in the syntax of `.gitignore`. */

/** The file, at the root of the folder. */
export const IGNORE_FILE = '.assetsignore'

interface Rule {
  readonly pattern: RegExp
  readonly negated: boolean
  /** True if the pattern is for folders alone: it ends in a slash. */
  readonly foldersOnly: boolean
}

/**
 * Creates a test of whether a file is left out, by its path below the folder, with slashes. The last rule
 * that matches decides; what lies in a folder that is left out cannot be taken in again. As wrangler has it,
 * case does not count.
 */
export function createAssetsIgnore(text: string): (path: string) => boolean {
  const rules = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .flatMap(readRule)
  const isLeftOut = (path: string, isFolder: boolean): boolean => {
    const rule = rules.findLast(
      ({ pattern, foldersOnly }) => (isFolder || !foldersOnly) && pattern.test(path),
    )
    return rule !== undefined && !rule.negated
  }
  const folders = new Map<string, boolean>()
  const inFolder = (path: string): boolean => {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    if (folder === '') return false
    const known = folders.get(folder)
    if (known !== undefined) return known
    const found = inFolder(folder) || isLeftOut(folder, true)
    folders.set(folder, found)
    return found
  }
  return (path) => inFolder(path) || isLeftOut(path, false)
}

function readRule(line: string): Rule[] {
  const bare = line.trimEnd()
  // White space at the end counts only behind a backslash.
  const isEscaped = bare !== line && /(?:^|[^\\])(?:\\\\)*\\$/.test(bare)
  const text = isEscaped ? `${bare} ` : bare
  if (text === '' || text.startsWith('#')) return []
  const negated = text.startsWith('!')
  const named = negated ? text.slice(1) : text
  const path = named.replace(/\/+$/, '')
  // What follows the backslash at an end is nothing, so the rule is none.
  if (path === '' || /(?:^|[^\\])(?:\\\\)*\\$/.test(path)) return []
  const foldersOnly = path !== named && !path.endsWith('/**')
  // A slash before the end ties the pattern to the folder's root.
  const start = path.includes('/') ? '' : '(?:.*/)?'
  try {
    const pattern = new RegExp(`^${start}${toSource(path.replace(/^\//, ''))}$`, 'i')
    return [{ pattern, negated, foldersOnly }]
  } catch {
    // A range that runs backwards (`[z-a]`) matches nothing, as in git.
    return []
  }
}

/** The parts of a pattern that mean something, in the order in which they are looked for. */
const PARTS = /^(?:\*\*\/)+|\/(?:\*\*\/)+|\/\*\*$|\*+|\?|\[(?:\\.|[^\]\\])(?:\\.|[^\]\\])*\]|\\.|./gsu

function toSource(pattern: string): string {
  return pattern.replace(PARTS, (part) => {
    if (part.startsWith('**/')) return '(?:.*/)?'
    if (part.startsWith('/**/')) return '/(?:.*/)?'
    if (part === '/**') return '/.+'
    if (part.startsWith('*')) return '[^/]*'
    if (part === '?') return '[^/]'
    if (part.length > 1 && part.startsWith('[')) return toClass(part.slice(1, -1))
    return RegExp.escape(part.length > 1 && part.startsWith('\\') ? part.slice(1) : part)
  })
}

/** A range such as `[a-c]`; it never matches a slash. `!` in it is a character, as wrangler has it. */
function toClass(inner: string): string {
  const characters = inner.replace(/\\(.)|([[\]&^])/g, (_, escaped?: string, plain?: string) => {
    const character = escaped ?? plain ?? ''
    return /\w/.test(character) ? character : `\\${character}`
  })
  return `(?!/)[${characters}]`
}
