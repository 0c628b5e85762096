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
import { install, unpack } from './packed.ts'
import { readPackage, ROOT } from './package.ts'

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

/**
 * What the compiler says of the project's own files, of the package, and of the packages that the package
 * brings along. Other packages answer for themselves.
 */
async function compile({ project, compiler, resolution }: Run): Promise<string[]> {
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
  writeFileSync(
    join(project.dir, name),
    JSON.stringify({
      compilerOptions: options,
      files: project.files.map((file) => relative(project.dir, file)),
    }),
  )
  const tsc = join(ROOT, 'node_modules', COMPILERS[compiler], 'bin/tsc')
  const child = spawn(process.execPath, [tsc, '-p', name], {
    cwd: project.dir,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (data: Buffer) => (output += data.toString()))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  const errors = output.split('\n').filter((line) => / error TS\d+|^error TS\d+/.test(line))
  if (code !== 0 && errors.length === 0) return [`tsc ended with ${code}: ${output}`]
  return errors.filter(concernsUs)
}

const OWN = new Set(['unmoor', ...Object.keys(readPackage(ROOT).dependencies)])

function concernsUs(line: string): boolean {
  const found = /^[^(]*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(line)?.[1]
  return found === undefined || OWN.has(found)
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
  let failed = 0
  const left = runs.values()
  const work = async (): Promise<void> => {
    for (const run of left) {
      const errors = await compile(run)
      if (errors.length === 0) continue
      failed++
      console.error(
        `${run.project.name}, TypeScript ${run.compiler}, ${run.resolution}:\n  ${errors.join('\n  ')}`,
      )
    }
  }
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work))
  console.log(
    `${projects.length} projects (${projects.map(({ name }) => name).join(', ')}), ${runs.length} compilations, ${failed} failed`,
  )
  if (failed > 0) process.exitCode = 1
} finally {
  rmSync(dir, { recursive: true, force: true })
}
