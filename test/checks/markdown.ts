/** Reads Markdown files: their fences of code, and the links and anchors that lead nowhere. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Example } from './examples.ts'

/** A block of code in a Markdown file. */
export interface Fence extends Example {
  /** The word after the three backticks: `ts`, `sh`, or empty. */
  readonly language: string
}

/** Returns the fences of a Markdown text in order. */
export function readFences(file: string, text: string): Fence[] {
  return [...text.matchAll(/^```(\w*)\n([^]*?)\n```$/gm)].map(
    ({ 1: language = '', 2: code = '', index }) => ({
      file,
      line: text.slice(0, index).split('\n').length + 1,
      language,
      code,
    }),
  )
}

/**
 * Returns true if a fence is compiled: every `ts` fence of a guide, and in a README a whole module that names
 * packages alone. The rest there are parts of a file, or need a module beside them.
 */
export function isCompiled({ file, language, code }: Fence): boolean {
  if (language !== 'ts') return false
  if (file.startsWith('.docs/')) return true
  return (
    file.endsWith('README.md') &&
    /^import /m.test(code) &&
    /^export default /m.test(code) &&
    !/(?: from|adapter:) '\.{1,2}\//.test(code)
  )
}

/** Replaces fences and code spans by blanks of the same lines: links in them are code. */
const withoutCode = (text: string): string =>
  text
    .replaceAll(/^```[^]*?^```$/gm, (fence) => '\n'.repeat(fence.split('\n').length - 1))
    .replaceAll(/`[^`\n]+`/g, (code) => code.replaceAll(/[^`]/g, '_'))

/**
 * Returns a function that makes anchors of the headings of one page, in their order, as GitHub does: the same
 * heading again gets a number.
 */
export function createSlugger(): (heading: string) => string {
  const seen = new Map<string, number>()
  return (heading) => {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-')
    const before = seen.get(slug) ?? 0
    seen.set(slug, before + 1)
    return before === 0 ? slug : `${slug}-${before}`
  }
}

/** Returns the anchors of a Markdown text as GitHub makes them from its headings. */
export function readAnchors(text: string): string[] {
  const slug = createSlugger()
  const prose = text.replaceAll(/^```[^]*?^```$/gm, '')
  return [...prose.matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading = '']) => slug(heading))
}

/**
 * Returns the links of Markdown files, relative to `root`, whose file or anchor does not exist, a line for
 * people each. Links to other hosts are not followed.
 */
export function findBrokenLinks(root: string, files: readonly string[]): string[] {
  const anchors = new Map<string, string[]>()
  const anchorsOf = (path: string): string[] => {
    const known = anchors.get(path) ?? readAnchors(readFileSync(path, 'utf8'))
    anchors.set(path, known)
    return known
  }
  return files.flatMap((file) => {
    const text = withoutCode(readFileSync(join(root, file), 'utf8'))
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(({ 1: target = '', index }) => {
      if (/^[a-z]+:/i.test(target)) return []
      const place = `${file}:${text.slice(0, index).split('\n').length}`
      const [path = '', anchor] = target.split('#')
      const found = path === '' ? join(root, file) : join(root, dirname(file), path)
      if (!existsSync(found)) return [`${place}: there is no file "${relative(root, found)}".`]
      if (anchor === undefined) return []
      const page = statSync(found).isDirectory() ? join(found, 'README.md') : found
      return anchorsOf(page).includes(anchor)
        ? []
        : [`${place}: ${relative(root, page)} has no heading "#${anchor}".`]
    })
  })
}
