import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { ROOT } from '../checks/package.ts'

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

interface Step {
  readonly name?: string
  readonly run?: string
  readonly uses?: string
}
interface Workflow {
  readonly jobs: Readonly<
    Record<string, { readonly steps: readonly Step[]; readonly strategy?: { matrix: { run: string[] } } }>
  >
}

/** Names of npm scripts that a shell text runs. */
function scripts(text: string): string[] {
  return [...text.matchAll(/\bnpm (?:run (?:--silent )?([\w:]+)|(test)\b)/g)].map(
    ([, run, test]) => run ?? test ?? '',
  )
}

it('the workflow runs every script that .ci/run runs', () => {
  const { jobs } = parse(read('.github/workflows/check.yml')) as Workflow
  const run = Object.values(jobs).flatMap(({ steps, strategy }) => [
    ...steps.flatMap((step) => scripts(step.run ?? '')),
    ...(strategy?.matrix.run ?? []),
  ])
  const wanted = scripts(read('.ci/run').replaceAll(/^ *#.*$/gm, ''))
  expect(wanted.length).toBeGreaterThan(10)
  expect(wanted.filter((script) => !run.includes(script))).toEqual([])
})

it('npm run check runs every check of the package.json, by the same program', () => {
  const { scripts: all } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  expect(all['check']).toBe('node test/checks/main.ts')
  const runner = read('test/checks/main.ts')
  const checks = Object.entries(all).filter(([name]) => name.startsWith('check:'))
  expect(checks.length).toBeGreaterThan(5)
  for (const [name, command] of checks) {
    expect(runner).toContain(`'${name}'`)
    const [program] = /node test\/checks\/\w+\.ts/.exec(command) ?? []
    if (program !== undefined) expect(runner).toContain(`['${name}', '${program}']`)
  }
})

it('the files for GitHub are YAML, without secrets', () => {
  const files = globSync('.github/**/*.yml', { cwd: ROOT })
  expect(files.length).toBeGreaterThan(4)
  for (const file of files) {
    expect(parse(read(file)), file).toBeTypeOf('object')
    expect(read(file), file).not.toMatch(/\bsecrets\./)
  }
})
