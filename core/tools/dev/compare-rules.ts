/** Rules by which the page of `unmoor dev` compares the answers of several runtimes to one request. */

/** The answer of one runtime to a compared request. */
export interface Answered {
  readonly target: string
  readonly runtime: string
  readonly status: number
  /** Names in lower case, sorted. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** The body as text; of a body that is no text, its bytes in base64. */
  readonly body: string
  /** Milliseconds until the end of the body. */
  readonly duration: number
}

/** What the page says about the rule. */
export const RULE =
  "Dates and times, UUIDs, ids of 16 or more hex digits and the runtime's own origin count as equal: they " +
  'are compared as <date>, <id> and <origin>. Not compared are headers of one connection (connection, ' +
  'date, keep-alive, transfer-encoding), content-length and x-request-id.'

/** Headers that say nothing about the app. */
const IGNORED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'transfer-encoding',
  'x-request-id',
])

/** Patterns of what differs between any two runs, with what stands for it. */
export const PARTS: readonly (readonly [RegExp, string])[] = [
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?/g, '<date>'],
  [/\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\b/g, '<date>'],
  [/\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/gi, '<id>'],
  [/\b(?=[\da-f]*\d)[\da-f]{16,}\b/gi, '<id>'],
]

/** Returns a text with what differs between any two runs replaced. */
export function normalise(text: string, origin?: string): string {
  let normal = text
  if (origin !== undefined) {
    normal = normal.replaceAll(origin, '<origin>').replaceAll(new URL(origin).host, '<origin>')
  }
  for (const [pattern, word] of PARTS) normal = normal.replaceAll(pattern, word)
  return normal
}

/** One part of an answer that is not the same everywhere: `status`, `body`, or `header NAME`. */
export interface Difference {
  readonly part: string
  /** Normalised value by target; null where the header is missing. */
  readonly values: Readonly<Record<string, string | null>>
}

/** Returns the parts in which the answers differ. `origins` has each runtime's own, by target. */
export function differences(
  answers: readonly Answered[],
  origins: Readonly<Record<string, string>>,
): Difference[] {
  const found: Difference[] = []
  const look = (part: string, read: (answer: Answered) => string | null): void => {
    const values = Object.fromEntries(
      answers.map((answer) => {
        const value = read(answer)
        return [answer.target, value === null ? null : normalise(value, origins[answer.target])]
      }),
    )
    if (new Set(Object.values(values)).size > 1) found.push({ part, values })
  }
  look('status', ({ status }) => String(status))
  const names = new Set(answers.flatMap(({ headers }) => headers.map(([name]) => name)))
  for (const name of [...names].sort())
    if (!IGNORED.has(name))
      look(`header ${name}`, ({ headers }) => {
        const own = headers.filter(([other]) => other === name).map(([, value]) => value)
        return own.length === 0 ? null : own.join(', ')
      })
  look('body', ({ body }) => body)
  return found
}
