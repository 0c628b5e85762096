import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkApp, type CheckResult } from '../../core/tools/check/check.ts'
import { formatFinding } from '../../core/tools/check/report-text.ts'
import { RULES } from '../../core/tools/check/rules.ts'
import { runUnmoor } from './cli-process.ts'
import { checkout, tempProject } from './temp-project.ts'

const corpus = join(import.meta.dirname, '../check-corpus')
const examples = join(import.meta.dirname, '../../examples')
let dir: string

// The corpus is copied, so that packages can be put beside it.
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'unmoor-check-test-'))
  await cp(corpus, dir, { recursive: true })
  for (const name of ['fine', 'builders'])
    await symlink(join(checkout, 'node_modules'), join(dir, name, 'node_modules'))
  const files = {
    'machine-code/package.json':
      '{ "name": "machine-code", "type": "module", "main": "index.js", "gypfile": true }',
    'machine-code/index.js': 'export const machine = String(Date.now())\n',
    'chained/package.json': '{ "name": "chained", "type": "module", "main": "index.js" }',
    'chained/index.js':
      "import { deep } from 'deep'\nexport const label = deep + (process.env.LABEL ?? '')\n",
    'sockets/package.json': '{ "name": "sockets", "type": "module", "main": "index.js" }',
    'sockets/index.js':
      "import { pair } from './pair.js'\nexport const upgrade = () => [pair(), new WebSocketPair(), eval('1')]\n",
    'sockets/pair.js': 'export const pair = () => new WebSocketPair()\nexport const again = eval("2")\n',
    'hono/package.json': '{ "name": "hono", "type": "module", "main": "index.js" }',
    'hono/index.js': 'export class Hono {\n  get() {\n    return this\n  }\n}\n',
    'trying/package.json': '{ "name": "trying", "type": "module", "main": "index.js" }',
    'trying/index.js':
      'export async function ask(name) {\n  try {\n    return await import(name)\n  } catch {\n    return undefined\n  }\n}\nexport const load = (name) => import(name)\n',
    'deep/package.json': '{ "name": "deep", "type": "module", "main": "index.js" }',
    'deep/index.js':
      "import { createConnection } from 'node:net'\nexport const deep = String(createConnection)\nexport const made = new Function('return 1')()\n",
  }
  for (const [name, text] of Object.entries(files)) {
    const path = join(dir, 'code/node_modules', name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }
})
afterAll(() => rm(dir, { recursive: true, force: true }))

/** `file:line rule` of every mark `expect: rule` in a project's own files. */
async function planted(project: string): Promise<string[]> {
  const marks: string[] = []
  for (const entry of await readdir(project, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || path.includes('node_modules') || path.includes('.unmoor')) continue
    const lines = (await readFile(path, 'utf8')).split('\n')
    lines.forEach((line, index) => {
      for (const [, rule] of line.matchAll(/expect: ([\w-]+)/g))
        marks.push(`${relative(project, path)}:${index + 1} ${rule}`)
    })
  }
  return marks.sort()
}

const found = (result: CheckResult): string[] =>
  result.findings
    .filter(({ file }) => !file.startsWith('node_modules'))
    .map(({ file, line, rule }) => `${file}:${line} ${rule}`)
    .sort()

describe('the corpus of planted faults', () => {
  const projects = ['calls', 'flows', 'sql', 'builders', 'code', 'declarations', 'sockets']
  for (const project of projects) {
    it(`${project}: each fault is found with its rule and line, and nothing else`, async () => {
      expect(found(await checkApp({ projectDir: join(dir, project) }))).toEqual(
        await planted(join(dir, project)),
      )
    })
  }

  it('has at least 60 faults', async () => {
    const all = await Promise.all(projects.map((project) => planted(join(dir, project))))
    expect(all.flat().length).toBeGreaterThanOrEqual(60)
  })
})

