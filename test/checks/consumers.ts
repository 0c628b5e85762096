/**
 * `npm run check:consumers`: every example, and the README's app, compiles as a project of its own, in a
 * folder that has the packed package, what the example imports, and nothing else. Each is compiled by both
 * versions of TypeScript, for both kinds of module resolution, with `declaration` and `composite`, and with
 * its libraries checked.
 * `npm run check:consumers -- links` compiles only the projects whose name contains the word.
 */
import { spawn } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { isBuiltin } from 'node:module'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import ts from 'typescript-5.9'
import { concernsUs } from './concerns.ts'
import { install, unpack } from './packed.ts'
import { ROOT } from './package.ts'

interface Project {
  name: string
  dir: string
  /** Absolute paths in `dir`. */
  files: readonly string[]
  types: readonly string[]
}

const COMPILERS = { '7': 'typescript', '5.9': 'typescript-5.9' } as const
const RESOLUTIONS = ['nodenext', 'bundler'] as const

interface Run {
  project: Project
  compiler: keyof typeof COMPILERS
  resolution: (typeof RESOLUTIONS)[number]
}

/** The modules that a source imports. */
function importsOf(file: string): string[] {
  return ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles.map(({ fileName }) => fileName)
}

/** An example's sources, and those of other examples that they import. */
function sourcesOf(example: string): string[] {
  const found = new Set<string>()
  const visit = (file: string): void => {
    if (found.has(file)) return
    found.add(file)
    for (const specifier of importsOf(file))
      if (specifier.startsWith('.') && existsSync(join(dirname(file), specifier)))
        visit(join(dirname(file), specifier))
  }
  for (const name of readdirSync(example, { recursive: true, encoding: 'utf8' })) {
    const parts = name.split(sep)
    if (/\.tsx?$/.test(name) && !parts.some((part) => part === 'node_modules' || part === '.unmoor'))
      visit(join(example, name))
  }
  return [...found].sort()
}

/**
 * Names of the packages that these sources import, as one would install them; types come from DefinitelyTyped
 * where the package has none.
 */
function packagesOf(files: readonly string[]): string[] {
  // A Lambda handler names Node's `process` without an import.
  const packages = new Set(
    files.some((file) => /\bprocess\.\w/.test(readFileSync(file, 'utf8'))) ? ['@types/node'] : [],
  )
  for (const specifier of files.flatMap(importsOf)) {
    if (specifier.startsWith('.') || specifier.startsWith('#')) continue
    const name = specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/')
    if (isBuiltin(specifier)) packages.add('@types/node')
    else if (name === 'aws-lambda') packages.add('@types/aws-lambda')
    else if (name !== 'unmoor') packages.add(name)
  }
  return [...packages]
}

function createProject(
  dir: string,
  name: string,
  unmoor: string,
  sources: readonly { from: string; to: string }[],
): Project {
  const folder = join(dir, name)
  const packages = packagesOf(sources.map(({ from }) => from))
  install(folder, unmoor, packages)
  const files = sources.map(({ from, to }) => {
    const file = join(folder, to)
    mkdirSync(dirname(file), { recursive: true })
    copyFileSync(from, file)
    return file
  })
  return { name, dir: folder, files, types: packages.includes('@types/node') ? ['node'] : [] }
}

/** The README's app and its config, as files. */
function readmeSources(dir: string): { from: string; to: string }[] {
  const blocks = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(
    ([, code]) => code ?? '',
  )
  return [
    ['export default defineApp(', 'src/app.ts'] as const,
    ['export default defineConfig(', 'unmoor.config.ts'] as const,
  ].map(([mark, to]) => {
    const code = blocks.find((block) => block.includes(mark))
    if (code === undefined) throw new Error(`README.md has no code block with "${mark}".`)
    const from = join(dir, `readme-${to.replace('/', '-')}`)
    writeFileSync(from, code)
    return { from, to }
  })
}

