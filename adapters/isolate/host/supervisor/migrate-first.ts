import { setTimeout as sleep } from 'node:timers/promises'
import type { AppRecord } from '../app-record.ts'
import { errorText } from '../error-text.ts'
import { Migrated } from './migrated.ts'
import { isMigrationLate } from './trials.ts'

/** Functions of the supervisor by which {@link MigrateFirst} applies apps' migrations. */
export interface MigrateFirstOptions {
  dataDir: string
  /**
   * Tries out a version of an app, including its migrations.
   *
   * @throws the reason why it does not start.
   */
  trial(app: AppRecord): Promise<void>
  /** Serves a version of an app whose migrations are applied, or marks it as refused because of them. */
  serve(app: AppRecord): Promise<void>
  print(line: string): void
  /** Milliseconds that the host's start waits for migrations. Default: 30 s. */
  startMs?: number
}

/** Milliseconds that a host's start waits for migrations before it serves the other apps. */
const START_MS = 30_000
const UNDER_WAY = 'its migrations are under way'

/**
 * Applies migrations in a trial before a version is served. In a trial they may use their whole time limit
 * without blocking other apps. Applied migrations are remembered per host.
 */
export class MigrateFirst {
  #options: MigrateFirstOptions
  #migrated: Migrated
  #pending = new Map<string, AppRecord>()
  #stopped = false

  constructor(options: MigrateFirstOptions) {
    this.#options = options
    this.#migrated = new Migrated(options.dataDir)
  }

  /** Records that a trial of the app's version has passed, so its migrations are applied. */
  note(app: AppRecord): Promise<void> {
    return this.#migrated.add(app)
  }

  /** Forgets an app's migrations, as the host no longer serves the app. */
  async forget(app: string): Promise<void> {
    this.#pending.delete(app)
    await this.#migrated.forget(app)
  }

  /**
   * Resolves at the host's start to the apps that can be served at once. An app whose migrations are under
   * way comes as a record that refuses requests and says why; it is served once it is migrated.
   */
  async atStart(apps: readonly AppRecord[]): Promise<AppRecord[]> {
    const records = new Map(apps.filter((app) => this.#migrated.has(app)).map((app) => [app, app]))
    const begun = new Map(
      apps
        .filter((app) => !records.has(app))
        .map((app) => [app, this.#migrate(app).then((record) => (records.set(app, record), record))]),
    )
    const { startMs = START_MS } = this.#options
    await Promise.race([Promise.all(begun.values()), sleep(startMs, undefined, { ref: false })])
    // What ends from here on finds the records that this returns: the caller goes on before any other event.
    for (const [app, migrated] of begun) if (!records.has(app)) this.#serveLater(app, migrated, false)
    return apps.map((app) => records.get(app) ?? { ...app, refused: UNDER_WAY, background: false })
  }

  /**
   * Returns the app versions of `set` whose migrations are applied. The others are served once theirs are;
   * `served` has what is served by then.
   */
  whenMigrated(set: readonly AppRecord[], served: ReadonlyMap<string, AppRecord>): AppRecord[] {
    return set.filter((app) => {
      this.#pending.delete(app.name)
      if (this.#migrated.has(app)) return true
      const older = served.get(app.name)
      const hasOlder = older !== undefined && older.refused === undefined
      this.#serveLater(app, this.#migrate(app), hasOlder)
      return false
    })
  }

  #serveLater(app: AppRecord, migrated: Promise<AppRecord>, hasOlder: boolean): void {
    this.#pending.set(app.name, app)
    void migrated.then((record) => {
      if (this.#stopped || this.#pending.get(app.name) !== app) return undefined
      this.#pending.delete(app.name)
      // An app's refused version does not replace the version that is being served.
      return record.refused !== undefined && hasOlder ? undefined : this.#options.serve(record)
    })
  }

  // Only an app's version that exceeds the migration limit is refused; after other failures it may still
  // start later.
  async #migrate(app: AppRecord): Promise<AppRecord> {
    try {
      await this.#options.trial(app)
      await this.note(app)
      return app
    } catch (error) {
      this.#options.print(`"${app.name}" could not be tried before it is served: ${errorText(error)}`)
      return isMigrationLate(error) ? { ...app, refused: errorText(error) } : app
    }
  }

  stop(): void {
    this.#stopped = true
  }
}
