import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { AppRecord } from '../../adapters/isolate/host/app-record.ts'
import { MigrateFirst } from '../../adapters/isolate/host/supervisor/migrate-first.ts'
import { PATIENCE } from '../patience.ts'
import { tempProject } from './temp-project.ts'

/** A host's apps, as the supervisor keeps them: what is served at the start, replaced by what comes later. */
class Served {
  apps = new Map<string, AppRecord>()

  async start(migrations: MigrateFirst, apps: readonly AppRecord[]): Promise<void> {
    this.apps = new Map((await migrations.atStart(apps)).map((app) => [app.name, app]))
  }

  add(app: AppRecord): Promise<void> {
    this.apps.set(app.name, app)
    return Promise.resolve()
  }

  get refusals(): Record<string, string | undefined> {
    return Object.fromEntries([...this.apps].map(([name, { refused }]) => [name, refused]))
  }
}

async function appWithMigrations(dir: string, name: string): Promise<AppRecord> {
  const artifact = join(dir, name)
  await mkdir(artifact)
  await writeFile(join(artifact, 'unmoor.json'), JSON.stringify({ migrations: { db: [name] } }))
  const limits = {} as AppRecord['limits']
  return { name, version: '1', dir: artifact, settings: {}, limits, background: true }
}

it('an app whose migrations end while those of another go on is served, and the other says why it waits', async () => {
  await using project = await tempProject()
  const apps = await Promise.all(
    ['short', 'failing', 'long'].map((name) => appWithMigrations(project.dir, name)),
  )
  const held = Promise.withResolvers<void>()
  const served = new Served()
  const migrations = new MigrateFirst({
    dataDir: project.dir,
    trial: ({ name }) =>
      name === 'long'
        ? held.promise
        : name === 'failing'
          ? Promise.reject(new Error('no'))
          : Promise.resolve(),
    serve: (app) => served.add(app),
    print() {},
    startMs: 100,
  })
  await served.start(migrations, apps)
  expect(served.refusals['long']).toBe('its migrations are under way')
  expect(served.apps.get('long')?.background).toBe(false)
  await expect
    .poll(() => served.refusals, PATIENCE)
    .toEqual({ short: undefined, failing: undefined, long: 'its migrations are under way' })
  held.resolve()
  await expect
    .poll(() => served.refusals, PATIENCE)
    .toEqual({ short: undefined, failing: undefined, long: undefined })
  expect(served.apps.get('long')?.background).toBe(true)
})