/** Writes the tsconfig.json of a run. Returns its path. */
function writeConfig({ project, compiler, resolution }: Run): string {
  const name = `tsconfig.${compiler}-${resolution}.json`
  const options = {
    target: 'es2024',
    module: resolution === 'bundler' ? 'esnext' : 'nodenext',
    moduleResolution: resolution,
    types: project.types,
    strict: true,
    // Our declarations, and those of all packages, are checked; the compiler's own library is not, which
    // would double the time.
    skipLibCheck: false,
    skipDefaultLibCheck: true,
    declaration: true,
    composite: true,
    emitDeclarationOnly: true,
    allowImportingTsExtensions: true,
    outDir: `out-${compiler}-${resolution}`,
    rootDir: '.',
    preserveSymlinks: true,
    pretty: false,
  }
  const config = join(project.dir, name)
  const files = project.files.map((file) => relative(project.dir, file))
  writeFileSync(config, JSON.stringify({ compilerOptions: options, files }))
  return config
}

/** Runs a program of Node. Returns what it printed, and its exit code. */
async function runNode(
  args: readonly string[],
  cwd: string,
): Promise<{ output: string; code: number | null }> {
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { output, code }
}

/** The errors of one project by the TypeScript of today, a process of its own. */
async function compile(run: Run): Promise<string[]> {
  const args = [join(ROOT, 'node_modules', COMPILERS[run.compiler], 'bin/tsc'), '-p', writeConfig(run)]
  const { output, code } = await runNode(args, run.project.dir)
  const errors = output.split('\n').filter((line) => / error TS\d+|^error TS\d+/.test(line))
  if (code !== 0 && errors.length === 0) return [`tsc ended with ${code}: ${output}`]
  return errors.filter(concernsUs)
}

/** The errors of projects by TypeScript 5.9, all in one process: it is three times as slow with one each. */
async function compileClassic(runs: readonly Run[]): Promise<string[][]> {
  const program = join(ROOT, 'test/checks/classic-compiler.ts')
  const { output, code } = await runNode([program, ...runs.map(writeConfig)], ROOT)
  const results = output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { errors: string[] }).errors)
  if (code === 0 && results.length === runs.length) return results
  throw new Error(`TypeScript 5.9 ended with ${code} after ${results.length} of ${runs.length} projects.`)
}

/** Prints the errors of a run. Returns 1 if it has some, otherwise 0. */
function report({ project, compiler, resolution }: Run, errors: readonly string[]): number {
  if (errors.length === 0) return 0
  console.error(`${project.name}, TypeScript ${compiler}, ${resolution}:\n  ${errors.join('\n  ')}`)
  return 1
}

const dir = mkdtempSync(join(tmpdir(), 'unmoor-consumers-'))
try {
  const unmoor = unpack(dir)
  const word = process.argv[2] ?? ''
  const examples = readdirSync(join(ROOT, 'examples')).map((name) => ({
    name: `example-${name}`,
    sources: sourcesOf(join(ROOT, 'examples', name)).map((from) => ({ from, to: relative(ROOT, from) })),
  }))
  const projects = [{ name: 'readme', sources: readmeSources(dir) }, ...examples]
    .filter(({ name, sources }) => name.includes(word) && sources.length > 0)
    .map(({ name, sources }) => createProject(dir, name, unmoor, sources))
  if (projects.length === 0) throw new Error(`There is no example "${word}".`)
  const runs: Run[] = projects.flatMap((project) =>
    (Object.keys(COMPILERS) as (keyof typeof COMPILERS)[]).flatMap((compiler) =>
      RESOLUTIONS.map((resolution) => ({ project, compiler, resolution })),
    ),
  )
  const classic = runs.filter(({ compiler }) => compiler === '5.9')
  const left = runs.filter(({ compiler }) => compiler === '7').values()
  let failed = 0
  const work = async (): Promise<void> => {
    for (const run of left) {
      const errors = await compile(run)
      failed += report(run, errors)
    }
  }
  const workClassic = async (): Promise<void> => {
    const results = await compileClassic(classic)
    for (const [i, run] of classic.entries()) failed += report(run, results[i] ?? [])
  }
  await Promise.all([workClassic(), ...Array.from({ length: Math.min(3, availableParallelism()) }, work)])
  console.log(
    `${projects.length} projects (${projects.map(({ name }) => name).join(', ')}), ${runs.length} compilations, ${failed} failed`,
  )
  if (failed > 0) process.exitCode = 1
} finally {
  rmSync(dir, { recursive: true, force: true })
}
