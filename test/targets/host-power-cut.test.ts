import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { hostPowerCuts } from '../histories/host-power-cuts.ts'
import { powerCutsLack } from '../histories/power-cut.ts'
import { buildLab, labApp, startHostLab } from './host-lab.ts'

const lack = powerCutsLack()
if (lack !== undefined) console.log(`Skipped: power cuts need ${lack}.`)
let artifact: string
beforeAll(async () => {
  artifact = await buildLab(labApp('kv: kv()'))
})
afterAll(() => rm(artifact, { recursive: true, force: true }))

test.skipIf(lack !== undefined)(
  'what a host has acknowledged is served after a power cut, the first deploy of a new host too',
  async () => {
    expect(await hostPowerCuts(artifact, 4)).toEqual({ cuts: 4, acknowledged: 4, lost: [] })
  },
)

test('a host whose key has been lost does not start, and seals nothing under an empty one', async () => {
  await using lab = await startHostLab({ admin: { port: 0 } })
  const dataDir = join(lab.dir, 'other')
  await mkdir(dataDir)
  for (const damaged of ['', '\n', '\0'.repeat(44)]) {
    await writeFile(join(dataDir, 'settings.key'), damaged)
    await expect(startHostLab({ dataDir, admin: { port: 0 } })).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringMatching(/settings\.key is empty or damaged.*Put it back from a copy/),
    })
    expect(await readFile(join(dataDir, 'settings.key'), 'utf8')).toBe(damaged)
  }
  await rm(join(dataDir, 'settings.key'))
  await writeFile(join(dataDir, 'admin.token'), '')
  await expect(startHostLab({ dataDir, admin: { port: 0 } })).rejects.toMatchObject({
    message: expect.stringContaining('admin.token is empty or damaged'),
  })
})

test('an artifact that a power cut has damaged is made anew from the store', async () => {
  await using lab = await startHostLab({ admin: { port: 0, token: 't' } })
  const dataDir = join(lab.dir, 'kept')
  const client = (url: string | undefined): DeployClient =>
    new DeployClient({ url: url as string, token: 't' })
  {
    await using first = await startHostLab({ dataDir, admin: { port: 0, token: 't' } })
    await client(first.host.adminUrl).deploy('shop', artifact)
    expect((await first.send('shop')).text).toBe('hello /')
  }
  const [folder] = await import('node:fs').then(({ readdirSync }) =>
    readdirSync(join(dataDir, 'artifacts/apps/shop')),
  )
  // The file of the version's folder and the kept one are the same: a link.
  await writeFile(join(dataDir, 'artifacts/apps/shop', folder as string, 'app.js'), '')
  await using second = await startHostLab({ dataDir, admin: { port: 0, token: 't' } })
  expect((await second.send('shop')).text).toBe('hello /')
})
