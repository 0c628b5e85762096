/** Secrets Manager and SSM on moto, where it is installed; the cache by itself. */
import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cachedSecret } from '../../adapters/drivers/aws/cached-secret.ts'
import { secret as secretsManager } from '../../adapters/drivers/secretsmanager/index.ts'
import { secret as ssm } from '../../adapters/drivers/ssm/index.ts'
import { startMoto } from '../../adapters/lambda/local/services/moto.ts'
import type { Server } from '../../adapters/lambda/local/services/server.ts'
import { secret } from '../../core/bindings/declarations.ts'
import { UnmoorError } from '../../core/errors.ts'

describe('the cache', () => {
  it('reads once for many, again when it is old, and never keeps a failure', async () => {
    let now = 0
    let reads = 0
    let fail: Error | undefined
    const driver = cachedSecret(
      async () => {
        reads++
        if (fail !== undefined) throw fail
        return `value ${reads}`
      },
      60,
      { binding: 'token', now: () => now },
    )
    expect(await Promise.all([driver.get(), driver.get()])).toEqual(['value 1', 'value 1'])
    now = 59_999
    expect(await driver.get()).toBe('value 1')
    now = 60_000
    fail = new UnmoorError('Unavailable', 'away')
    await expect(driver.get()).rejects.toMatchObject({ code: 'Unavailable' })
    fail = new UnmoorError('NotFound', 'none')
    expect(await driver.get()).toBeNull()
    fail = undefined
    expect(await driver.get()).toBe('value 4')
  })

  it.each([-1, NaN, Infinity])('refuses %d seconds', (ttl) => {
    expect(() => cachedSecret(async () => '', ttl, { binding: 'token', now: Date.now })).toThrow(
      expect.objectContaining({ code: 'InvalidArgument' }),
    )
  })
})

const hasMoto = spawnSync('moto_server', ['--help']).status === 0
if (!hasMoto) console.warn("skipped: secrets on moto. It is not installed: pip install 'moto[server]'")
describe.runIf(hasMoto)('on moto', () => {
  let server: Server
  beforeAll(async () => {
    server = await startMoto()
    await call('secretsmanager.CreateSecret', 'secretsmanager', {
      Name: 'links/adminToken',
      SecretString: '{"a":"one","n":1}',
    })
    await call('secretsmanager.CreateSecret', 'secretsmanager', { Name: 'plain', SecretString: 'pä\nss' })
    await call('AmazonSSM.PutParameter', 'ssm', {
      Name: '/links/adminToken',
      Value: 'from ssm',
      Type: 'SecureString',
    })
  })
  afterAll(() => server.stop())

  async function call(target: string, service: string, body: object): Promise<void> {
    const authorization = `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`
    const answer = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target, authorization },
      body: JSON.stringify(body),
    })
    expect([answer.status, await answer.text()]).toEqual([200, expect.any(String)])
  }

  const context = {
    binding: 'adminToken',
    app: 'links',
    declaration: secret(),
    now: Date.now,
    variable: (name: string) =>
      ({
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_ENDPOINT_URL: server.url,
      })[name],
  }

  it('reads a secret, whole or by field', async () => {
    expect(await (await secretsManager({}, context)).get()).toBe('{"a":"one","n":1}')
    expect(await (await secretsManager({ key: 'a' }, context)).get()).toBe('one')
    expect(await (await secretsManager({ id: 'plain' }, context)).get()).toBe('pä\nss')
  })

  it('gives null for what is not there', async () => {
    expect(await (await secretsManager({ id: 'none' }, context)).get()).toBeNull()
    expect(await (await ssm({ name: '/none' }, context)).get()).toBeNull()
  })

  it('names a field that is not there, and never the value', async () => {
    for (const options of [{ key: 'n' }, { key: 'toString' }, { id: 'plain', key: 'a' }]) {
      const error: unknown = await Promise.resolve((await secretsManager(options, context)).get()).catch(
        (thrown: unknown) => thrown,
      )
      expect(error).toMatchObject({ code: 'InvalidArgument', message: expect.stringContaining(options.key) })
      expect(String(error)).not.toMatch(/one|pä/)
    }
  })

  it('reads a parameter, decrypted', async () => {
    expect(await (await ssm({}, context)).get()).toBe('from ssm')
  })
})
