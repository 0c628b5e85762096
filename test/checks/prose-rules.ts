import type { ProseFacts } from './prose-facts.ts'

/** Words that no sentence of a comment begins with. */
export interface Opening {
  /** A pattern of the words, from the sentence's first letter on. */
  readonly words: string
  /** What to write in its place, for the message. */
  readonly instead: string
}

/** A commit, as `git log` names it. */
export interface Subject {
  readonly hash: string
  readonly subject: string
}

/** How comments, test titles and commits must read. */
export interface ProsePlan {
  readonly openings: readonly Opening[]
  /** Most characters of a commit's subject. */
  readonly maxSubject: number
  /** Hashes of commits that are longer and can be changed no more. */
  readonly published: readonly string[]
}

/** Where a sentence begins: with the comment, after another, with a paragraph, an item or a tag. */
const START = String.raw`(?:^\s*|[.?!][)"'\u0060]?\s+|\n\s*\n\s*|\n\s*- |@returns\s+)`

/** Problems of a module's comments and test titles, each a line for people, with its place. */
export function checkProse(path: string, { comments, titles }: ProseFacts, plan: ProsePlan): string[] {
  const found: { line: number; problem: string }[] = []
  for (const { line, text } of comments) {
    for (const { words, instead } of plan.openings) {
      for (const match of text.matchAll(new RegExp(`${START}(?<said>(?:${words})\\b)`, 'g'))) {
        const said = match.groups?.['said'] ?? ''
        const at = line + text.slice(0, match.index + match[0].length).split('\n').length - 1
        found.push({ line: at, problem: `a sentence of a comment begins with "${said}". ${instead}` })
      }
    }
  }
  if (path.endsWith('.test.ts'))
    for (const { line, text } of titles)
      if (isOneWord(text))
        found.push({
          line,
          problem: `the test "${text}" has one word for a title. Say in a sentence what holds.`,
        })
  return found.sort((a, b) => a.line - b.line).map(({ line, problem }) => `${path}:${line}: ${problem}`)
}

/** Titles of `each` with a placeholder (`%s`, `$name`) get their words from the table. */
function isOneWord(title: string): boolean {
  return !/\s/.test(title.trim()) && !/[%$]\w/.test(title)
}

/** Problems of commits' subjects. */
export function checkSubjects(commits: readonly Subject[], plan: ProsePlan): string[] {
  return commits
    .filter(
      ({ hash, subject }) =>
        subject.length > plan.maxSubject && !plan.published.some((known) => hash.startsWith(known)),
    )
    .map(
      ({ hash, subject }) =>
        `commit ${hash.slice(0, 8)}: a subject of ${subject.length} characters; ${plan.maxSubject} are the most. ` +
        `Move what was wrong into the body: "${subject}"`,
    )
}
