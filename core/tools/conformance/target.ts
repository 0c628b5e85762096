/** Builds the conformance app for a target and starts it, or reaches a deployed one. Runs on Node. */
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Adapter, LocalRuntime, Log } from '../../adapter.ts'
import { loadAdapter } from '../build/adapters.ts'
import { buildApp, type BuiltApp } from '../build/build.ts'
import type { App } from '../../app.ts'
import type { Capabilities } from '../../capabilities.ts'
import type { AnyConfig } from '../../config.ts'
import { UnmoorError } from '../../errors.ts'
import { createManifest, type Manifest } from '../../manifest.ts'
import { createChannelClient } from '../../runtime/test-channel.ts'
import { createFixture } from './fixture/app.ts'
import { createSocketsFixture, type FixtureSockets } from './fixture/app-sockets.ts'
import { FILES, VARIABLES, WASM } from './fixture/project.ts'
import { startUpstream } from './upstream.ts'

/** A running target that the conformance cases are run against. */
export interface RunningTarget {
  readonly target: string
  readonly url: string
  readonly token: string
  /** Origin of the upstream server that the conformance app fetches from. Default: there is none. */
  readonly upstream?: string | undefined
  /** URLs to which WebSocket clients connect, by path, as in `LocalRuntime.socketUrls`. */
  readonly socketUrls?: Readonly<Record<string, string>> | undefined
  /** Name and version of the target's runtime, as it reports them itself. */
  readonly runtime: string
  readonly manifest: Manifest
  readonly capabilities: Capabilities
  /** Returns the last lines that the target's runtime printed. */
  output(): readonly string[]
  /**
   * Resolves to the exit code if the target's runtime ends by itself; undefined if that cannot be observed.
   */
  readonly exited: Promise<number | null> | undefined
  runCron(name: string, scheduledTime: number): Promise<void>
  /** Builds an app for the target, from the source of its entry module. */
  build(source: string): Promise<void>
  /** Starts the target's artifact a second time. Undefined where that is impossible. */
  readonly startOwn?: (() => Promise<StartedAgain>) | undefined
  stop(): Promise<void>
}

/** A second start of the target's artifact. */
export interface StartedAgain extends Pick<RunningTarget, 'socketUrls'> {
  readonly url: string
  output(): readonly string[]
  stop(): Promise<void>
}

/**
 * Config of the conformance app. Lambda has a longer timeout: some cases wait for a queue beyond the default,
 * and call the app from within the app.
 */
const CONFIG: AnyConfig = {
  name: 'conformance',
  entry: './app.mjs',
  targets: {
    lambda: { options: { timeout: 60, maxEnvironments: 16 } },
    // The isolate's time limits are raised: other tests check these limits, and in a conformance run they
    // would measure the machine. CPU time also grows where cores are shared, and a case holds 25 MiB. `allow`
    // names this machine, which the app's fetch could not reach otherwise.
    isolate: {
      options: {
        startupTimeout: 60,
        wallTimeout: 60,
        cpuMs: 20_000,
        outbound: { allow: ['127.0.0.1'] },
      },
    },
    node: { options: { wallTimeout: 60 } },
    cloudflare: {
      options: {
        variables: { padded: VARIABLES['PADDED'], unicode: VARIABLES['UNICODE'], empty: VARIABLES['EMPTY'] },
      },
    },
  },
}

const KEPT_LINES = 60

/**
 * Writes the project of the conformance app into a fresh folder: files that are not modules of this package,
 * and an entry that imports the modules.
 */
async function writeProject(adapter: Adapter): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-conformance-'))
  const own = fileURLToPath(import.meta.url)
  const sockets = socketsOf(adapter)
  const [module, create, rest] =
    sockets === undefined
      ? ['app', 'createFixture', '']
      : ['app-sockets', 'createSocketsFixture', `, ${JSON.stringify(sockets)}`]
  const fixture = join(dirname(own), 'fixture', `${module}${extname(own)}`)
  const entry =
    `import wasm from './add.wasm'\nimport { ${create} } from ` +
    `${JSON.stringify(fixture)}\nexport default ${create}(wasm${rest})\n`
  await writeFiles(dir, { ...FILES, 'app.mjs': entry, 'package.json': '{"type":"module"}\n' })
  return dir
}

