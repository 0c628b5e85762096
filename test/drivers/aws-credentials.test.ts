/** Credentials of the AWS drivers: the variables, else AWS's own provider chain. */
import { spawnSync } from 'node:child_process'
import { createServer, type IncomingMessage } from 'node:http'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { AwsClient } from '../../adapters/drivers/aws/client.ts'
import { resolveAws } from '../../adapters/drivers/aws/settings.ts'

const ends: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

/** Sets variables of this process, which the chain reads, up to the test's end. */
function environment(variables: Record<string, string | undefined>): void {
  const names = [
    ...Object.keys(variables),
    ...Object.keys(process.env).filter((name) => name.startsWith('AWS_')),
  ]
  const before = names.map((name) => [name, process.env[name]] as const)
  ends.push(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  })
  for (const name of names) delete process.env[name]
  for (const [name, value] of Object.entries({
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_REGION: 'eu-west-1',
    ...variables,
  }))
    if (value !== undefined) process.env[name] = value
}

async function serve(answer: (request: IncomingMessage) => object): Promise<string> {
  const server = createServer((request, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer(request))),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ends.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Key and token that a request was signed with. */
async function signedWith(count = 1): Promise<{ key: string | undefined; token: string | undefined }[]> {
  const seen: { key: string | undefined; token: string | undefined }[] = []
  const url = await serve(({ headers }) => {
    seen.push({
      key: /Credential=([^/]+)/.exec(headers.authorization ?? '')?.[1],
      token: headers['x-amz-security-token'] as string | undefined,
    })
    return {}
  })
  const client = new AwsClient(
    resolveAws('dynamodb', { endpoint: url }, { binding: 'links', variable: (name) => process.env[name] }),
  )
  for (let index = 0; index < count; index++)
    await client.text({
      service: 'dynamodb',
      operation: 'GetItem',
      target: 'table "t"',
      url: `${url}/`,
      body: '{}',
      write: false,
      repeatable: true,
    })
  return seen
}

describe('the provider chain', () => {
  it('reads a profile', async () => {
    const home = await mkdtemp(join(tmpdir(), 'unmoor-aws-'))
    ends.push(() => rm(home, { recursive: true }))
    await writeFile(
      join(home, 'credentials'),
      '[work]\naws_access_key_id = FROMPROFILE\naws_secret_access_key = s\n',
    )
    environment({
      AWS_PROFILE: 'work',
      AWS_SHARED_CREDENTIALS_FILE: join(home, 'credentials'),
      AWS_CONFIG_FILE: join(home, 'config'),
    })
    expect(await signedWith()).toEqual([{ key: 'FROMPROFILE', token: undefined }])
  })

  it('asks for a container role, and again when it expires', async () => {
    let asked = 0
    const url = await serve(() => ({
      AccessKeyId: `ROLE${++asked}`,
      SecretAccessKey: 's',
      Token: `token${asked}`,
      Expiration: new Date(Date.now() + 60_000).toISOString(),
    }))
    environment({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/role`,
      AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
      AWS_CONFIG_FILE: '/nowhere',
    })
    // The chain renews beside a request that still has the old ones.
    const seen = await signedWith(4)
    expect(seen[0]).toEqual({ key: 'ROLE1', token: 'token1' })
    expect(seen.at(-1)?.key).not.toBe('ROLE1')
  })

  it('is not asked where the variables are set, which may change', async () => {
    environment({
      AWS_ACCESS_KEY_ID: 'VARIABLE',
      AWS_SECRET_ACCESS_KEY: 's',
      AWS_SESSION_TOKEN: 't',
      AWS_PROFILE: 'nope',
    })
    expect(await signedWith()).toEqual([{ key: 'VARIABLE', token: 't' }])
  })

  it('says so where it finds nothing', async () => {
    environment({ AWS_SHARED_CREDENTIALS_FILE: '/nowhere', AWS_CONFIG_FILE: '/nowhere' })
    await expect(signedWith()).rejects.toMatchObject({
      code: 'PermissionDenied',
      message: expect.stringMatching(/Binding "links".*gives no credentials/),
    })
  })
})

it('half of the variables, none on Lambda: named at start', () => {
  const start = (variables: Record<string, string>): unknown =>
    resolveAws(
      's3',
      {},
      { binding: 'icons', variable: (name) => ({ AWS_REGION: 'eu-west-1', ...variables })[name] },
    )
  expect(() => start({ AWS_ACCESS_KEY_ID: 'a' })).toThrow(/"icons" needs the variable AWS_SECRET_ACCESS_KEY/)
  expect(() => start({ AWS_SECRET_ACCESS_KEY: 'a' })).toThrow(/"icons" needs the variable AWS_ACCESS_KEY_ID/)
  expect(() => start({ AWS_LAMBDA_FUNCTION_NAME: 'f' })).toThrow(
    /"icons" needs the variable AWS_ACCESS_KEY_ID/,
  )
})

it('names the package that is not installed, at start', () => {
  // Where nothing above it has a node_modules.
  const script = `
    const { registerHooks } = await import('node:module')
    registerHooks({ resolve(specifier, context, next) { if (specifier.includes('credential-provider-node')) throw Object.assign(new Error('Cannot find it'), { code: 'MODULE_NOT_FOUND' }); return next(specifier, context) } })
    const { resolveAws } = await import(${JSON.stringify(new URL('../../adapters/drivers/aws/settings.ts', import.meta.url).href)})
    try { resolveAws('s3', {}, { binding: 'icons', variable: (name) => ({ AWS_REGION: 'eu-west-1' })[name] }) } catch (error) { console.log(error.code, error.message) }`
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--no-warnings', '--input-type=module', '-e', script],
    { encoding: 'utf8' },
  )
  expect(`${stdout}${stderr}`).toMatch(/^NotFound .*install @aws-sdk\/credential-provider-node/)
})