describe('dependencies', () => {
  let result: CheckResult
  beforeAll(async () => {
    result = await checkApp({ projectDir: join(dir, 'code') })
  })

  it('an import that a target lacks comes with the chain that leads to it, and is a warning', () => {
    const finding = result.findings.find(
      ({ file, rule }) => file === 'node_modules/deep/index.js' && rule === 'import-builtin',
    )
    expect(finding).toMatchObject({
      line: 1,
      severity: 'warning',
      chain: ['src/app.ts', 'node_modules/chained/index.js', 'node_modules/deep/index.js'],
    })
    expect(finding?.targets).not.toContain('node')
  })

  it('a global of one platform in a package is a warning, for the targets that lack it', () => {
    expect(
      result.findings.filter(
        ({ file, rule }) => file.startsWith('node_modules/sockets/') && rule === 'global-missing',
      ),
    ).toMatchObject([
      {
        severity: 'warning',
        targets: ['lambda', 'node', 'isolate'].toSorted(
          (a, b) => result.targets.indexOf(a) - result.targets.indexOf(b),
        ),
        message: expect.stringMatching(/"WebSocketPair".*\(2 places in 2 modules of sockets\)/),
        chain: expect.arrayContaining(['src/app.ts']),
      },
    ])
  })

  it('what a package breaks of one rule is one finding', () => {
    const rules = result.findings
      .filter(({ file }) => file.startsWith('node_modules/sockets/'))
      .map(({ rule }) => rule)
    expect(rules.toSorted()).toEqual(['code-eval', 'global-missing'])
  })

  it('Buffer and process are there on Cloudflare, where the build sets nodejs_compat for them', () => {
    expect(
      result.findings.filter(({ message }) => /"(?:process|Buffer|setImmediate)"/.test(message)),
    ).toEqual([])
  })

  it('a package is silenced in the config, by rule and with a reason', async () => {
    const config = {
      check: { packages: { sockets: { 'code-eval': 'never called', 'global-missing': 'Cloudflare only' } } },
    }
    const { findings } = await checkApp({ projectDir: join(dir, 'code'), config })
    expect(findings.filter(({ file }) => file.startsWith('node_modules/sockets/'))).toEqual([])
    expect(
      findings.some(({ file, rule }) => file === 'node_modules/deep/index.js' && rule === 'code-eval'),
    ).toBe(true)
    for (const [check, message] of [
      [
        { packages: { sockets: { 'code-evil': 'x' } } },
        /check\.packages\.sockets names no rule: "code-evil".*code-eval/,
      ],
      [{ packages: { sockets: { 'code-eval': '' } } }, /must say why/],
      [{ package: {} }, /"check\.package" is no key/],
    ] as const)
      await expect(checkApp({ projectDir: join(dir, 'code'), config: { check } as never })).rejects.toThrow(
        message,
      )
  })

  it('an import of a package that is known only at run time is a warning, but not where its failure is caught', () => {
    expect(result.findings.filter(({ file }) => file === 'node_modules/trying/index.js')).toMatchObject([
      { rule: 'import-dynamic', line: 8, severity: 'warning' },
    ])
  })

  it('a module of a package that would take too much memory is named, and not read', async () => {
    const project = join(dir, 'large')
    const large = 'export const size = (text) => Buffer.byteLength(text)\n'
    const filler = 'export const eval_ = () => eval("1")\n'
    const files = {
      'package.json': '{ "name": "large", "type": "module" }',
      'src/app.ts':
        "import { defineApp } from 'unmoor'\nimport { size } from 'huge'\nimport { eval_ } from 'usual'\n" +
        "export default defineApp({ fetch: () => new Response(String([size('x'), eval_()])) })\n",
      'node_modules/huge/package.json': '{ "name": "huge", "type": "module", "main": "index.js" }',
      'node_modules/huge/index.js': large + filler + '// filler\n'.repeat(200_000),
      'node_modules/usual/package.json': '{ "name": "usual", "type": "module", "main": "index.js" }',
      'node_modules/usual/index.js': filler,
    }
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(project, name)), { recursive: true })
      await writeFile(join(project, name), text)
    }
    const { findings, targets } = await checkApp({ projectDir: project })
    const told = findings.map(({ file, rule, severity }) => `${severity} ${rule} ${file}`)
    expect(told).toEqual([
      'warning size-unread node_modules/huge/index.js',
      'warning code-eval node_modules/usual/index.js',
    ])
    expect(findings[0]?.targets).toEqual(targets)
  })

  it('a package with machine code is named at its import', async () => {
    const lines = (await readFile(join(dir, 'code/src/app.ts'), 'utf8')).split('\n')
    expect(result.findings.find(({ rule }) => rule === 'import-addon')).toMatchObject({
      file: 'src/app.ts',
      line: lines.findIndex((line) => line.includes("from 'machine-code'")) + 1,
      message: expect.stringContaining('machine-code'),
    })
  })
})