/** Returns the conformance app that is built for this target. */
function fixtureFor(adapter: Adapter): App {
  const wasm = new WebAssembly.Module(WASM)
  const sockets = socketsOf(adapter)
  // The casts to `App` are needed because the apps with and without sockets differ in the type of their
  // bindings.
  return sockets === undefined ? (createFixture(wasm) as App) : (createSocketsFixture(wasm, sockets) as App)
}

/** Returns the WebSocket features of the conformance app; undefined for a target without WebSockets. */
function socketsOf({ capabilities }: Adapter): FixtureSockets | undefined {
  if (!capabilities.sockets) return undefined
  return { binary: capabilities['sockets.binary'], largeMessages: capabilities['sockets.largeMessages'] }
}

async function writeFiles(dir: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), content)
  }
}

/**
 * Returns a function that builds the apps of cases for one target; apps with the same source are built once.
 */
function builder(target: string, adapter: Adapter): RunningTarget['build'] {
  const built = new Map<string, Promise<void>>()
  const build = async (source: string): Promise<void> => {
    const projectDir = await mkdtemp(join(tmpdir(), 'unmoor-conformance-'))
    try {
      await writeFiles(projectDir, { 'app.mjs': source, 'package.json': '{"type":"module"}\n' })
      await buildApp({ target, adapter, projectDir, config: { name: 'twin', entry: './app.mjs' } })
    } finally {
      await rm(projectDir, { recursive: true, force: true, maxRetries: 5 })
    }
  }
  return (source) => {
    const known = built.get(source) ?? build(source)
    built.set(source, known)
    return known
  }
}

/** Builds the conformance app, with the test channel, into `outDir` or a folder of the temporary project. */
async function buildFixture(
  projectDir: string,
  options: Omit<TargetOptions, 'variables'> & { outDir?: string | undefined },
): Promise<BuiltApp> {
  const { drivers, targetOptions, ...rest } = options
  const own = CONFIG.targets?.[options.target]
  const targets = {
    ...CONFIG.targets,
    [options.target]: { ...own, options: { ...own?.options, ...targetOptions } },
  }
  const config = {
    ...CONFIG,
    ...(drivers === undefined ? {} : { drivers }),
    ...(targetOptions === undefined ? {} : { targets }),
  }
  return buildApp({ ...rest, projectDir, config, testChannel: true })
}

/**
 * Builds the conformance app for a deployment, to be tested by its URL. Returns the variables to set besides
 * CONFORMANCE_TOKEN and UNMOOR_TEST_TOKEN.
 */
export async function buildForDeployment(
  target: string,
  outDir: string,
  log: Log,
  adapter?: Adapter,
): Promise<Readonly<Record<string, string>>> {
  const projectDir = await writeProject(adapter ?? (await loadAdapter(target, process.cwd())))
  try {
    await buildFixture(projectDir, { target, adapter, outDir, log })
    return VARIABLES
  } finally {
    await rm(projectDir, { recursive: true, force: true })
  }
}

/** Options of {@link startTarget}. */
export interface TargetOptions {
  target: string
  adapter?: Adapter | undefined
  /** Drivers in place of the target's own, by binding of the conformance app. */
  drivers?: AnyConfig['drivers']
  /**
   * Options of the target (`targets.NAME.options` of a config), which override those of the conformance app's
   * config.
   */
  targetOptions?: Readonly<Record<string, unknown>> | undefined
  /** Environment variables that the drivers of the started app need. */
  variables?: Readonly<Record<string, string>> | undefined
  log: Log
}

/**
 * Builds the conformance app and starts it on the target's real runtime, with a fresh token and fresh data.
 */
