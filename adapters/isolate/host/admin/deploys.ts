import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isUnmoorError, UnmoorError } from '../../../../core/errors.ts'
import type { AppRecord, AppSettings } from '../app-record.ts'
import { createRecord, type ResolvedConfig } from '../config.ts'
import { errorText } from '../error-text.ts'
import { Mutex } from './mutex.ts'
import { describeSettings, mergeSettings } from '../settings.ts'
import type { DeployStore, StoredVersion } from '../store/deploy-store.ts'
import { unsharedLines } from '../shared-drivers.ts'
import { LocalArtifacts } from '../store/local-artifacts.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import type { Upload } from './upload.ts'

/** Description of an app that the admin API returns. */
export interface AppDescription {
  name: string
  /** Number of the app's version that is served. */
  version: number
  /**
   * Number of the version that this deploy has created; undefined for other changes of an app. Another
   * version may already be served when this number is returned.
   */
  deployed?: number
  settings: Record<string, unknown>
  versions: StoredVersion[]
}

/** Milliseconds between two clean-ups of folders and files that no version needs any more. */
const CLEAN_MS = 60_000

/** Deploys of a host. Writes deploys to the store, and serves what any host of that store has deployed. */
export class Deploys {
  #store: DeployStore
  #config: ResolvedConfig
  #supervisor: Supervisor | undefined
  #onOutput: (line: string) => void
  #artifacts: LocalArtifacts
  #fixed: ReadonlySet<string>
  #served = new Map<string, AppRecord>()
  /** Apps whose last change in the deploy store could not be applied; they are tried again. */
  #failed = new Set<string>()
  #seen = 0
  #changing = new Map<string, Mutex>()
  #syncing = new Mutex()
  #timers = new Set<NodeJS.Timeout>()
  /** Apps that may still have folders of old versions. */
  #unclean = new Set<string>()

  constructor(store: DeployStore, config: ResolvedConfig, onOutput: (line: string) => void) {
    this.#store = store
    this.#config = config
    this.#onOutput = onOutput
    this.#artifacts = new LocalArtifacts(config.dataDir)
    this.#fixed = new Set(config.apps.map(({ name }) => name))
  }

