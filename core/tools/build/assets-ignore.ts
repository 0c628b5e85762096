/**
 * Parses `.assetsignore`, which lists files of an assets folder that are not assets, in the syntax of
 * `.gitignore`.
 */

/** Name of the file that lists files to leave out, at the root of the assets folder. */
export const IGNORE_FILE = '.assetsignore'

interface Rule {
  readonly pattern: RegExp
  readonly negated: boolean
  /** True if an ignore pattern ends in a slash, and so matches folders only. */
  readonly foldersOnly: boolean
}

/**
 * Parses an `.assetsignore` and returns a test of an asset file's path (relative to the assets folder, with
 * slashes): true if the file is left out. The last matching rule decides, but a file within an ignored folder
 * stays ignored. Matching ignores case, as wrangler's does.
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
  // Trailing white space of an ignore pattern is kept only behind a backslash.
  const isEscaped = bare !== line && /(?:^|[^\\])(?:\\\\)*\\$/.test(bare)
  const text = isEscaped ? `${bare} ` : bare
  if (text === '' || text.startsWith('#')) return []
  const negated = text.startsWith('!')
  const named = negated ? text.slice(1) : text
  const path = named.replace(/\/+$/, '')
  // An ignore pattern that ends in a lone backslash escapes nothing, so the rule is dropped.
  if (path === '' || /(?:^|[^\\])(?:\\\\)*\\$/.test(path)) return []
  const foldersOnly = path !== named && !path.endsWith('/**')
  // An ignore pattern with a slash before its end is anchored to the root of the assets folder.
  const start = path.includes('/') ? '' : '(?:.*/)?'
  try {
    const pattern = new RegExp(`^${start}${toSource(path.replace(/^\//, ''))}$`, 'i')
    return [{ pattern, negated, foldersOnly }]
  } catch {
    // A reversed range in an ignore pattern (`[z-a]`) matches nothing, as in git.
    return []
  }
}

/** The syntax elements of an ignore pattern, in order of precedence. */
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

/**
 * Translates the character class of an ignore pattern, such as `[a-c]`. The class never matches a slash, and
 * `!` within is a plain character, as in wrangler.
 */
function toClass(inner: string): string {
  const characters = inner.replace(/\\(.)|([[\]&^])/g, (_, escaped?: string, plain?: string) => {
    const character = escaped ?? plain ?? ''
    return /\w/.test(character) ? character : `\\${character}`
  })
  return `(?!/)[${characters}]`
}
