/**
 * Miniflare's tests of uploads have parts of 50 bytes, which its own tests alone may have. Here they are as
 * long as outside, and etags that stand in the tests are those of the longer parts.
 */
import { createHash } from 'node:crypto'

const SHORT = 50
/** R2's least size of a part that is not the last one, in bytes. */
const LEAST = 5 * 1024 * 1024

/** Uploads whose etags the tests have: a letter fills a part, `rest` is a last part as it is. */
const UPLOADS: readonly { letters: string; rest?: string }[] = [
  { letters: '12', rest: '3' },
  { letters: '123' },
  { letters: '259' },
  { letters: 'abc' },
  { letters: 'xyz' },
]

/** What is written otherwise than in the checkout. */
export function partSizeChanges(): (readonly [from: string, to: string])[] {
  return [
    [`const PART_SIZE = ${SHORT};`, `const PART_SIZE = ${LEAST};`],
    [`length: ${3 * SHORT} }`, 'length: 3 * PART_SIZE }'],
    ...UPLOADS.map((upload) => [etagOf(upload, SHORT), etagOf(upload, LEAST)] as const),
  ]
}

function etagOf({ letters, rest }: (typeof UPLOADS)[number], size: number): string {
  const parts = [...letters].map((letter) => letter.repeat(size))
  if (rest !== undefined) parts.push(rest)
  const sums = createHash('md5')
  for (const part of parts) sums.update(createHash('md5').update(part).digest())
  return `${sums.digest('hex')}-${parts.length}`
}
