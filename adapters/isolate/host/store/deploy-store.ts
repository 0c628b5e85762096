import type { BlobStore } from '../../../../core/bindings/blob.ts'
import type { SqlDriver } from '../../../../core/bindings/drivers.ts'
import { Sql, type SqlStatement } from '../../../../core/bindings/sql.ts'
import { isUnmoorError, UnmoorError } from '../../../../core/errors.ts'
import type { AppSettings } from '../app-record.ts'
import { OwnerTable } from './owner-table.ts'
import type { Seal } from './seal.ts'
import { someAtOnce } from './some-at-once.ts'
import { readSettings, writeSettings } from './stored-settings.ts'

/** One stored file of an app's version. */
export interface StoredFile {
  /** Path of the file within the artifact, such as `assets/index.html`. */
  path: string
  /** SHA-256 of the file's content in lower-case hex; names the file in the blob store. */
  hash: string
  size: number
}

/** An app's current version and settings in the deploy store. */
export interface StoredApp {
  name: string
  version: number
  revision: number
  settings: AppSettings
}

/** A change of an app that every host of the store has to apply. */
export type StoredChange = { revision: number; name: string } & (
  | { deleted: false }
  | { deleted: true; withData: boolean }
)

/** One stored version of an app. */
export interface StoredVersion {
  version: number
  /** Total bytes of the version's files. */
  size: number
  /** Time when the version was deployed, in ISO 8601. */
  created: string
  /** Time when the version was last activated, in ISO 8601; null if it never was. */
  activated: string | null
  note: string
}

const KEPT = 0
const DELETED = 1
const DELETED_WITH_DATA = 2
/** SQL statement that takes the row lock which orders all writers: revision numbers grow in commit order. */
const LOCK: SqlStatement = { text: 'UPDATE unmoor_host_state SET revision = revision WHERE id = 1' }
const NEXT: SqlStatement = { text: 'UPDATE unmoor_host_state SET revision = revision + 1 WHERE id = 1' }
const REVISION = '(SELECT revision FROM unmoor_host_state WHERE id = 1)'
const ROWS = 15

const iso = (time: unknown): string => new Date(Number(time)).toISOString()

/**
 * Apps, versions and settings of a host in a database, and their files in a blob store under their hashes.
 * Several hosts may share one store.
 */
export class DeployStore {
  #driver: SqlDriver
  #sql: Sql
  #blobs: BlobStore
  #seal: Seal
  #close: () => Promise<void>

  constructor(driver: SqlDriver, blobs: BlobStore, seal: Seal, close: () => Promise<void>) {
    this.#driver = driver
    this.#sql = new Sql(driver, { binding: 'store' })
    this.#blobs = blobs
    this.#seal = seal
    this.#close = close
  }

  /** The table that records which host owns each app's Durable Objects. */
  get owners(): OwnerTable {
    return new OwnerTable(this.#driver)
  }

  /** Key by which hosts of this store recognise requests that they forward to each other. */
  get forwardKey(): string {
    return this.#seal.derive('requests between hosts')
  }

  /** Returns the deploy store's revision, which grows with each change. */
  async revision(): Promise<number> {
    return Number(await this.#sql.value('SELECT revision FROM unmoor_host_state WHERE id = 1'))
  }

  /** Returns the store's apps that changed after a revision, the earliest change first. */
  async changes(after: number): Promise<StoredChange[]> {
    const rows = await this.#sql.all(
      'SELECT name, revision, deleted FROM unmoor_host_apps WHERE revision > ? ORDER BY revision',
      [after],
    )
    return rows.map((row) => {
      const change = { name: String(row['name']), revision: Number(row['revision']) }
      const deleted = Number(row['deleted'])
      return deleted === KEPT
        ? { ...change, deleted: false }
        : { ...change, deleted: true, withData: deleted === DELETED_WITH_DATA }
    })
  }

  /**
   * Reads an app's current version and settings.
   *
   * @throws `PermissionDenied` for settings sealed with another key.
   */
  async app(name: string): Promise<StoredApp | undefined> {
    const row = await this.#sql.first(
      'SELECT version, revision, settings FROM unmoor_host_apps WHERE name = ? AND deleted = 0 AND ' +
        'version > 0',
      [name],
    )
    if (row === null) return undefined
    const settings = readSettings(this.#seal.open(name, String(row['settings'])), name)
    return { name, version: Number(row['version']), revision: Number(row['revision']), settings }
  }

  async names(): Promise<string[]> {
    const rows = await this.#sql.all(
      'SELECT name FROM unmoor_host_apps WHERE deleted = 0 AND version > 0 ORDER BY name',
    )
    return rows.map((row) => String(row['name']))
  }

