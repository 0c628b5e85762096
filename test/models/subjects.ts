/** The real stores behind the steps of the models. A tick is 1,000 seconds on each of them. */
import { createHash, randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import type { SqlDriver, QueueDriver, QueueIncoming } from '../../core/bindings/drivers.ts'
import { Sql } from '../../core/bindings/sql.ts'
import { sqlClaim } from '../../core/tools/data/claim-sql.ts'
import type { CronStore } from '../../core/runtime/cron-store.ts'
import type { DeployStore } from '../../adapters/isolate/host/store/deploy-store.ts'
import { OwnerTable, type OwnerIdentity } from '../../adapters/isolate/host/store/owner-table.ts'
import { type CronState, LEASE as CRON_LEASE } from './cron.ts'
import { type ClaimState, LEASE as CLAIM_LEASE } from './data-claim.ts'
import type { DeployState } from './deploy.ts'
import type { Subject } from './explorer.ts'
import { LEASE as OWNER_LEASE, type OwnersState } from './owners.ts'
import { LEASE as QUEUE_LEASE, type QueueState } from './queue.ts'

export const TICK = 1000
const noSignal = new AbortController().signal

/** Claims of one time of a cron of its own. `tick` makes the store's clock go on by a tick. */
export function cronSubject(store: CronStore, tick: (cron: string) => unknown): Subject<CronState> {
  const cron = randomUUID()
  const time = Date.UTC(2026, 0, 1)
  const leases = new Map<number, string>()
  return {
    async perform([action, replica]) {
      const index = Number(replica)
      switch (action) {
        case 'tick':
          return void (await tick(cron))
        case 'claim': {
          const lease = randomUUID()
          const answer = await store.claim(cron, time, lease, CRON_LEASE * TICK)
          if (answer.state === 'claimed') leases.set(index, lease)
          return answer.state === 'taken' ? { ...answer, seconds: Math.round(answer.seconds / TICK) } : answer
        }
        case 'extend':
          return store.extend(cron, time, leases.get(index) ?? '', CRON_LEASE * TICK)
        case 'finish':
          return store.finish(cron, time)
      }
      return undefined
    },
    async check({ done, holder, left }) {
      const open = await store.open(cron)
      expect(open).toEqual(holder === 0 || done ? [] : [{ scheduledTime: time, held: left > 0 }])
      expect(await store.latest(cron)).toBe(holder === 0 ? undefined : time)
    },
  }
}

/** One message in an empty queue; `dead` is its dead-letter queue. */
export async function queueSubject(
  queue: QueueDriver,
  dead: QueueDriver,
  tick: () => unknown,
): Promise<Subject<QueueState>> {
  const id = randomUUID()
  await queue.send([{ id, contentType: 'json', body: '1', delaySeconds: 0 }])
  const held = new Map<number, QueueIncoming>()
  const settle = async (index: number, outcome: 'ack' | 'retry'): Promise<void> => {
    const { lease } = held.get(index) as QueueIncoming
    await queue.settle?.([outcome === 'ack' ? { lease, outcome } : { lease, outcome, delaySeconds: 0 }])
  }
  return {
    async perform([action, consumer]) {
      const index = Number(consumer)
      switch (action) {
        case 'tick':
          return void (await tick())
        case 'receive': {
          const [message] =
            (await queue.receive?.({ max: 1, leaseSeconds: QUEUE_LEASE * TICK, waitSeconds: 0, signal: noSignal })) ?? []
          if (message === undefined) return null
          expect(message.id).toBe(id)
          held.set(index, message)
          return message.attempts
        }
        case 'ack':
        case 'retry':
          return settle(index, action)
        case 'extend':
          return queue.extend?.([(held.get(index) as QueueIncoming).lease], QUEUE_LEASE * TICK)
      }
      return undefined
    },
    async check({ place, left }) {
      const waits = place === 'queue'
      const depth = await queue.depth?.()
      expect(depth).toEqual({ ready: waits && left === 0 ? 1 : 0, delayed: 0, leased: waits && left > 0 ? 1 : 0 })
      expect(await dead.depth?.()).toEqual({ ready: place === 'dead' ? 1 : 0, delayed: 0, leased: 0 })
    },
  }
} // prettier-ignore

/** Two hosts that want the objects of an app of its own. `tick` makes its lease end a tick earlier. */
export function ownersSubject(driver: SqlDriver): Subject<OwnersState> {
  const app = randomUUID()
  const table = new OwnerTable(driver)
  const runs = [1, 1]
  const instance = (host: number, run: number): string => `${app} ${host}.${run}`
  const identity = (host: number): OwnerIdentity => ({
    host: `${app} ${host}`,
    instance: instance(host, runs[host] as number),
    address: 'http://a',
  })
  const lease = OWNER_LEASE * TICK * 1000
  return {
    async perform([action, host]) {
      const index = Number(host)
      switch (action) {
        case 'tick':
          await driver.query({
            text: 'UPDATE unmoor_host_owners SET lease_until = lease_until - 1000000 WHERE app = '
              + (driver.dialect === 'postgres' ? '$1' : '?1'),
            params: [app],
          })
          return undefined
        case 'claim': {
          const owner = await table.claim(app, identity(index), lease)
          return owner.instance.split(' ')[1]
        }
        case 'renew':
          return table.renew(identity(index), lease)
        case 'takeOver':
          return table.takeOver(app, identity(index), lease)
        case 'release':
          return table.release(identity(index))
      }
      runs[index] = (runs[index] as number) + 1
      return undefined
    },
    async check({ host, run, epoch, left }) {
      const owner = (await table.all()).find((one) => one.app === app)
      if (host < 0) return expect(owner).toBeUndefined()
      expect(owner).toMatchObject({ host: `${app} ${host}`, instance: instance(host, run), epoch })
      expect(Math.max(0, Math.ceil((owner?.leftMs ?? 0) / 1_000_000))).toBe(left)
    },
  }
} // prettier-ignore

/** Two transfers that claim a database. */
export function claimSubject(driver: SqlDriver): Subject<ClaimState> {
  const db = new Sql(driver, { binding: 'db' })
  const claim = sqlClaim(db)
  const own = (index: number): { id: string; host: string; since: string } => ({
    id: String(index),
    host: 'h',
    since: '2026-01-01',
  })
  const take = async (index: number, held: boolean): Promise<number | null> => {
    const other = await claim.take(own(index), CLAIM_LEASE * TICK, held)
    return other === undefined ? null : Number(other.id)
  }
  return {
    async perform([action, writer]) {
      const index = Number(writer)
      switch (action) {
        case 'tick':
          // A claim ends once its last second has passed.
          await db.run('UPDATE unmoor_claims SET ends = ends - 1001')
          return undefined
        case 'take':
        case 'renew':
          return take(index, action === 'renew')
        case 'release':
          return claim.release(own(index))
      }
      return undefined
    },
  }
}

/**
 * Two hosts that deploy an app of its own to one store, which reserves a version and stores its file in one
 * call.
 */
export function deploySubject(store: DeployStore): Subject<DeployState> {
  const app = `a${randomUUID()}`
  const versions = [0, 0]
  let reserved = 0
  const contentOf = (version: number): Uint8Array<ArrayBuffer> =>
    new Uint8Array(Buffer.from(`${app} ${version}`))
  const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
  return {
    async perform([action, host]) {
      const index = Number(host)
      if (action === 'reserve') {
        const bytes = contentOf(++reserved)
        const file = { path: 'app.js', hash: hashOf(bytes), size: bytes.byteLength }
        versions[index] = await store.addVersion(app, [file], () => bytes, '')
        return versions[index]
      }
      if (action === 'activate')
        await store.activate(app, versions[index] as number, { hosts: [], paths: [`/${app}`] })
      return undefined
    },
    async check({ current, last, activated }) {
      const found = await store.app(app)
      expect(found?.version ?? 0).toBe(current)
      if (current > 0) {
        const [file] = await store.files(app, current)
        expect(await store.content(file?.hash ?? '')).toEqual(contentOf(current))
      }
      const known = await store.versions(app)
      expect(known.map(({ version }) => version).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: last }, (_, index) => index + 1),
      )
      for (const { version, activated: at } of known) expect(at !== null).toBe(activated.includes(version))
    },
  }
}
