import type { SqlDriver } from '../../../../core/bindings/drivers.ts'
import { Sql } from '../../../../core/bindings/sql.ts'

/** Identity of a host as an owner of Durable Objects. */
export interface OwnerIdentity {
  /** Id of the host's data folder, which holds the stored data of its objects. */
  host: string
  /** Id of one run of the host. Only one run with this folder owns objects at a time. */
  instance: string
  /** Origin at which other hosts of the store reach this host. */
  address: string
}

/** The current owner of an app's Durable Objects. */
export interface Owner extends OwnerIdentity {
  app: string
  /** Number that grows each time another run of a host becomes the owner of the app's objects. */
  epoch: number
  /**
   * Milliseconds left of the lease of the app's Durable Objects by the store's clock; 0 or less if it has
   * expired.
   */
  leftMs: number
}

/** Table that records which host owns each app's Durable Objects. Every change is one conditional write. */
export class OwnerTable {
  #sql: Sql
  /**
   * SQL expression of the clock of the hosts' shared store in milliseconds since 1970, so that hosts need not
   * agree on the time.
   */
  #now: string

  constructor(driver: SqlDriver) {
    this.#sql = new Sql(driver, { binding: 'store' })
    this.#now =
      driver.dialect === 'postgres'
        ? 'CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)'
        : `CAST(unixepoch('subsec') * 1000 AS INTEGER)`
  }

  /**
   * Claims an app's Durable Objects, or renews the lease. Succeeds if nobody owns them, this run does, or an
   * earlier run on the same data folder does whose lease has expired. Returns the resulting owner.
   */
  async claim(app: string, { host, instance, address }: OwnerIdentity, leaseMs: number): Promise<Owner> {
    await this.#sql.run(
      `INSERT INTO unmoor_host_owners AS o (app, host, instance, address, epoch, lease_until)
       VALUES (?, ?, ?, ?, 1, ${this.#now} + CAST(? AS BIGINT))
       ON CONFLICT (app) DO UPDATE SET instance = excluded.instance, address = excluded.address,
         epoch = o.epoch + CASE WHEN o.instance = excluded.instance THEN 0 ELSE 1 END,
         lease_until = excluded.lease_until
       WHERE o.host = excluded.host AND (o.instance = excluded.instance OR o.lease_until <= ${this.#now})`,
      [app, host, instance, address, leaseMs],
    )
    return (await this.#owners('WHERE app = ?', [app]))[0] as Owner
  }

  /** Renews every unexpired lease of Durable Objects that this run of the host has. */
  async renew({ instance, address }: OwnerIdentity, leaseMs: number): Promise<void> {
    await this.#sql.run(
      `UPDATE unmoor_host_owners SET lease_until = ${this.#now} + CAST(? AS BIGINT), address = ?
       WHERE instance = ? AND lease_until > ${this.#now}`,
      [leaseMs, address, instance],
    )
  }

  /**
   * Makes this run of the host the owner of an app's Durable Objects once the current owner's lease has
   * expired. Returns false if it has not. Data that the former owner stored is not moved.
   */
  async takeOver(app: string, { host, instance, address }: OwnerIdentity, leaseMs: number): Promise<boolean> {
    const { changes } = await this.#sql.run(
      `UPDATE unmoor_host_owners SET host = ?, instance = ?, address = ?, epoch = epoch + 1,
         lease_until = ${this.#now} + CAST(? AS BIGINT)
       WHERE app = ? AND lease_until <= ${this.#now}`,
      [host, instance, address, leaseMs, app],
    )
    return changes > 0
  }

  all(): Promise<Owner[]> {
    return this.#owners('', [])
  }

  /**
   * Ends the leases of Durable Objects that this run of the host has, so that another run on the same data
   * folder need not wait.
   */
  async release({ instance }: OwnerIdentity): Promise<void> {
    await this.#sql.run('UPDATE unmoor_host_owners SET lease_until = 0 WHERE instance = ?', [instance])
  }

  /** Deletes the record of the owner of an app's Durable Objects, when the app's data is deleted. */
  async forget(app: string): Promise<void> {
    await this.#sql.run('DELETE FROM unmoor_host_owners WHERE app = ?', [app])
  }

  async #owners(where: string, params: string[]): Promise<Owner[]> {
    const rows = await this.#sql.all(
      `SELECT app, host, instance, address, epoch, lease_until - ${this.#now} AS left_ms
       FROM unmoor_host_owners ${where}`,
      params,
    )
    return rows.map((row) => ({
      app: String(row['app']),
      host: String(row['host']),
      instance: String(row['instance']),
      address: String(row['address']),
      epoch: Number(row['epoch']),
      leftMs: Number(row['left_ms']),
    }))
  }
}
