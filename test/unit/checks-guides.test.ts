import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkCommandLines, parseCommandLine, readCommandLines } from '../checks/command-lines.ts'
import { compileExamples } from '../checks/examples.ts'
import { findBrokenLinks, isCompiled, readAnchors, readFences } from '../checks/markdown.ts'
import { ROOT } from '../checks/package.ts'

const page = (language: string, code: string): string =>
  `# A page\n\nText.\n\n\`\`\`${language}\n${code}\n\`\`\`\n`

describe('a fence of a guide', () => {
  it('is read with its language and the line of its code', () => {
    expect(readFences('a.md', `${page('ts', 'f(1)')}${page('', 'g')}`)).toEqual([
      { file: 'a.md', line: 6, language: 'ts', code: 'f(1)' },
      { file: 'a.md', line: 13, language: '', code: 'g' },
    ])
  })

  it('that does not compile is named with its line in the page', () => {
    const code = `import { defineConfig } from 'unmoor'\n\nexport default defineConfig({ nam: 'a' })`
    const fences = readFences('.docs/guides/a.md', page('ts', code))
    expect(compileExamples(ROOT, fences)).toEqual([
      expect.stringMatching(/^\.docs\/guides\/a\.md:8: the example does not compile: TS2561.*nam/),
    ])
  })

  it('is compiled whatever it has, and in other pages only if it is a whole module', () => {
    const whole = `import { defineConfig } from 'unmoor'\nexport default defineConfig({})`
    const near = `import { a } from './a.ts'\nexport default a`
    const compiled = (file: string, language: string, code: string): boolean =>
      readFences(file, page(language, code)).some(isCompiled)
    expect(compiled('.docs/guides/a.md', 'ts', 'targets: {')).toBe(true)
    expect(compiled('.docs/guides/a.md', 'sh', whole)).toBe(false)
    expect(compiled('README.md', 'ts', whole)).toBe(true)
    expect(compiled('README.md', 'ts', 'targets: {')).toBe(false)
    expect(compiled('README.md', 'ts', near)).toBe(false)
    expect(compiled('core/DESIGN.md', 'ts', whole)).toBe(false)
  })
})

describe('a command line of a guide', () => {
  it('is found after variables and npx, beside other commands, without its comment and its output', () => {
    const code = [
      'npm run build && A=1 npx unmoor dev -C apps/shop   # note',
      `unmoor deploy --note 'a note'; cd unmoor`,
      'npx unmoor check > out',
    ].join('\n')
    expect(readCommandLines(readFences('a.md', page('sh', code)))).toEqual([
      { file: 'a.md', line: 6, args: ['dev', '-C', 'apps/shop'] },
      { file: 'a.md', line: 7, args: ['deploy', '--note', 'a note'] },
      { file: 'a.md', line: 8, args: ['check'] },
    ])
    expect(readCommandLines(readFences('a.md', page('yaml', '  - run: npx unmoor check')))).toHaveLength(1)
    expect(readCommandLines(readFences('a.md', page('', 'unmoor check')))).toEqual([])
  })

  it.each([
    [['build', '--target', 'node', 'lambda']],
    [['migrate', 'new', 'add_users']],
    [['test', '--target', 'node', '--', '--reporter', 'dot']],
    [['conformance', '--target', 'all']],
    [['--help']],
  ])('is taken if the CLI would run it: %j', async (args) => {
    expect(await parseCommandLine(args)).toBeUndefined()
  })

  it.each([
    [['bild', '--target', 'node'], /unknown command 'bild'/],
    [['check', '--targt', 'node'], /unknown option '--targt'/],
    [['build'], /required option '-t, --target/],
    [['build', '--target', 'nod'], /There is no target "nod"/],
    [['start', '--target', 'nod'], /There is no target "nod"/],
    [['dev', '--port', 'http'], /A port is a whole number/],
    [['migrate', 'new'], /missing required argument 'name'/],
  ])('is refused by the words of the CLI: %j', async (args, problem) => {
    expect(await parseCommandLine(args)).toMatch(problem)
  })

  it('that is refused is named with its page and line', async () => {
    const lines = readCommandLines(readFences('a.md', page('sh', 'npx unmoor check\nnpx unmoor chekc')))
    expect(await checkCommandLines(lines)).toEqual([
      expect.stringMatching(/^a\.md:7: unmoor chekc: .*unknown/),
    ])
  })
})

describe('a link of a guide', () => {
  let root: string
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'unmoor-guides-'))
    const files = {
      'guides/a.md': [
        '# A page: `code`, and more',
        '[own](#a-page-code-and-more) [file](../b/README.md) [folder](../b#twice-1) [out](https://x.example/#no)',
        '`[code](nowhere.md)`',
        '```sh\n[fence](nowhere.md)\n```',
        '[gone](gone.md)',
        '[heading](../b/README.md#gone) [top](#gone)',
      ].join('\n\n'),
      'b/README.md': '# B\n## Twice\n## Twice\n```sh\n# gone\n```\n',
    }
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true })
      writeFileSync(join(root, name), text)
    }
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  it('that leads to no file or to no heading is named with its line', () => {
    expect(findBrokenLinks(root, ['guides/a.md'])).toEqual([
      'guides/a.md:11: there is no file "guides/gone.md".',
      'guides/a.md:13: b/README.md has no heading "#gone".',
      'guides/a.md:13: guides/a.md has no heading "#gone".',
    ])
  })

  it('finds the headings that GitHub would make', () => {
    expect(readAnchors('# `unmoor` dev\n## [Link](a.md) & more\n### A_b-c 2.0')).toEqual([
      'unmoor-dev',
      'link--more',
      'a_b-c-20',
    ])
  })
})
