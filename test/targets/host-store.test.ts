import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DeployStore, StoredFile } from '../../adapters/isolate/host/store/deploy-store.ts'
import { LocalArtifacts } from '../../adapters/isolate/host/store/local-artifacts.ts'
import { openStore, type StoreConfig } from '../../adapters/isolate/host/store/open-store.ts'
import { awsServers } from '../drivers/aws-servers.ts'

const servers = awsServers({ drivers: { files: { driver: 's3' } }, bindings: { files: { kind: 'blob' } } })
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'unmoor-host-store-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
const fileOf = (path: string, text: string): StoredFile => ({
  path,
  hash: createHash('sha256').update(text).digest('hex'),
  size: text.length,
})

describe.each(['fs', 's3'])('a store with its files on %s', (driver) => {
  let store: DeployStore
  beforeAll(async () => {
    // As an operator sets them: in the environment of the host.
    for (const [name, value] of Object.entries(servers.variables())) process.env[name] = value
    const config: StoreConfig = { sql: { driver: 'sqlite' }, blob: { driver } }
    store = await openStore(config, join(dir, driver))
  })
  afterAll(async () => {
    await store.close()
    for (const name of Object.keys(servers.variables())) delete process.env[name]
  })

  it('keeps a file as long as a version has it', async () => {
    const name = `app-${randomUUID().slice(0, 8)}`
    const texts = [`shared ${name}`, `one ${name}`, `two ${name}`] as const
    const [shared, one, two] = texts.map((text, index) => fileOf(`assets/${index}`, text)) as [
      StoredFile,
      StoredFile,
      StoredFile,
    ]
    const content = (hash: string): Uint8Array<ArrayBuffer> =>
      bytesOf(texts.find((text) => fileOf('', text).hash === hash) as string)
    expect(await store.addVersion(name, [shared, one], content, 'first')).toBe(1)
    expect(await store.addVersion(name, [shared, two], content, '')).toBe(2)
    await store.activate(name, 1, { hosts: [`${name}.example.com`], secrets: { A: 'secret' } })
    expect(await store.app(name)).toMatchObject({ version: 1, settings: { secrets: { A: 'secret' } } })
    expect(await store.files(name, 2)).toEqual([shared, two])
    await store.removeVersions(name, [1])
    expect(new TextDecoder().decode(await store.content(shared.hash))).toBe(texts[0])
    await expect(store.content(one.hash)).rejects.toMatchObject({ code: 'NotFound' })
    expect(await store.remove(name, false)).toBe(true)
    await expect(store.content(shared.hash)).rejects.toMatchObject({ code: 'NotFound' })
    expect(await store.remove(name, false)).toBe(false)
    expect(await store.app(name)).toBeUndefined()
    expect((await store.changes(0)).find((change) => change.name === name)).toMatchObject({
      deleted: true,
      withData: false,
    })
  })

  it('refuses what is not what its name says, and leaves nothing of it', async () => {
    const name = `bad-${randomUUID().slice(0, 8)}`
    const file = fileOf('app.js', `right ${name}`)
    await expect(store.addVersion(name, [file], () => bytesOf(`wrong ${name}`), '')).rejects.toMatchObject({
      code: 'ChecksumMismatch',
    })
    expect(await store.versions(name)).toEqual([])
  })

  it('numbers versions that come at once one after the other', async () => {
    const name = `many-${randomUUID().slice(0, 8)}`
    const file = fileOf('app.js', name)
    const numbers = await Promise.all(
      Array.from({ length: 8 }, () => store.addVersion(name, [file], () => bytesOf(name), '')),
    )
    expect(numbers.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    await store.removeVersions(name, numbers.slice(1))
    expect((await store.content(file.hash)).byteLength).toBe(name.length)
  })
})

it('folders of versions stay while they may be in use, and then only the one that is served', async () => {
  const artifacts = new LocalArtifacts(join(dir, 'local'))
  const [a, b] = ['a', 'b'].map((text) => fileOf('assets/x', text)) as [StoredFile, StoredFile]
  let fetched = 0
  const content = (hash: string): Promise<Uint8Array<ArrayBuffer>> => {
    fetched++
    return Promise.resolve(bytesOf(hash === a.hash ? 'a' : 'b'))
  }
  const folders = [
    await artifacts.folder('app', 1, [a], content),
    await artifacts.folder('app', 2, [b], content),
    await artifacts.folder('app', 3, [a], content),
  ] as const
  // The third has a file that the first has brought.
  expect(fetched).toBe(2)
  expect(await artifacts.clean('app', folders[2])).toBe(false)
  const old = new Date(Date.now() - 3_600_000)
  for (const path of [folders[0], folders[1]]) await utimes(path, old, old)
  // Rolled back to: it is used again.
  expect(await artifacts.folder('app', 1, [a], content)).toBe(folders[0])
  expect(await artifacts.clean('app', folders[2])).toBe(false)
  expect((await readdir(join(dir, 'local/artifacts/apps/app'))).length).toBe(2)
  for (const hash of [a.hash, b.hash]) await utimes(join(dir, 'local/artifacts/files', hash), old, old)
  await artifacts.cleanFiles()
  expect(await readdir(join(dir, 'local/artifacts/files'))).toEqual([a.hash])
  await expect(artifacts.folder('app', 4, [fileOf('assets/x', 'c')], content)).rejects.toMatchObject({
    code: 'ChecksumMismatch',
  })
  expect((await readdir(join(dir, 'local/artifacts/apps/app'))).length).toBe(2)
})