export async function startTarget(options: TargetOptions): Promise<RunningTarget> {
  const adapter = options.adapter ?? (await loadAdapter(options.target, process.cwd()))
  const projectDir = await writeProject(adapter)
  const token = randomUUID()
  const upstream = await startUpstream()
  const cleanUp = async (): Promise<void> => {
    await upstream.stop()
    await rm(projectDir, { recursive: true, force: true, maxRetries: 5 })
  }
  let starts = 0
  const start = async ({ adapter: target, outDir, info }: BuiltApp): Promise<Started> => {
    const lines: string[] = []
    const runtime = await target.start({
      dir: outDir,
      info,
      dataDir: join(projectDir, `data${starts++ || ''}`),
      port: 0,
      variables: { ...options.variables, ...VARIABLES, CONFORMANCE_TOKEN: token },
      testToken: token,
      onOutput: (line) => {
        lines.push(line)
        if (lines.length > KEPT_LINES) lines.shift()
      },
      log: options.log,
    })
    return { runtime, lines }
  }
  let started: Started
  let built: BuiltApp
  try {
    const { variables: _, ...fixture } = options
    built = await buildFixture(projectDir, fixture)
    started = await start(built)
  } catch (error) {
    await cleanUp()
    throw error
  }
  const { runtime, lines } = started
  let stopping = false
  return {
    target: built.target,
    url: runtime.url,
    token,
    upstream: upstream.url,
    socketUrls: runtime.socketUrls,
    runtime: runtime.runtime,
    manifest: built.info.manifest,
    capabilities: runtime.capabilities ?? built.adapter.capabilities,
    output: () => lines,
    exited: runtime.exited.then((code) => (stopping ? new Promise<never>(() => {}) : code)),
    runCron: (name, scheduledTime) =>
      runtime.runCron === undefined
        ? runCron(runtime.url, token, name, scheduledTime)
        : runtime.runCron(name, scheduledTime),
    build: builder(options.target, adapter),
    async startOwn() {
      const again = await start(built)
      const { url, socketUrls } = again.runtime
      return { url, socketUrls, output: () => again.lines, stop: () => again.runtime.stop() }
    },
    async stop() {
      stopping = true
      await runtime.stop()
      await cleanUp()
    },
  }
}

interface Started {
  runtime: LocalRuntime
  lines: string[]
}

/**
 * Connects to a deployment of the conformance app, which must have been built with the test channel and
 * started with `token` as CONFORMANCE_TOKEN and UNMOOR_TEST_TOKEN.
 */
export async function reachTarget(options: {
  target: string
  adapter?: Adapter | undefined
  url: string
  token: string
  upstream?: string | undefined
}): Promise<RunningTarget> {
  const { target, token } = options
  const url = new URL(options.url).origin
  const adapter = options.adapter ?? (await loadAdapter(target, process.cwd()))
  const answer = await fetch(new URL('/do/runtime', url), {
    headers: { 'x-conformance-token': token },
  }).catch((cause: unknown) => {
    throw new UnmoorError('Unavailable', `${url} does not answer. Is the fixture app deployed there?`, {
      operation: 'conformance',
      cause,
    })
  })
  if (answer.status !== 200) {
    throw new UnmoorError(
      'PermissionDenied',
      `${url} answered ${answer.status}. Is the fixture app deployed there, and is --token its ` +
        'CONFORMANCE_TOKEN?',
      {
        operation: 'conformance',
      },
    )
  }
  return {
    target,
    url,
    token,
    upstream: options.upstream === undefined ? undefined : new URL(options.upstream).origin,
    runtime: await answer.text(),
    manifest: createManifest('conformance', fixtureFor(adapter)),
    capabilities: adapter.capabilities,
    output: () => [],
    exited: undefined,
    runCron: (name, scheduledTime) => runCron(url, token, name, scheduledTime),
    build: builder(target, adapter),
    async stop() {},
  }
}

async function runCron(url: string, token: string, name: string, scheduledTime: number): Promise<void> {
  await createChannelClient(url, token).call({ op: 'cron', name, scheduledTime })
}
