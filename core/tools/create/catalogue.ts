/** The templates of `unmoor init`, and the packages that a project of each needs. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot, packageVersion } from '../build/packages.ts'
import type { TARGETS } from '../build/targets.ts'
import { installSource } from './install-source.ts'

type Target = (typeof TARGETS)[number]

/** A template: a folder below `templates`, and what package.json has to name for it. */
interface Template {
  /** What the project is, for the command's help. */
  readonly description: string
  readonly dependencies: readonly string[]
  readonly devDependencies: readonly string[]
  /** Kinds of the app's bindings that need a package on some target. */
  readonly kinds: readonly (keyof typeof LAMBDA_PACKAGES)[]
  /** Command that makes what the app serves, before each build of the app. */
  readonly before?: string
  /** Scripts in addition to those that every project has, or in place of them. */
  readonly scripts?: Readonly<Record<string, string>>
  /** Targets that `unmoor build` refuses for this template: wrangler deploys a Worker to Cloudflare. */
  readonly notBuilt?: readonly Target[]
}

/** Packages of a project, by where package.json names them. */
export interface ProjectPackages {
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  /** Packages that have install scripts: true if these have to run. */
  allowScripts: Record<string, boolean>
}

/**
 * Local stand-ins of AWS's services, which `start` and `test` run for each kind of binding on Lambda, and the
 * Postgres client, which the artifact bundles.
 */
const LAMBDA_PACKAGES = {
  kv: { devDependencies: ['dynalite', 'fauxqs'] },
  queue: { devDependencies: ['fauxqs'] },
  sockets: { devDependencies: ['dynalite'] },
  sql: { dependencies: ['postgres'], devDependencies: ['@electric-sql/pglite'] },
} as const

const COMMON = { dependencies: ['hono'], devDependencies: ['@types/node', 'typescript', 'vitest'] }

/** Names of the templates. */
export type TemplateName = keyof typeof TEMPLATES

/** The templates by name, the default first. */
export const TEMPLATES = {
  api: {
    ...COMMON,
    description: 'a Hono app with a kv, a queue and a cron',
    kinds: ['kv', 'queue'],
  },
  worker: {
    ...COMMON,
    devDependencies: [...COMMON.devDependencies, '@cloudflare/workers-types', 'wrangler'],
    description: 'a Cloudflare Worker with its wrangler.jsonc, which runs elsewhere as it is',
    kinds: ['kv', 'queue'],
    scripts: { deploy: 'wrangler deploy' },
    notBuilt: ['cloudflare'],
  },
  drizzle: {
    ...COMMON,
    dependencies: ['drizzle-orm', 'hono'],
    description: 'a Hono app with Drizzle on SQLite, D1 and Postgres',
    kinds: ['sql'],
  },
  auth: {
    ...COMMON,
    dependencies: ['better-auth', 'hono', 'kysely'],
    description: 'accounts with e-mail and password by Better Auth, on SQLite, D1 and Postgres',
    kinds: ['sql'],
  },
  chat: {
    ...COMMON,
    description: 'rooms over WebSockets, with a history and a page',
    kinds: ['sockets', 'sql'],
  },
  react: {
    dependencies: ['hono', 'react', 'react-dom'],
    devDependencies: [
      ...COMMON.devDependencies,
      '@types/react',
      '@types/react-dom',
      '@vitejs/plugin-react',
      'vite',
    ],
    description: 'a page in React and its routes in Hono, served and built together by Vite',
    kinds: ['sql'],
    before: 'vite build',
    scripts: {
      dev: 'vite',
      build: 'vite build',
      preview: 'vite preview',
      typecheck: 'tsc && tsc -p web',
    },
  },
} as const satisfies Record<string, Template>

/** Returns the template of a name, with all optional fields. */
export function templateOf(name: TemplateName): Template {
  return TEMPLATES[name]
}

/** Versions of packages that only the corpus has: those of its package.json, or of a framework there. */
const CORPUS_VERSIONS: Readonly<Record<string, string>> = {
  '@types/react': '19.3.3',
  '@types/react-dom': '19.3.0',
  '@vitejs/plugin-react': '6.3.0',
  'better-auth': '1.7.25',
  react: '19.3.1',
  'react-dom': '19.3.1',
}

interface OwnPackage {
  allowScripts: Readonly<Record<string, boolean>>
  devDependencies: Readonly<Record<string, string>>
  peerDependencies: Readonly<Record<string, string>>
  engines: { node: string }
}

const own = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as OwnPackage

/** Range of Node versions that a project's package.json asks for. */
export const nodeRange: string = own.engines.node

/**
 * Returns the range of a package's versions in a new project. It begins with the version that unmoor itself
 * is tested with, so that unmoor's package.json is the only list of versions. An unmoor that is from no
 * registry is named by its path, which every package manager takes.
 */
export function versionRange(name: string): string {
  if (name === 'unmoor') {
    const source = installSource()
    return source === undefined ? `^${packageVersion}` : `file:${source}`
  }
  const tested = own.devDependencies[name] ?? CORPUS_VERSIONS[name]
  if (tested === undefined) throw new Error(`${name} is in neither unmoor's devDependencies nor the corpus.`)
  // A peer range by `~` is one whose minor versions break.
  return `${own.peerDependencies[name]?.startsWith('~') === true ? '~' : '^'}${tested}`
}

/** Returns the packages that a project of `template` needs in order to be built and run on `targets`. */
export function projectPackages(template: TemplateName, targets: readonly Target[]): ProjectPackages {
  const { dependencies, devDependencies, kinds } = templateOf(template)
  return toPackages([...dependencies, 'unmoor'], devDependencies, { targets, kinds })
}

/** Returns the packages that unmoor needs in an existing Hono project, which has its own of the rest. */
export function addedPackages(targets: readonly Target[]): ProjectPackages {
  return toPackages(['unmoor'], [], { targets, kinds: [] })
}

function toPackages(
  dependencies: readonly string[],
  devDependencies: readonly string[],
  { targets, kinds }: { targets: readonly Target[]; kinds: Template['kinds'] },
): ProjectPackages {
  const atRuntime = [...dependencies]
  const atBuild = [...devDependencies]
  // esbuild is a dependency of unmoor itself.
  const scripts = ['esbuild']
  if (targets.includes('cloudflare')) atBuild.push('wrangler')
  if (targets.includes('isolate')) {
    atBuild.push('isolated-vm')
    scripts.push('isolated-vm')
  }
  if (targets.includes('lambda'))
    for (const kind of kinds) {
      const packages: { dependencies?: readonly string[]; devDependencies: readonly string[] } =
        LAMBDA_PACKAGES[kind]
      atRuntime.push(...(packages.dependencies ?? []))
      atBuild.push(...packages.devDependencies)
    }
  if (atBuild.includes('wrangler')) scripts.push('workerd')
  if (atBuild.includes('dynalite')) scripts.push('classic-level')
  return {
    dependencies: ranges(atRuntime),
    devDependencies: ranges(atBuild),
    allowScripts: Object.fromEntries(scripts.sort().map((name) => [name, own.allowScripts[name] === true])),
  }
}

/** Returns the packages' version ranges, sorted by name as npm sorts them. */
function ranges(names: readonly string[]): Record<string, string> {
  return Object.fromEntries([...new Set(names)].sort().map((name) => [name, versionRange(name)]))
}
