/** `unmoor init`, without the command line: checks the folder and the options, plans, and writes. */
import { existsSync, readFileSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { didYouMean } from '../../option-table.ts'
import { UnmoorError } from '../../errors.ts'
import { APP_NAME } from '../build/config-check.ts'
import { TARGETS } from '../build/targets.ts'
import { findWranglerFile } from '../build/wrangler/file.ts'
import { TEMPLATES, type TemplateName } from './catalogue.ts'
import { findHonoApp, type HonoApp } from './hono-app.ts'
import { entryOf, isRecord } from './package-json.ts'
import { type Plan, planHono, planTemplate, writePlan } from './plan.ts'

/** Options of {@link createProject}. */
export interface CreateOptions {
  /** Absolute path of the project's folder. */
  dir: string
  /** Name of the app. Default: that of the folder's package.json, else the folder's. */
  name?: string | undefined
  /** Default: `api`. An existing Hono project has no template. */
  template?: string | undefined
  /** Targets that the project is for. Default: `node`. */
  targets?: readonly string[] | undefined
  /** If true, the folder may have a project already. Default: false. */
  merge?: boolean | undefined
  /** Module of an existing Hono app, relative to the folder. Default: it is searched. */
  entry?: string | undefined
  /** If true, nothing is written. Default: false. */
  dryRun?: boolean | undefined
}

/** What {@link createProject} made, or would make. */
export interface CreatedProject extends Plan {
  name: string
  /** The template; undefined for an existing Hono project. */
  template: TemplateName | undefined
  /** Module of the existing Hono app, if there was one. */
  honoApp: string | undefined
  targets: readonly string[]
}

/**
 * Makes a project in a folder, or makes the project that is there an unmoor app. Overwrites nothing.
 *
 * @throws `InvalidArgument` of the operation `config` for what a caller has to correct; `Unavailable` if a
 * file cannot be written.
 */
export async function createProject(options: CreateOptions): Promise<CreatedProject> {
  const { dir, dryRun = false } = options
  const template = checkTemplate(options.template ?? 'api')
  const targets = checkTargetNames(options.targets ?? ['node'])
  const isProject = await checkFolder(dir, options.merge === true)
  const manifest = isProject ? readManifest(dir) : undefined
  const named = manifest?.['name']
  const name = checkName(options.name ?? toName(typeof named === 'string' ? named : basename(dir)))
  const input = { dir, name, targets }
  const app = isProject ? honoAppOf(dir, manifest, options) : undefined
  if (options.entry !== undefined && app === undefined)
    throw wrongUse('--entry names the Hono app of a project that is there: use it with --merge.')
  const plan = app === undefined ? await planTemplate(template, input) : await planHono(app, input)
  if (!dryRun) await writePlan(dir, plan)
  return { ...plan, name, template: app === undefined ? template : undefined, honoApp: app?.file, targets }
}

/**
 * Returns the Hono app of the project that is there; undefined if the project has none, or is an unmoor app
 * already. @throws if the project has Hono and its app cannot be taken.
 */
function honoAppOf(
  dir: string,
  manifest: Readonly<Record<string, unknown>> | undefined,
  { entry, template }: CreateOptions,
): HonoApp | undefined {
  const has = (name: string): boolean =>
    manifest !== undefined &&
    ['dependencies', 'devDependencies'].some((section) => entryOf(manifest, section, name) !== undefined)
  // A project of a template has Hono as well. It may be completed by its template again.
  const isOurs = has('unmoor')
  if (entry === undefined && (!has('hono') || (isOurs && template !== undefined))) return undefined
  const app = findHonoApp(dir, entry)
  if ('problem' in app && entry === undefined && isOurs) return undefined
  if (template !== undefined)
    throw wrongUse(
      `${dir} has a Hono app, which becomes the app: leave out --template, or name a new folder for one.`,
    )
  const wrangler = findWranglerFile(dir)
  if (wrangler !== undefined)
    throw wrongUse(
      `${dir} has ${basename(wrangler)}: it is a Cloudflare Worker, which unmoor runs as it is. Run: ` +
        `unmoor init --from-worker ${basename(wrangler)}`,
    )
  if ('problem' in app) throw wrongUse(app.problem)
  return app
}

/**
 * Entries of a folder that is about to become a project: what git, an editor, or `npm init` and `npm install`
 * put there.
 */
const BEFORE_A_PROJECT = [
  /^\.(git|gitignore|gitattributes|github|editorconfig|npmrc|nvmrc|node-version|vscode|idea|DS_Store)$/,
  /^(node_modules|package\.json|package-lock\.json|pnpm-(lock|workspace)\.yaml|yarn\.lock|bun\.lockb?)$/,
  /^(README(\.md)?|LICEN[CS]E(\.\w+)?)$/i,
]

/** Returns true if the folder has a project. @throws if it may not be written into. */
async function checkFolder(dir: string, merge: boolean): Promise<boolean> {
  const found = await stat(dir).catch(() => undefined)
  if (found === undefined) return false
  if (!found.isDirectory()) throw wrongUse(`${dir} is a file. Name a new folder: unmoor init my-app`)
  const entries = await readdir(dir).catch((cause: NodeJS.ErrnoException) => {
    throw wrongUse(`${dir} cannot be read: ${cause.message}. Name another folder.`)
  })
  const code = entries.filter((entry) => !BEFORE_A_PROJECT.some((name) => name.test(entry)))
  if (code.length > 0 && !merge)
    throw wrongUse(
      `${dir} is not empty (${code.slice(0, 3).join(', ')}${code.length > 3 ? ', ...' : ''}). To add ` +
        'unmoor to the project there, which overwrites nothing: --merge (see first what it would do: ' +
        '--dry-run). Or name a new folder: unmoor init my-app',
    )
  return entries.some((entry) => entry !== '.git')
}

function readManifest(dir: string): Record<string, unknown> | undefined {
  const file = join(dir, 'package.json')
  if (!existsSync(file)) return undefined
  try {
    const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return isRecord(manifest) ? manifest : undefined
  } catch {
    // The plan reads the file again, and says what is wrong with it.
    return undefined
  }
}

function checkTemplate(name: string): TemplateName {
  const names = Object.keys(TEMPLATES)
  if (names.includes(name)) return name as TemplateName
  throw wrongUse(`There is no template "${name}".${didYouMean(name, names)} Templates: ${names.join(', ')}.`)
}

function checkTargetNames(names: readonly string[]): (typeof TARGETS)[number][] {
  for (const name of names)
    if (!(TARGETS as readonly string[]).includes(name))
      throw wrongUse(
        `There is no target "${name}".${didYouMean(name, [...TARGETS])} Targets: ${TARGETS.join(', ')}.`,
      )
  return [...new Set(names)] as (typeof TARGETS)[number][]
}

function checkName(name: string): string {
  if (APP_NAME.test(name)) return name
  throw wrongUse(
    `"${name}" is no name for an app: lower-case letters, digits and hyphens, a letter first, at ` +
      'most 63. Give one with --name.',
  )
}

function toName(text: string): string {
  return (
    text
      .replace(/^@[^/]*\//, '')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^[^a-z]+|-+$/g, '')
      .slice(0, 63)
      .replace(/-+$/, '') || 'my-app'
  )
}

function wrongUse(message: string): UnmoorError {
  return new UnmoorError('InvalidArgument', message, { operation: 'config' })
}
