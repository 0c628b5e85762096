/** Compiles the folder `functions` of a Pages project with wrangler. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { UnmoorError } from '../../../errors.ts'
import { cleanAtExit } from '../cleanup.ts'

/** The compiled folder `functions` of a Pages project. */
export interface CompiledFunctions {
  /** Absolute path of the Pages project's folder `functions`. */
  readonly folder: string
  readonly routes: readonly FunctionRoute[]
  /**
   * Absolute path of wrangler's template module, which dispatches requests to the routes of Pages Functions.
   */
  readonly template: string
  /** Absolute path of the generated module that exports the routes of Pages Functions. */
  readonly routesFile: string
}

/**
 * A route of Pages Functions, from wrangler's output, with handlers such as `api/[id].ts:onRequestGet`, a
 * module and its export.
 */
export interface FunctionRoute {
  readonly routePath: string
  readonly mountPath: string
  readonly method: string
  readonly module?: string | readonly string[]
  readonly middleware?: string | readonly string[]
}

/** Environment variables that turn off wrangler's metrics, prompts and colours. */
const QUIET = { WRANGLER_SEND_METRICS: 'false', CI: 'true', NO_COLOR: '1', FORCE_COLOR: '0' }
const BUILD = ['pages', 'functions', 'build']
/** Exit code of wrangler when no module in `functions` exports a handler. */
const NO_ROUTES = 156
const TIMEOUT_SECONDS = 120
const PEER = '^4.150.0'

/**
 * Has wrangler compile the functions of a Pages project and report their routes; errors of wrangler refuse
 * the build. The function modules are then bundled with the app, so that errors about the target name their
 * own lines. Resolves to undefined if no module has a handler, since wrangler then serves only the assets.
 *
 * @throws `Unavailable` if wrangler is not installed; `InvalidArgument` with wrangler's message if it
 * refuses; `Timeout` after two minutes.
 */
export async function compileFunctions(options: {
  folder: string
  /** Absolute path of the Pages project's folder. */
  dir: string
  /** Absolute path of the folder for modules that a build generates. */
  generated: string
  /** Place of the wrangler file's key that asks for the Pages functions, for errors. */
  where: string
  compatibilityDate: string
  compatibilityFlags: readonly string[]
}): Promise<CompiledFunctions | undefined> {
  const { folder, dir, where } = options
  const wrangler = findWrangler(dir)
  if (wrangler === undefined)
    throw new UnmoorError(
      'Unavailable',
      `${where}: the folder functions is compiled by wrangler, which is not installed. Run: npm install ` +
        `--save-dev wrangler@${PEER}`,
      { operation: 'build' },
    )
  const template = join(dirname(wrangler.manifest), 'templates', 'pages-template-worker.ts')
  if (!existsSync(template))
    throw new UnmoorError(
      'Unavailable',
      `${where}: ${wrangler.manifest} is a wrangler that is not known here: it has no ${template}. Run: ` +
        `npm install --save-dev wrangler@${PEER}`,
      { operation: 'build' },
    )
  const scratch = await mkdtemp(join(tmpdir(), 'unmoor-functions-'))
  try {
    const config = join(scratch, 'routes.json')
    const { code, output } = await runWrangler(wrangler.bin, dir, [
      ...BUILD,
      relative(dir, folder) || '.',
      `--outdir=${join(scratch, 'out')}`,
      `--output-config-path=${config}`,
      `--build-output-directory=${join(scratch, 'assets')}`,
      `--compatibility-date=${options.compatibilityDate}`,
      ...options.compatibilityFlags.map((flag) => `--compatibility-flags=${flag}`),
    ])
    if (code === NO_ROUTES) return undefined
    if (code !== 0)
      throw new UnmoorError(
        'InvalidArgument',
        `${where}: wrangler does not compile the folder functions:\n${output}`,
        { operation: 'build' },
      )
    const { routes } = JSON.parse(await readFile(config, 'utf8')) as { routes: FunctionRoute[] }
    return { folder, routes, template, routesFile: join(options.generated, 'functions-routes.mjs') }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Finds the package wrangler in the project, else beside unmoor; undefined if it is not installed. */
function findWrangler(dir: string): { manifest: string; bin: string } | undefined {
  for (const place of [join(dir, 'package.json'), import.meta.url]) {
    try {
      const manifest = createRequire(place).resolve('wrangler/package.json')
      const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: { wrangler: string } }
      return { manifest, bin: join(dirname(manifest), bin.wrangler) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  return undefined
}

async function runWrangler(
  bin: string,
  cwd: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...QUIET },
  })
  const release = cleanAtExit(() => child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, TIMEOUT_SECONDS * 1000)
  try {
    const code = await new Promise<number | null>((fulfil, reject) => {
      child.on('error', reject)
      child.on('close', fulfil)
    })
    if (isLate)
      throw new UnmoorError(
        'Timeout',
        `wrangler pages functions build did not end within ${TIMEOUT_SECONDS} s.\n${tidy(output)}`,
        { operation: 'build', retryable: false },
      )
    return { code, output: tidy(output) }
  } finally {
    clearTimeout(timer)
    release()
  }
}

/** Removes colours, banner and log file notices from wrangler's output. */
function tidy(output: string): string {
  const lines = stripVTControlCharacters(output)
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => !/^\s*(?:⛅️|[─-]{4,}|🪵|If you think this is a bug|$)/u.test(line))
  // wrangler repeats error lines, so duplicates are dropped.
  return [...new Set(lines)].join('\n')
}

/**
 * Source of the module that exports the routes of Pages Functions, which wrangler's template uses as the
 * global `routes`.
 */
export function routesModule({ folder, routes, routesFile }: CompiledFunctions): string {
  const imports = new Map<string, string>()
  const name = (named: string): string => {
    const colon = named.lastIndexOf(':')
    const path = relative(dirname(routesFile), join(folder, named.slice(0, colon))).replaceAll('\\', '/')
    const line = `import { ${named.slice(colon + 1)} as NAME } from ${JSON.stringify(path)}`
    const known = imports.get(line) ?? `handler${imports.size}`
    imports.set(line, known)
    return known
  }
  const list = (names: FunctionRoute['module']): string => `[${[names ?? []].flat().map(name).join(', ')}]`
  const lines = routes.map(({ routePath, mountPath, method, module, middleware }) => {
    const facts = JSON.stringify({ routePath, mountPath, method }).slice(1, -1)
    return `  { ${facts}, middlewares: ${list(middleware)}, modules: ${list(module)} },`
  })
  return [
    ...[...imports].map(([line, as]) => line.replace('NAME', as)),
    'export const routes = [',
    ...lines,
    ']',
    '',
  ].join('\n')
}
