import { describe, expect, it } from 'vitest'
import { readProse } from '../checks/prose-facts.ts'
import { checkProse, checkSubjects, type ProsePlan } from '../checks/prose-rules.ts'

const PLAN: ProsePlan = {
  openings: [
    { words: 'Of(?! course)', instead: 'Name the thing.' },
    { words: 'Whether', instead: 'Write "True if".' },
    { words: 'Where there', instead: 'Write "If there is".' },
  ],
  maxSubject: 20,
  published: ['0123abcd'],
}

const problems = (text: string, path = 'src/app.ts'): string[] =>
  checkProse(path, readProse(path, text), PLAN)

describe('a forbidden opening is found', () => {
  it.each([
    ['in a docstring', '/** Of the port. */\nexport const x = 1', 1],
    ['in a docstring of several lines', '\n/**\n * Of the port.\n */\nexport const x = 1', 3],
    ['in a line comment', 'f()\n// Of the port.\ng()', 2],
    ['in a comment behind code', 'f() // Of the port.', 1],
    ['after another sentence', '// First. Of the port.', 1],
    ['after a sentence in brackets', '// First (x.) Of the port.', 1],
    ['after a sentence that ended the line above', '// First.\n// Of the port.', 2],
    ['in a paragraph of its own', '/**\n * First\n *\n * Of the port\n */', 4],
    ['in an item of a list', '/**\n * First:\n *\n * - Of the port\n */', 4],
    ['behind a tag', '/**\n * First.\n *\n * @returns Of the port\n */', 4],
    ['as two words', '// Where there is none, wait.', 1],
  ])('%s', (_, text, line) => {
    expect(problems(text)).toEqual([expect.stringMatching(`^src/app\\.ts:${line}: a sentence`)])
  })

  it('with what to write in its place', () => {
    expect(problems('/** Whether it runs. */')).toEqual([
      'src/app.ts:1: a sentence of a comment begins with "Whether". Write "True if".',
    ])
  })
})

describe('no opening is found', () => {
  it.each([
    ['in the middle of a sentence', '// The name\n// Of the port, Whether or not.'],
    ['in a longer word', '// Often. Offsets.'],
    ['in an exception of the rule', '// Of course.'],
    ['in text', 'const x = "/** Of the port. */"'],
    ['in a template', 'const x = `\n// Of the port.\n`'],
    ['in a comment below one of another statement', 'f() // Waits\nconst x = 1'],
  ])('%s', (_, text) => {
    expect(problems(text)).toEqual([])
  })
})

describe('a title of one word is found', () => {
  it.each([
    ['of it', `it('works', () => {})`],
    ['of test', `test('works', () => {})`],
    ['behind a condition', `it.skipIf(true)('works', () => {})`],
  ])('%s', (_, text) => {
    expect(problems(text, 'a.test.ts')).toEqual([expect.stringMatching(/^a\.test\.ts:1: the test "works"/)])
  })

  it('only in tests, not in groups of them or tables', () => {
    expect(problems(`it('works', () => {})`)).toEqual([])
    expect(problems(`describe('app', () => {})`, 'a.test.ts')).toEqual([])
    expect(problems(`it.each([1])('%s', () => {})`, 'a.test.ts')).toEqual([])
    expect(problems(`it('works for all', () => {})`, 'a.test.ts')).toEqual([])
  })
})

it('a commit subject that is too long is found, unless it is published', () => {
  const long = 'area: more than twenty characters'
  expect(
    checkSubjects(
      [
        { hash: 'ffff0000aaaa', subject: long },
        { hash: '0123abcd9999', subject: long },
        { hash: 'ffff1111aaaa', subject: 'area: twenty letters' },
      ],
      PLAN,
    ),
  ).toEqual([expect.stringMatching(/^commit ffff0000: a subject of 33 characters; 20 are the most/)])
})