  /** Reads the deploy store's apps, which the host serves from its start. */
  async load(): Promise<AppRecord[]> {
    await this.#takeOver(false)
    return [...this.#served.values()]
  }

  /** Starts to poll the deploy store for changes of apps. */
  follow(supervisor: Supervisor): void {
    this.#supervisor = supervisor
    const poll = setInterval(
      () =>
        void this.sync().catch((error: unknown) =>
          this.#onOutput(`The store of deploys: ${errorText(error)}`),
        ),
      this.#config.pollMs,
    )
    this.#timers.add(poll)
    this.#timers.add(
      setInterval(
        () =>
          void this.#clean().catch((error: unknown) =>
            this.#onOutput(`Old folders are left: ${errorText(error)}`),
          ),
        CLEAN_MS,
      ),
    )
  }

  /** Applies the deploy store's changes of apps; resolves when all processes serve them. */
  sync(): Promise<void> {
    return this.#syncing.run(() => this.#takeOver(true))
  }

  async #takeOver(running: boolean): Promise<void> {
    if (this.#failed.size === 0 && (await this.#store.revision()) === this.#seen && this.#seen > 0) return
    const changes = await this.#store.changes(this.#seen)
    const names = new Set([...this.#failed, ...changes.map(({ name }) => name)])
    const withData = new Set(
      changes.flatMap((change) => (change.deleted && change.withData ? [change.name] : [])),
    )
    const set: AppRecord[] = []
    const remove: string[] = []
    for (const name of names) {
      if (this.#fixed.has(name)) continue
      try {
        const record = await this.#record(name)
        this.#failed.delete(name)
        if (record === undefined) {
          if (this.#served.delete(name)) remove.push(name)
        } else if (this.#served.get(name)?.version !== record.version) {
          this.#served.set(name, record)
          set.push(record)
          if (this.#config.storeIsGiven)
            for (const line of await unsharedLines(record, this.#config.drivers)) this.#onOutput(line)
        }
      } catch (error) {
        if (!this.#failed.has(name))
          this.#onOutput(
            `The app "${name}" could not be taken over from the store, and is tried ` +
              `again: ${errorText(error)}`,
          )
        this.#failed.add(name)
      }
    }
    if (running && set.length + remove.length > 0) await this.#serve(set, remove)
    for (const name of withData)
      if (!this.#served.has(name))
        await rm(join(this.#config.dataDir, 'apps', name), { recursive: true, force: true, maxRetries: 3 })
    for (const name of [...remove, ...set.map((record) => record.name)]) this.#unclean.add(name)
    this.#seen = Math.max(
      this.#seen,
      ...changes.map(({ revision }) => revision),
      this.#seen === 0 ? await this.#store.revision() : 0,
    )
  }

  /**
   * Serves all changed apps in one update. If that fails, serves them one by one, so that one bad app does
   * not keep the others from being served.
   */
  async #serve(set: readonly AppRecord[], remove: readonly string[]): Promise<void> {
    try {
      await this.#supervisor?.update(set, remove)
    } catch {
      await this.#supervisor?.update([], remove)
      for (const record of set) {
        await this.#supervisor?.update([record], []).catch((error: unknown) => {
          this.#served.delete(record.name)
          this.#onOutput(`The app "${record.name}" is not served: ${errorText(error)}`)
        })
      }
    }
  }

  async #record(name: string): Promise<AppRecord | undefined> {
    const app = await this.#store.app(name)
    return app === undefined
      ? undefined
      : this.#toRecord(name, app.version, app.settings, `${app.version}@${app.revision}`)
  }

  async #toRecord(name: string, version: number, settings: AppSettings, id: string): Promise<AppRecord> {
    const files = await this.#store.files(name, version)
    if (files.length === 0)
      throw new UnmoorError(
        'NotFound',
        `There is no version ${version} of "${name}". See them with: unmoor deploy --app ${name} --list`,
      )
    const dir = await this.#artifacts.folder(name, version, files, (hash) => this.#store.content(hash))
    return createRecord(name, dir, settings, this.#config.limits, id)
  }

  async #clean(): Promise<void> {
    for (const name of this.#unclean)
      if (await this.#artifacts.clean(name, this.#served.get(name)?.dir)) this.#unclean.delete(name)
    await this.#artifacts.cleanFiles()
  }

  /** Runs the changes of one app (deploys, rollbacks, settings) on this host one after the other. */
  #change<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#fixed.has(name)) {
      const message =
        `"${name}" comes from the host's own config or folder: change it there, or deploy ` +
        'under another name.'
      return Promise.reject(new UnmoorError('AlreadyExists', message, { operation: 'deploy' }))
    }
    const mutex = this.#changing.get(name) ?? new Mutex()
    this.#changing.set(name, mutex)
    return mutex.run(work).finally(() => {
      if (mutex.isFree) this.#changing.delete(name)
    })
  }

  /**
   * Stores a new version of an app and serves it once it has started in a trial. Resolves when every process
   * of this host serves it. If any step fails, the old version stays in service.
   *
   * @throws `Unavailable` with the reason if the version does not start; `AlreadyExists` for a route of
   * another app; `InvalidArgument` for invalid settings.
   */
  deploy(name: string, { files, settings, note }: Upload): Promise<AppDescription> {
    return this.#change(name, async () => {
      const before = (await this.#store.app(name))?.settings ?? {}
      const merged = settings === undefined ? before : mergeSettings(before, settings)
      await this.#checkRoutes(name, merged)
      const content = new Map<string, Uint8Array<ArrayBuffer>>()
      const list = [...files].map(([path, bytes]) => {
        const hash = createHash('sha256').update(bytes).digest('hex')
        content.set(hash, bytes)
        return { path, hash, size: bytes.byteLength }
      })
      const version = await this.#store.addVersion(
        name,
        list,
        (hash) => content.get(hash) as Uint8Array<ArrayBuffer>,
        note,
      )
      try {
        await this.#activate(name, version, merged)
      } catch (error) {
        await this.#store.removeVersions(name, [version]).catch(() => {})
        throw error
      }
      await this.#prune(name)
      return { ...(await this.describe(name)), deployed: version }
    })
  }

  async #activate(name: string, version: number, settings: AppSettings): Promise<void> {
    const trial = await this.#toRecord(name, version, settings, `trial of ${version}`)
    await this.#supervisor?.probe(trial).catch((error: unknown) => {
      const code = isUnmoorError(error) && error.code !== 'Internal' ? error.code : 'Unavailable'
      const message =
        `Version ${version} of "${name}" does not start, so it is not served: ` + errorText(error)
      throw new UnmoorError(code, message, { operation: 'deploy', retryable: false, cause: error })
    })
    await this.#store.activate(name, version, settings)
    await this.sync()
  }

  async #checkRoutes(name: string, settings: AppSettings): Promise<void> {
    await this.#store.checkRoutes(name, settings)
    // Routes of apps in the host's config are not in the deploy store, so the supervisor checks them.
    this.#supervisor?.checkRoutes(name, settings)
  }

  async #prune(name: string): Promise<void> {
    const versions = await this.#store.versions(name)
    const current = (await this.#store.app(name))?.version
    const old = versions.filter(({ version }) => version !== current).slice(this.#config.keepVersions - 1)
    await this.#store
      .removeVersions(
        name,
        old.map(({ version }) => version),
      )
      .catch((error: unknown) => this.#onOutput(`Old versions of "${name}" are left: ${errorText(error)}`))
  }

  /** Serves another version of an app. Default: the version served before the current one. */
  rollBack(name: string, to?: number): Promise<AppDescription> {
    return this.#change(name, async () => {
      const app = await this.#get(name)
      const versions = await this.#store.versions(name)
      const before = versions
        .filter(({ version, activated }) => version !== app.version && activated !== null)
        .sort((a, b) => ((a.activated as string) < (b.activated as string) ? 1 : -1))
      const version = to ?? before[0]?.version
      if (version === undefined)
        throw new UnmoorError('NotFound', `"${name}" has no earlier version to go back to.`, {
          operation: 'deploy',
        })
      await this.#activate(name, version, app.settings)
      return this.describe(name)
    })
  }

  /** Changes settings of an app; its isolates are restarted with them. */
  configure(name: string, given: unknown): Promise<AppDescription> {
    return this.#change(name, async () => {
      const app = await this.#get(name)
      const settings = mergeSettings(app.settings, given)
      await this.#checkRoutes(name, settings)
      await this.#activate(name, app.version, settings)
      return this.describe(name)
    })
  }

  /** Makes this host the owner of an app's Durable Objects. */
  takeOver(name: string): Promise<AppDescription> {
    return this.#change(name, async () => {
      await this.#supervisor?.takeOver(name)
      return this.describe(name)
    })
  }

  /**
   * Takes an app out of service. If `withData` is true, its embedded data is deleted on all hosts of the
   * store.
   */
  remove(name: string, withData: boolean): Promise<void> {
    return this.#change(name, async () => {
      if (!(await this.#store.remove(name, withData))) throw notFound(name)
      await this.sync()
      if (withData) await this.#store.owners.forget(name)
    })
  }

  async #get(name: string): Promise<NonNullable<Awaited<ReturnType<DeployStore['app']>>>> {
    const app = await this.#store.app(name)
    if (app === undefined) throw notFound(name)
    return app
  }

  async describe(name: string): Promise<AppDescription> {
    const { version, settings } = await this.#get(name)
    return { name, version, settings: describeSettings(settings), versions: await this.#store.versions(name) }
  }

  /** Stops polling the deploy store for changes of apps. */
  async pause(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#syncing.run(() => Promise.resolve())
  }

  async stop(): Promise<void> {
    await this.pause()
    await this.#store.close()
  }
}

function notFound(name: string): UnmoorError {
  return new UnmoorError('NotFound', `No app "${name}" is deployed here.`, { operation: 'deploy' })
}