describe('what is fine', async () => {
  it('an app with Hono, its middleware, Drizzle and Kysely', async () => {
    await writeFile(join(dir, 'fine/.env'), 'JWT_KEY=x\n')
    const { findings, files } = await checkApp({ projectDir: join(dir, 'fine') })
    expect(findings).toEqual([])
    expect(files).toBe(3)
  })

  const apps = (await readdir(examples, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  for (const { name } of apps) {
    it(`examples/${name} has no finding`, async ({ skip }) => {
      const files = await readdir(join(examples, name))
      if (!files.includes('unmoor.config.ts')) return skip('it is no app')
      const { findings } = await checkApp({ projectDir: join(examples, name) })
      expect(findings).toEqual([])
    })
  }
})

describe('targets', () => {
  it('only what concerns the targets that were asked for is told', async () => {
    const { findings } = await checkApp({ projectDir: join(dir, 'sql'), targets: ['node'] })
    expect(findings.some(({ rule }) => rule === 'sql-insert-or')).toBe(false)
    expect(findings.find(({ rule }) => rule === 'sql-limit')).toMatchObject({ targets: ['node'] })
  })

  it('the driver of the config decides the engine', async () => {
    const config = { name: 'check-sql', targets: { node: { drivers: { db: 'postgres' } } } }
    const { findings } = await checkApp({ projectDir: join(dir, 'sql'), targets: ['node'], config })
    expect(findings.find(({ rule }) => rule === 'sql-insert-or')).toMatchObject({ targets: ['node'] })
    expect(findings.some(({ message }) => message.startsWith('NOW()'))).toBe(false)
  })
})

describe('an existing Worker, by its wrangler file', () => {
  const wrangler = (more = ''): string => `{
  "name": "shop",
  "main": "src/index.ts",
  "compatibility_date": "2026-07-01",
  "d1_databases": [{ "binding": "DB", "database_name": "shop", "database_id": "x" }],
  "durable_objects": { "bindings": [] }${more}
}
`
  const code = `import { readFileSync } from 'node:fs'
export default {
  async fetch(_request: Request, env: { DB: D1Database }): Promise<Response> {
    const { results } = await env.DB.prepare("SELECT datetime('now') AS t").all()
    return Response.json([results, await caches.default.match('https://a.test/'), readFileSync('x')])
  },
}
`

  it('its code against the targets: what Workers have is there, what the target lacks is told', async () => {
    await using project = await tempProject({ 'wrangler.jsonc': wrangler(), 'src/index.ts': code })
    const { findings, targets } = await checkApp({ projectDir: project.dir, worker: 'wrangler.jsonc' })
    expect(targets).toEqual(['node', 'lambda', 'isolate'])
    expect(findings.map(({ rule, file, line, targets: on }) => [rule, file, line, on])).toEqual([
      ['import-builtin', 'src/index.ts', 1, ['isolate']],
    ])
  })

  it('its SQL against the engine, where the config puts a D1 database on another', async () => {
    await using project = await tempProject({
      'wrangler.jsonc': wrangler(),
      'src/index.ts': code.replace(/^import.*\n/, '').replace(", readFileSync('x')", ''),
    })
    const config = { name: 'shop', drivers: { db: { driver: 'postgres' } } }
    const { findings } = await checkApp({
      projectDir: project.dir,
      worker: 'wrangler.jsonc',
      targets: ['node'],
      config,
    })
    expect(findings.map(({ rule, line }) => [rule, line])).toEqual([['sql-date', 3]])
  })

  it('a setting that only Cloudflare has is a finding at its line', async () => {
    await using project = await tempProject({
      'wrangler.jsonc': wrangler(',\n  "ai": { "binding": "AI" }'),
      'src/index.ts': code,
    })
    const { code: exit, stdout } = await runUnmoor([
      'check',
      '--worker',
      join(project.dir, 'wrangler.jsonc'),
      '--reporter',
      'json',
    ])
    expect(exit).toBe(1)
    expect((JSON.parse(stdout) as CheckResult).findings).toMatchObject([
      { rule: 'worker-config', file: 'wrangler.jsonc', line: 7, severity: 'error' },
    ])
  })
})

describe('secrets', () => {
  it('one that the env file does not name is a warning at its declaration', async () => {
    const envFile = join(dir, 'some.env')
    await writeFile(envFile, 'OTHER=1\n')
    const { findings } = await checkApp({ projectDir: join(examples, 'links'), envFile })
    expect(findings).toMatchObject([
      {
        rule: 'secret-missing',
        severity: 'warning',
        file: 'src/bindings.ts',
        message: expect.stringContaining('ADMIN_TOKEN'),
      },
    ])
  })
})

describe('output', () => {
  it('for people: place, frame, reason and what to write instead', async () => {
    const result = await checkApp({ projectDir: join(dir, 'calls') })
    expect(formatFinding(result.findings[0] as (typeof result.findings)[0], result)).toBe(
      [
        'src/app.ts:18:37 error kv-ttl',
        "  A ttl of 30 s is under the portable minimum of 60 s (Cloudflare's): the put throws.",
        "  18 |     await env.links.put('a', 'b', { ttl: 30 }) // expect: kv-ttl",
        '     |                                     ^^^^^^^',
        '  instead: Give 60 seconds or more, and keep an exact expiry in the value.',
      ].join('\n'),
    )
  })

  it('JSON: one line last, and exit code 1', async () => {
    const { code, stdout } = await runUnmoor([
      'check',
      '--project',
      join(dir, 'declarations'),
      '--reporter',
      'json',
    ])
    expect(code).toBe(1)
    const lines = stdout.trim().split('\n')
    expect(lines).toHaveLength(1)
    const result = JSON.parse(lines[0] as string) as {
      findings: { rule: string; file: string; line: number }[]
      files: number
    }
    expect(result.files).toBe(1)
    expect(result.findings.map(({ rule, file, line }) => `${file}:${line} ${rule}`).sort()).toEqual(
      await planted(join(dir, 'declarations')),
    )
  })

  it('SARIF names each rule and region', async () => {
    const { code, stdout } = await runUnmoor([
      'check',
      '--project',
      join(dir, 'calls'),
      '--reporter',
      'sarif',
    ])
    expect(code).toBe(1)
    const { version, runs } = JSON.parse(stdout) as {
      version: string
      runs: {
        tool: { driver: { rules: { id: string }[] } }
        results: { ruleId: string; ruleIndex: number; locations: object[] }[]
      }[]
    }
    expect(version).toBe('2.1.0')
    const [run] = runs
    expect(run?.tool.driver.rules.map(({ id }) => id)).toEqual(Object.keys(RULES))
    expect(run?.results[0]).toMatchObject({
      ruleId: 'kv-ttl',
      level: 'error',
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: 'src/app.ts' },
            region: { startLine: 18, startColumn: 37, endColumn: 44 },
          },
        },
      ],
    })
    for (const { ruleId, ruleIndex } of run?.results ?? [])
      expect(run?.tool.driver.rules[ruleIndex]?.id).toBe(ruleId)
  })

  it('an app without a finding exits with 0', async () => {
    const { code, stdout } = await runUnmoor(['check', '--project', join(examples, 'links')])
    expect(code).toBe(0)
    expect(stdout).toContain('0 errors, 0 warnings')
  })

  it('an unknown target is a wrong use', async () => {
    const { code, stderr } = await runUnmoor([
      'check',
      '--project',
      join(examples, 'links'),
      '--target',
      'mars',
    ])
    expect(code).toBe(2)
    expect(stderr).toContain('There is no target "mars"')
  })
})
