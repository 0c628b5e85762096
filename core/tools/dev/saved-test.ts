/** Writes a compared request as a test of the project. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PARTS } from './compare-rules.ts'

/** The request and the answer that a saved test expects. */
export interface SavedCase {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly status: number
  readonly contentType: string | undefined
  /** The expected body, with what differs between any two runs replaced by `normalise`. */
  readonly answer: string
}

/** Number of names that are tried. */
const MOST = 10_000

/** Writes `test/page-N.test.ts` with the first free N. Nothing is overwritten. Resolves to the path. */
export async function saveTest(projectDir: string, saved: SavedCase): Promise<string> {
  await mkdir(join(projectDir, 'test'), { recursive: true })
  for (let number = 1; number < MOST; number++) {
    const name = `test/page-${number}.test.ts`
    try {
      await writeFile(join(projectDir, name), source(saved), { flag: 'wx' })
      return name
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
  throw new Error(`There are ${MOST} saved tests in ${join(projectDir, 'test')}. Rename or remove some.`)
}

function source({ method, path, headers, body, status, contentType, answer }: SavedCase): string {
  const init = JSON.stringify({ method, headers, body }, null, 2).replaceAll('\n', '\n  ')
  const text = 'await response.text()'
  const isNormal = /<(?:date|id|origin)>/.test(answer)
  const lines = [
    `// Saved on the page of unmoor dev. Run it with: npx unmoor test`,
    `import { afterAll, beforeAll, expect, it } from 'vitest'`,
    `import { startApp, type TestApp } from 'unmoor/testing'`,
    ``,
    `let t: TestApp`,
    ``,
    `beforeAll(async () => {`,
    `  t = await startApp()`,
    `}, 120_000)`,
    ``,
    `afterAll(() => t?.stop())`,
    ``,
    `it(${JSON.stringify(`${method} ${path} answers ${status}`)}, async () => {`,
    `  const response = await t.fetch(${JSON.stringify(path)}, ${init})`,
    `  expect(response.status).toBe(${status})`,
    ...(contentType === undefined
      ? []
      : [`  expect(response.headers.get('content-type')).toBe(${JSON.stringify(contentType)})`]),
    `  expect(${isNormal ? `normalise(${text})` : text}).toBe(${JSON.stringify(answer)})`,
    `})`,
    ...(isNormal ? ['', ...NORMALISE] : []),
  ]
  return `${lines.join('\n')}\n`
}

/** The rule of the page, as the source of a function of the saved test. */
const NORMALISE = [
  '/** Replaces what differs between any two runs. */',
  'function normalise(text: string): string {',
  '  return text',
  "    .replaceAll(t.url, '<origin>')",
  "    .replaceAll(new URL(t.url).host, '<origin>')",
  ...PARTS.map(([pattern, word]) => `    .replaceAll(${String(pattern)}, '${word}')`),
  '}',
]
