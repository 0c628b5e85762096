/** The app under `vite dev`: on Node's drivers, behind the server of Vite. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve, sep } from 'node:path'
import type { Duplex } from 'node:stream'
import type { Connect, ErrorPayload, HotPayload, ViteDevServer } from 'vite'
import { knownTargets, loadAdapter } from '../build/adapters.ts'
import { packageRoot } from '../build/packages.ts'
import { loadConfig, type LoadedConfig } from '../build/project.ts'
import { DevPage } from '../dev/dev-page.ts'
import { DevFront } from '../dev/front.ts'
import { type DevEvents, DevLoop, type DevSettings, readVariables } from '../dev/loop.ts'
import { type Changes, type Inputs, watchProject } from '../dev/watch.ts'
import { overlayError } from './overlay.ts'
import {
  type Answerer,
  answererOf,
  assetAnswererOf,
  hasPage,
  isPluginSocket,
  type Places,
} from './routing.ts'
import type { UnmoorViteOptions } from './options.ts'
import { refuseWorker } from './project.ts'

/** Event for `import.meta.hot.on` of pages: a new build of the app serves. */
const UPDATE_EVENT = 'unmoor:update'
const ASSETS_DRIVER = join(packageRoot, 'dist/core/tools/vite/assets-driver.js')

/**
 * The apps that run, by project, each with a promise of its end. A restart of Vite makes a new server before
 * it closes the old one, and both apps would use the same data.
 */
const running = new Map<string, Promise<void>>()

/** What a dev server needs of the plugin. */
export interface DevServerParts {
  readonly server: ViteDevServer
  readonly projectDir: string
  readonly options: UnmoorViteOptions
}

/** Runs the app of a project beside a Vite dev server, and passes on to it what is not Vite's. */
export class AppServer {
  readonly #server: ViteDevServer
  readonly #projectDir: string
  readonly #front: DevFront
  readonly #page: DevPage | undefined
  readonly #files: Server
  /** Requests of the assets binding, which the app itself sends. */
  readonly #ownRequests = new WeakSet<IncomingMessage>()
  readonly #answerers = new WeakMap<IncomingMessage, { answerer: Answerer; url: string | undefined }>()
  readonly #closing = Promise.withResolvers<void>()
  /** Resolves once the first build has run or failed. */
  readonly #tried = Promise.withResolvers<void>()
  readonly #stopped = Promise.withResolvers<void>()
  #isClosed = false
  /** Folder into which a build of Vite would write. */
  #assetsDir: string | undefined
  #places: Places
  #inputs: Inputs | undefined
  #failure: string | undefined
  #changes: Changes | undefined
  #done: Promise<void> | undefined

