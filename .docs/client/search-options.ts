/** What the build and the page must agree on to read one search index. */
import type { Options, SearchOptions } from 'minisearch'

/** A section of a page, as the index has it. */
export interface Entry {
  readonly id: number
  /** Link below the site's root: `guides/auth.html#sessions`. */
  readonly link: string
  /** Title of the page, at its beginning; empty for its other sections. */
  readonly title: string
  /** Title of the page. */
  readonly page: string
  /** Heading of the section; empty for the beginning of a page. */
  readonly heading: string
  readonly text: string
  /** How much a hit here counts, beside hits elsewhere. */
  readonly weight: number
}

/** Words that say nothing of a section, and would make a title that has one count less. */
const COMMON = new Set([
  'an',
  'and',
  'as',
  'at',
  'from',
  'in',
  'is',
  'it',
  'of',
  'on',
  'or',
  'other',
  'the',
  'to',
  'with',
])

export const INDEX_OPTIONS: Options<Entry> = {
  fields: ['title', 'page', 'heading', 'text'],
  storeFields: ['link', 'page', 'heading', 'weight'],
  tokenize: wordsOf,
  processTerm: stem,
}

export const SEARCH_OPTIONS: SearchOptions = {
  boost: { title: 12, heading: 3, page: 1, text: 1 },
  prefix: (term) => term.length > 2,
  fuzzy: (term) => (term.length > 4 ? 0.2 : false),
  combineWith: 'AND',
  boostDocument: (_id, _term, stored) => Number(stored?.['weight'] ?? 1),
}

/** Returns the words of a text. Names in code are also found by their parts: `defineApp`, `unmoor/drivers/redis`. */
function wordsOf(text: string): string[] {
  return text
    .split(/[^\p{L}\p{N}]+/u)
    .flatMap((word) => [word, ...(/[a-z][A-Z]/.test(word) ? word.split(/(?<=[a-z])(?=[A-Z])/) : [])])
    .map((word) => word.toLowerCase())
    .filter((word) => word.length > 1 && !COMMON.has(word))
}

/** Takes the ending of a plural off, so that "secret" finds "secrets" first. */
function stem(word: string): string {
  return word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word
}

/** One hit of a search. */
export interface Hit {
  readonly link: string
  readonly page: string
  readonly heading: string
}

/** The part of an index that a search needs. */
interface Searchable {
  search(query: string, options?: SearchOptions): readonly object[]
}

/** Returns the best hits of a query: sections with all of its words, or else with some. At most three of a page. */
export function search(index: Searchable, query: string, most = 12): Hit[] {
  const all = index.search(query, SEARCH_OPTIONS)
  const found = (
    all.length > 0 ? all : index.search(query, { ...SEARCH_OPTIONS, combineWith: 'OR' })
  ) as readonly Hit[]
  const perPage = new Map<string, number>()
  const hits = found.filter(({ page }) => {
    const before = perPage.get(page) ?? 0
    perPage.set(page, before + 1)
    return before < 3
  })
  return hits.slice(0, most)
}