  /** Lists the versions of an app, newest first. */
  async versions(name: string): Promise<StoredVersion[]> {
    const rows = await this.#sql.all(
      'SELECT version, size, created, activated, note FROM unmoor_host_versions WHERE app = ? ORDER BY ' +
        'version DESC',
      [name],
    )
    return rows.map((row) => ({
      version: Number(row['version']),
      size: Number(row['size']),
      created: iso(row['created']),
      activated: row['activated'] === null ? null : iso(row['activated']),
      note: String(row['note']),
    }))
  }

  async files(name: string, version: number): Promise<StoredFile[]> {
    const rows = await this.#sql.all(
      'SELECT path, hash, size FROM unmoor_host_files WHERE app = ? AND version = ? ORDER BY path',
      [name, version],
    )
    return rows.map((row) => ({
      path: String(row['path']),
      hash: String(row['hash']),
      size: Number(row['size']),
    }))
  }

  /**
   * Stores a version of an app without serving it; returns its number. `content` returns the bytes of a file
   * by its hash.
   */
  async addVersion(
    name: string,
    files: readonly StoredFile[],
    content: (hash: string) => Uint8Array<ArrayBuffer>,
    note: string,
  ): Promise<number> {
    const size = files.reduce((sum, file) => sum + file.size, 0)
    const inserts: SqlStatement[] = []
    for (let index = 0; index < files.length; index += ROWS) {
      const rows = files.slice(index, index + ROWS)
      const row = '(?, (SELECT last_version FROM unmoor_host_apps WHERE name = ?), ?, ?, ?)'
      inserts.push({
        text:
          'INSERT INTO unmoor_host_files (app, version, path, hash, size) ' +
          `VALUES ${rows.map(() => row).join(', ')}`,
        params: rows.flatMap((file) => [name, name, file.path, file.hash, file.size]),
      })
    }
    // The rows of a version's files are written before the files' blobs, under the lock that the removal of
    // blobs takes too. From then on no blob that a row names is removed.
    const results = await this.#exclusive(() =>
      this.#sql.batch([
        LOCK,
        {
          text:
            'INSERT INTO unmoor_host_apps (name, version, last_version, settings, revision, ' +
            `deleted) VALUES (?, 0, 0, '', 0, 0) ON CONFLICT (name) DO NOTHING`,
          params: [name],
        },
        {
          text: 'UPDATE unmoor_host_apps SET last_version = last_version + 1 WHERE name = ?',
          params: [name],
        },
        {
          text: `INSERT INTO unmoor_host_versions (app, version, size, created, note)
            SELECT name, last_version, CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS TEXT)
            FROM unmoor_host_apps WHERE name = ?`,
          params: [size, Date.now(), note, name],
        },
        ...inserts,
        { text: 'SELECT last_version FROM unmoor_host_apps WHERE name = ?', params: [name] },
      ]),
    )
    const version = Number(results.at(-1)?.rows[0]?.[0])
    try {
      await someAtOnce(new Set(files.map((file) => file.hash)), async (hash) => {
        const key = blobKey(hash)
        if ((await this.#blobs.head(key)) === null)
          await this.#blobs.put(key, content(hash), { sha256: hash })
      })
    } catch (error) {
      await this.removeVersions(name, [version]).catch(() => {})
      throw error
    }
    return version
  }

  /**
   * Returns the bytes of a stored file.
   *
   * @throws `NotFound` if the blob store has lost the file.
   */
  async content(hash: string): Promise<Uint8Array<ArrayBuffer>> {
    const blob = await this.#blobs.get(blobKey(hash))
    if (blob === null)
      throw new UnmoorError(
        'NotFound',
        `The blob store has no ${blobKey(hash)}, which a version needs. Deploy the app again.`,
      )
    return blob.bytes()
  }

  /**
   * Makes a version of an app with these settings the one that is served.
   *
   * @throws `AlreadyExists` for a route of another app.
   */
  async activate(name: string, version: number, settings: AppSettings): Promise<void> {
    const routes = routesOf(name, settings)
    const inserts: SqlStatement[] = routes.map((route) => ({
      text: 'INSERT INTO unmoor_host_routes (route, app) VALUES (?, ?)',
      params: [route, name],
    }))
    try {
      await this.#sql.batch([
        NEXT,
        { text: 'DELETE FROM unmoor_host_routes WHERE app = ?', params: [name] },
        ...inserts,
        {
          text:
            'UPDATE unmoor_host_apps SET version = ?, settings = ?, deleted = 0, revision = ' +
            `${REVISION} WHERE name = ?`,
          params: [version, this.#seal.close(name, writeSettings(settings)), name],
        },
        {
          text: 'UPDATE unmoor_host_versions SET activated = ? WHERE app = ? AND version = ?',
          params: [Date.now(), name, version],
        },
      ])
    } catch (error) {
      if (isUnmoorError(error) && error.code === 'AlreadyExists')
        throw (await this.#taken(name, routes)) ?? error
      throw error
    }
  }

  /**
   * Checks an app's routes against those of the store.
   *
   * @throws `AlreadyExists` for a route that another app has.
   */
  async checkRoutes(name: string, settings: AppSettings): Promise<void> {
    const taken = await this.#taken(name, routesOf(name, settings))
    if (taken !== undefined) throw taken
  }

  async #taken(name: string, routes: readonly string[]): Promise<UnmoorError | undefined> {
    for (const route of routes) {
      const other = await this.#sql.value('SELECT app FROM unmoor_host_routes WHERE route = ? AND app <> ?', [
        route,
        name,
      ])
      if (other !== null)
        return new UnmoorError(
          'AlreadyExists',
          `The app "${String(other)}" has ${route} already. Give "${name}" another, or take it from ` +
            'that one first.',
        )
    }
    return undefined
  }

  /**
   * Takes an app out of service and deletes its versions. If `withData` is true, hosts delete its folder of
   * embedded data too. Returns false if there is no such app.
   */
  async remove(name: string, withData: boolean): Promise<boolean> {
    const results = await this.#sql.batch([
      NEXT,
      { text: 'DELETE FROM unmoor_host_routes WHERE app = ?', params: [name] },
      {
        text:
          `UPDATE unmoor_host_apps SET version = 0, settings = '', deleted = ?, revision = ` +
          `${REVISION} WHERE name = ? AND deleted = 0 AND version > 0`,
        params: [withData ? DELETED_WITH_DATA : DELETED, name],
      },
    ])
    const removed = (results[2]?.changes ?? 0) > 0
    if (removed)
      await this.removeVersions(
        name,
        (await this.versions(name)).map(({ version }) => version),
      )
    return removed
  }

  /** Deletes versions of an app, and the files that no other version uses. */
  async removeVersions(name: string, versions: readonly number[]): Promise<void> {
    for (const version of versions) {
      const hashes = new Set((await this.files(name, version)).map((file) => file.hash))
      await this.#exclusive(async () => {
        await this.#sql.batch([
          { text: 'DELETE FROM unmoor_host_files WHERE app = ? AND version = ?', params: [name, version] },
          { text: 'DELETE FROM unmoor_host_versions WHERE app = ? AND version = ?', params: [name, version] },
        ])
        const unused: string[] = []
        for (const hash of hashes) {
          const used = await this.#sql.value('SELECT count(*) FROM unmoor_host_files WHERE hash = ?', [hash])
          if (Number(used) === 0) unused.push(blobKey(hash))
        }
        for (let index = 0; index < unused.length; index += 1000)
          await this.#blobs.delete(unused.slice(index, index + 1000))
      })
    }
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#driver.exclusive === undefined ? work() : this.#driver.exclusive(work)
  }

  close(): Promise<void> {
    return this.#close()
  }
}

function blobKey(hash: string): string {
  return `files/${hash}`
}

/**
 * Returns the routes that only one app may have: host names, path prefixes, and the app's name if no hosts
 * are set.
 */
function routesOf(name: string, { hosts, paths }: AppSettings): string[] {
  const routes = hosts === undefined ? [`name ${name}`] : hosts.map((host) => `host ${host.toLowerCase()}`)
  return [...new Set([...routes, ...(paths ?? []).map((path) => `path ${path.replace(/\/+$/, '')}`)])]
}
