/** What `unmoor init` writes into a folder: planned first, so that it can be told without writing. */
import { randomBytes } from 'node:crypto'
import { globSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { UnmoorError } from '../../errors.ts'
import { packageRoot } from '../build/packages.ts'
import type { TARGETS } from '../build/targets.ts'
import { addedPackages, projectPackages, templateOf, type TemplateName } from './catalogue.ts'
import { type HonoApp, wrapperPath, wrapperText } from './hono-app.ts'
import { needsPnpmWorkspace, PNPM_SETTINGS, pnpmWorkspace } from './package-manager.ts'
import { isRecord, mergePackageJson, newPackageJson, type PackageParts } from './package-json.ts'

/** A file of a plan. */
export interface PlannedFile {
  /** Relative to the project's folder, with slashes. */
  path: string
  /** `created`: new. `merged`: was there, gets what was missing. `kept`: was there and stays as it is. */
  action: 'created' | 'merged' | 'kept'
  /** Lines that say what was added to the file and what stayed. */
  notes: string[]
  /** True if a kept file differs from what unmoor would have written, and the project may need the latter. */
  inTheWay: boolean
  /** The file's new text; undefined for a kept one. */
  text?: string
}

/** All that `unmoor init` does to a folder. */
export interface Plan {
  files: PlannedFile[]
  /** The npm script that runs each of `dev`, `test` and so on: another one if the name was taken. */
  scriptNames: Readonly<Record<string, string>>
}

/** What a plan is made for. */
export interface PlanInput {
  /** Absolute path of the project's folder, which need not exist. */
  dir: string
  name: string
  targets: readonly (typeof TARGETS)[number][]
}

const TEMPLATES_FOLDER = join(packageRoot, 'core/tools/create/templates')
/** Name of the app in the templates, which is replaced. */
const PLACEHOLDER = 'my-app'
/** npm leaves a `.gitignore` out of packages, and git a `.env`, so templates have them without the dot. */
const RENAMED: Readonly<Record<string, string>> = { gitignore: '.gitignore', env: '.env' }
/** Targets in a template's `vite.config.ts`, which are replaced. */
const TARGETS_LINE = "targets: ['node']"
/** Stands in a template's `.env` for a secret, which is made for each project. */
const SECRET = 'RANDOM_SECRET'
/** Names that a config may have. Node refuses `import` in a `.ts` file of a package that is CommonJS. */
const CONFIGS = ['unmoor.config.ts', 'unmoor.config.mts', 'unmoor.config.js', 'unmoor.config.mjs']

/** Plans the project of a template. @throws `InvalidArgument` if package.json cannot be merged. */
export async function planTemplate(template: TemplateName, input: PlanInput): Promise<Plan> {
  const { targets } = input
  const notBuilt = templateOf(template).notBuilt ?? []
  const built = targets.filter((target) => !notBuilt.includes(target))
  const { before, scripts: more } = templateOf(template)
  const scripts = {
    ...projectScripts(built.length === 0 ? ['node'] : built, before),
    typecheck: 'tsc',
    ...more,
  }
  const files = await templateFiles(template, input.name, built.length === 0 ? ['node'] : built)
  return plan(input, files, { ...projectPackages(template, targets), scripts })
}

/** Plans what makes an existing Hono project an unmoor app. @throws as {@link planTemplate}. */
export async function planHono(app: HonoApp, input: PlanInput): Promise<Plan> {
  const entry = wrapperPath(app)
  const files = {
    'unmoor.config.ts':
      `import { defineConfig } from 'unmoor'\n\n` +
      `export default defineConfig({ name: '${input.name}', entry: './${entry}' })\n`,
    [entry]: wrapperText(input.dir, app),
    '.gitignore': 'node_modules/\n.unmoor/\n',
  }
  const { test: _test, ...scripts } = projectScripts(input.targets)
  return plan(input, files, { ...addedPackages(input.targets), scripts })
}

/** Writes the files of a plan. @throws `Unavailable` naming the file that could not be written. */
export async function writePlan(dir: string, { files }: Plan): Promise<void> {
  for (const { path, action, text } of files) {
    if (text === undefined) continue
    const file = join(dir, path)
    try {
      await mkdir(dirname(file), { recursive: true })
      // A file that came after the plan was made is not overwritten either.
      await writeFile(file, text, { flag: action === 'created' ? 'wx' : 'w' })
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException
      const reason =
        code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
          ? 'this user may not write there. Choose another folder, or change its permissions.'
          : `${message}. Choose another folder, or remove what is in the way.`
      throw new UnmoorError('Unavailable', `${file} cannot be written: ${reason}`, { cause })
    }
  }
}

function projectScripts(targets: readonly string[], before?: string): Record<string, string> {
  const prepared = (line: string): string => (before === undefined ? line : `${before} && ${line}`)
  const first = targets[0] ?? 'node'
  const all = targets.map((target) => `--target ${target}`).join(' ')
  return {
    dev: prepared(first === 'node' ? 'unmoor dev' : `unmoor dev --target ${first}`),
    build: prepared(`unmoor build ${all}`),
    start: `unmoor start --target ${first}`,
    test: prepared(`unmoor test ${all}`),
  }
}

async function templateFiles(
  template: TemplateName,
  name: string,
  targets: readonly string[],
): Promise<Record<string, string>> {
  const folder = join(TEMPLATES_FOLDER, template)
  const files: Record<string, string> = {}
  const found = globSync('**/*', {
    cwd: folder,
    withFileTypes: true,
    exclude: ['**/node_modules', '**/.unmoor'],
  })
  const paths = found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
  for (const path of paths.sort()) {
    const text = await readFile(join(folder, path), 'utf8')
    files[RENAMED[path] ?? path.split(sep).join('/')] = text
      .replaceAll(PLACEHOLDER, name)
      .replaceAll(TARGETS_LINE, `targets: [${targets.map((target) => `'${target}'`).join(', ')}]`)
      .replaceAll(SECRET, () => randomBytes(32).toString('hex'))
  }
  return files
}

async function plan(
  { dir, name }: PlanInput,
  files: Readonly<Record<string, string>>,
  parts: PackageParts,
): Promise<Plan> {
  const old = await readText(join(dir, 'package.json'))
  const manifest = old === undefined ? undefined : readManifest(old, dir)
  const planned: PlannedFile[] = []
  const scripts = Object.keys(parts.scripts)
  let scriptNames: Readonly<Record<string, string>> = Object.fromEntries(scripts.map((each) => [each, each]))
  if (old === undefined || manifest === undefined)
    planned.push(created('package.json', newPackageJson(name, parts)))
  else {
    const merged = attemptMerge(old, dir, parts)
    scriptNames = merged.scriptNames
    const notes = [...(merged.added.length === 0 ? [] : [`added ${merged.added.join(', ')}`]), ...merged.kept]
    if (manifest['type'] !== 'module')
      notes.push(
        manifest['type'] === 'commonjs'
          ? '"type" stays "commonjs", so the config is a .mts file; builds and tests take imports anyhow'
          : '"type" stays absent; builds and tests take imports anyhow',
      )
    planned.push(mergedFile('package.json', old, merged.text, notes))
  }
  if (needsPnpmWorkspace(dir)) planned.push(await planSettings(dir, pnpmWorkspace(parts.allowScripts)))
  for (const [path, text] of Object.entries(files)) {
    const place = path === 'unmoor.config.ts' ? await configPlace(dir, manifest) : path
    planned.push(await planFile(dir, place, text))
  }
  return { files: planned, scriptNames }
}

/** Returns the path of the config: the one that is there, else a name that Node loads in this package. */
async function configPlace(
  dir: string,
  manifest: Readonly<Record<string, unknown>> | undefined,
): Promise<string> {
  for (const name of CONFIGS) if ((await readText(join(dir, name))) !== undefined) return name
  return manifest?.['type'] === 'commonjs' ? 'unmoor.config.mts' : 'unmoor.config.ts'
}

async function planFile(dir: string, path: string, text: string): Promise<PlannedFile> {
  const old = await readText(join(dir, path))
  if (old === undefined) return created(path, text)
  if (path === '.gitignore') {
    const there = old.split(/\r?\n/).map((line) => line.trim().replace(/\/$/, ''))
    const missing = text.split('\n').filter((line) => line !== '' && !there.includes(line.replace(/\/$/, '')))
    const start = old === '' || old.endsWith('\n') ? old : `${old}\n`
    const notes = missing.length === 0 ? [] : [`added ${missing.join(', ')}`]
    return mergedFile(path, old, missing.length === 0 ? old : `${start}${missing.join('\n')}\n`, notes)
  }
  // A README is for people, and a variable that a .env lacks is named at the start.
  const inTheWay = old !== text && path !== 'README.md' && path !== '.env'
  return {
    path,
    action: 'kept',
    notes: old === text ? ['as unmoor would write it'] : inTheWay ? ["in the way of unmoor's"] : [],
    inTheWay,
  }
}

/** Plans the settings of pnpm. If the folder has some, they are its author's to change. */
async function planSettings(dir: string, text: string): Promise<PlannedFile> {
  const file = await planFile(dir, PNPM_SETTINGS, text)
  if (!file.inTheWay) return file
  const wanted = text.trim().split(/\n +/).slice(1).join(', ')
  return { ...file, inTheWay: false, notes: [`add to its allowBuilds what is missing of: ${wanted}`] }
}

function created(path: string, text: string): PlannedFile {
  return { path, action: 'created', notes: [], inTheWay: false, text }
}

function mergedFile(path: string, old: string, text: string, notes: string[]): PlannedFile {
  return old === text
    ? { path, action: 'kept', notes: ['has all that is needed', ...notes], inTheWay: false }
    : { path, action: 'merged', notes, inTheWay: false, text }
}

function readManifest(text: string, dir: string): Record<string, unknown> {
  try {
    const manifest: unknown = JSON.parse(text)
    if (isRecord(manifest)) return manifest
    throw new TypeError('it is no JSON object')
  } catch (error) {
    throw unreadable(dir, error)
  }
}

function attemptMerge(text: string, dir: string, parts: PackageParts): ReturnType<typeof mergePackageJson> {
  try {
    return mergePackageJson(text, parts)
  } catch (error) {
    throw unreadable(dir, error)
  }
}

function unreadable(dir: string, cause: unknown): UnmoorError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new UnmoorError(
    'InvalidArgument',
    `${join(dir, 'package.json')} cannot be merged: ${message}. Correct it, and run this again.`,
    { operation: 'config', cause },
  )
}

/** Reads a file; undefined if there is none. A folder of that name counts as a file with no text. */
async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    if (code === 'EISDIR') return ''
    // A file stands where a folder should be, so this path is in the way as well.
    if (code === 'ENOTDIR') return ''
    throw new UnmoorError('Unavailable', `${file} cannot be read: ${(error as Error).message}`, {
      operation: 'config',
      cause: error,
    })
  }
}