  private constructor({ server, projectDir }: DevServerParts, page: DevPage | undefined) {
    const {
      root,
      publicDir,
      server: { https },
    } = server.config
    this.#server = server
    this.#projectDir = projectDir
    this.#front = new DevFront(https === undefined ? {} : { 'x-forwarded-proto': 'https' })
    this.#page = page
    this.#places = { root, publicDir, isSinglePage: undefined }
    if (page !== undefined) this.#front.onAnswered = (answered) => page.activity.request(answered)
    this.#files = createServer((incoming, outgoing) => {
      this.#ownRequests.add(incoming)
      server.middlewares(incoming, outgoing, () => void outgoing.writeHead(404).end())
    })
  }

  /**
   * Starts building and running the app; requests wait until it runs. An app that fails is told, by the
   * overlay too.
   *
   * @throws `InvalidArgument` if the config of the project is wrong.
   */
  static async start(parts: DevServerParts): Promise<AppServer> {
    const { server, projectDir, options } = parts
    const { environment } = options
    const loaded = await loadConfig(projectDir, { environment })
    refuseWorker(loaded.worker !== undefined)
    const page =
      options.page === false
        ? undefined
        : await DevPage.open(0, () => server.resolvedUrls?.local[0] ?? '', {
            projectDir,
            worker: undefined,
            environment,
            targets: knownTargets(loaded.config),
            variables: async (info, project) =>
              (await readVariables(info, project, { projectDir, env: environment })).variables,
          })
    const app = new AppServer(parts, page)
    app.#attach()
    app.#done = app.#run(loaded, environment)
    // A failure outside of builds is none of the app's, and nobody waits for it before the end.
    app.#done.catch((error: unknown) => server.config.logger.error(String(error)))
    return app
  }

  /** The middleware that comes after those of Vite. */
  readonly after: Connect.NextHandleFunction = (incoming, outgoing, next) => {
    const known = this.#answerers.get(incoming)
    const isPage = typeof known?.answerer === 'object'
    // With `appType: 'custom'`, Vite has no HTML.
    const isLeft = known?.answerer === 'vite-or-app' || (isPage && this.#server.config.appType === 'custom')
    if (known === undefined || !isLeft || this.#ownRequests.has(incoming)) return next()
    incoming.url = known.url ?? '/'
    void this.#front.answer(incoming, outgoing)
  }

  /** The middleware that comes before those of Vite. */
  readonly before: Connect.NextHandleFunction = (incoming, outgoing, next) => {
    if (this.#isProxied(incoming.url ?? '/')) return next()
    const isOwn = this.#ownRequests.has(incoming)
    const answerer = (isOwn ? assetAnswererOf : answererOf)(incoming, this.#places)
    if (answerer === 'app') return void this.#front.answer(incoming, outgoing)
    if (answerer === 'unknown') {
      void this.#tried.promise.then(() => this.before(incoming, outgoing, next))
      return
    }
    if (answerer === 'forbidden') return void outgoing.writeHead(403).end()
    if (typeof answerer === 'object' && 'redirect' in answerer)
      return redirect(outgoing, answerer.redirect, incoming.url)
    this.#answerers.set(incoming, { answerer, url: incoming.url })
    if (typeof answerer === 'object') incoming.url = answerer.page
    next()
  }

  /** Stops the app. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#changes?.close()
    this.#closing.resolve()
    this.#places = { ...this.#places, isSinglePage: this.#places.isSinglePage ?? false }
    this.#tried.resolve()
    await this.#done?.catch(() => {})
  }

  #attach(): void {
    const { httpServer, config, environments } = this.#server
    const printUrls = this.#server.printUrls.bind(this.#server)
    const { middlewareMode } = config.server
    const parent = typeof middlewareMode === 'object' ? middlewareMode.server : httpServer
    const upgrade = (incoming: IncomingMessage, socket: Duplex, head: Buffer): void => {
      const { url = '/', headers } = incoming
      const protocol = headers['sec-websocket-protocol'] ?? ''
      const isVites = /^vite-(?:hmr|ping)$/.test(protocol) || isPluginSocket(url)
      if (!isVites && !this.#isProxied(url)) void this.#front.upgrade(incoming, socket, head)
    }
    parent?.on('upgrade', upgrade)
    // A server of somebody else outlives this one.
    void this.#closing.promise.then(() => parent?.off('upgrade', upgrade))
    httpServer?.once('close', () => void this.close())
    const page = this.#page
    if (page !== undefined)
      this.#server.printUrls = () => {
        printUrls()
        config.logger.info(`  ➜  unmoor:  ${page.url}`)
      }
    environments.client.hot.on('vite:client:connect', (_data, client) => {
      if (this.#failure !== undefined) client.send(this.#errorPayload(this.#failure))
    })
  }

  /** True for a URL that `server.proxy` of the Vite config sends elsewhere. */
  #isProxied(url: string): boolean {
    return Object.keys(this.#server.config.server.proxy ?? {}).some((context) =>
      context.startsWith('^') ? new RegExp(context).test(url) : url.startsWith(context),
    )
  }

  async #run(loaded: LoadedConfig, environment: string | undefined): Promise<void> {
    const before = running.get(this.#projectDir)
    const stopped = this.#stopped.promise
    running.set(this.#projectDir, stopped)
    try {
      if (before !== undefined) await Promise.race([before, this.#closing.promise])
      if (!this.#isClosed) await this.#loop(loaded, environment)
    } finally {
      await Promise.all([this.#front.close(), this.#page?.close(), closeServer(this.#files)])
      if (running.get(this.#projectDir) === stopped) running.delete(this.#projectDir)
      this.#stopped.resolve()
    }
  }

  async #loop(loaded: LoadedConfig, environment: string | undefined): Promise<void> {
    const { logger, server } = this.#server.config
    await new Promise<void>((resolve) => this.#files.listen(0, '127.0.0.1', resolve))
    const { port } = this.#files.address() as AddressInfo
    const settings = await devSettings(loaded, environment, {
      assetsUrl: `http://127.0.0.1:${port}`,
      isHttps: server.https !== undefined,
    })
    const changes = watchProject(
      this.#projectDir,
      [loaded.dataDir],
      () => this.#inputs,
      (path) => this.#isPagesAlone(path),
    )
    this.#changes = changes
    const loop = new DevLoop(settings, { front: this.#front, page: this.#page, events: this.#events() })
    try {
      for (;;) {
        this.#inputs = await loop.rebuild()
        if (this.#isClosed) break
        const changed = await changes.next()
        if (changed === undefined) break
        logger.info(`${changed} changed: building the app again`, { timestamp: true })
      }
    } finally {
      changes.close()
      // Whoever still waits is answered first: the app would wait for them before it stops.
      await this.#front.close()
      await loop.stop()
    }
  }

  /** True for a module that only pages use, of which Vite tells them itself, and for a built page. */
  #isPagesAlone(path: string): boolean {
    if (this.#assetsDir !== undefined && path.startsWith(this.#assetsDir + sep)) return true
    const { moduleGraph } = this.#server.environments.client
    return (moduleGraph.getModulesByFile(path.replaceAll('\\', '/'))?.size ?? 0) > 0
  }

  #events(): DevEvents {
    const { logger } = this.#server.config
    return {
      info: (message) => logger.info(message, { timestamp: true }),
      warn: (message) => logger.warn(message, { timestamp: true }),
      output: (line) => void process.stderr.write(`${line}\n`),
      started: ({ name, runtime, ms, info }) => {
        const pages = Object.values(info.manifest.bindings).find(({ kind }) => kind === 'assets')
        const isAssets = pages?.kind === 'assets'
        this.#assetsDir = isAssets ? resolve(this.#projectDir, pages.directory) : undefined
        const isSinglePage = isAssets && pages.notFound === 'single-page-application'
        this.#places = { ...this.#places, isSinglePage }
        this.#tried.resolve()
        logger.info(`${name} on ${runtime} (built in ${Math.round(ms)} ms)`, { timestamp: true })
        this.#recovered()
      },
      failed: (message, keepsRunning) => {
        const next = keepsRunning ? 'The old build keeps running.' : 'Waiting for a change.'
        logger.error(`error: ${message}\n${next}`, { timestamp: true })
        this.#failure = message
        // An app that has never run does not say what its page loads get. A page shows the error best.
        const isSinglePage = this.#places.isSinglePage ?? hasPage(this.#places)
        this.#places = { ...this.#places, isSinglePage }
        this.#tried.resolve()
        this.#send({ type: 'update', updates: [] })
        this.#send(this.#errorPayload(message))
      },
    }
  }

  /** Tells pages that a new build serves. An update of nothing takes the overlay away. */
  #recovered(): void {
    if (this.#failure !== undefined) this.#send({ type: 'update', updates: [] })
    this.#failure = undefined
    this.#send({ type: 'custom', event: UPDATE_EVENT, data: null })
  }

  #errorPayload(message: string): ErrorPayload {
    return { type: 'error', err: overlayError(message, this.#projectDir) }
  }

  #send(payload: HotPayload): void {
    // Vite would keep an error for the next page, though it may be mended by then.
    if (this.#server.ws.clients.size > 0) this.#server.environments.client.hot.send(payload)
  }
}

/** Returns what the dev loop builds: the target `node`, whose assets are those of Vite. */
async function devSettings(
  { projectDir, config, environment: used }: LoadedConfig,
  environment: string | undefined,
  { assetsUrl, isHttps }: { assetsUrl: string; isHttps: boolean },
): Promise<DevSettings> {
  const node = await loadAdapter('node', projectDir, config)
  return {
    projectDir,
    target: 'node',
    adapter: {
      ...node,
      drivers: { ...node.drivers, vite: ASSETS_DRIVER },
      defaultDrivers: { ...node.defaultDrivers, assets: { driver: 'vite', url: assetsUrl } },
    },
    env: environment,
    environment: used,
    build: {
      assets: false,
      // The app learns by a header of the front that the page came by HTTPS.
      ...(isHttps ? { targetOptions: { node: { trustProxy: ['127.0.0.1'] } } } : {}),
    },
  }
}

function redirect(outgoing: ServerResponse, path: string, url = ''): void {
  const query = url.includes('?') ? url.slice(url.indexOf('?')) : ''
  outgoing.writeHead(307, { location: path + query }).end()
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
