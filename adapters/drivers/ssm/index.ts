/** Secrets from parameters of AWS Systems Manager. */
import type { DriverFactory } from '../../../core/bindings/drivers.ts'
import { cachedSecret } from '../aws/cached-secret.ts'
import { AwsClient } from '../aws/client.ts'
import { callJson } from '../aws/json.ts'
import { resolveAws } from '../aws/settings.ts'
import type { SsmOptions } from './options.ts'

export type { AwsOptions } from '../aws/options.ts'
export type { SsmOptions } from './options.ts'

/**
 * Secret driver on a parameter (SecureString or String) of Systems Manager, read and decrypted at the first
 * `get()`.
 */
export const secret: DriverFactory<'secret', SsmOptions> = (options, context) => {
  const name = options.name ?? `/${context.app}/${context.binding}`
  const client = new AwsClient(resolveAws('ssm', options, context))
  const { endpoint, region } = client.settings
  const read = async (): Promise<string> => {
    const { Parameter: parameter } = await callJson<{ Parameter: { Value: string } }>(client, {
      service: 'ssm',
      target: 'AmazonSSM.GetParameter',
      url: `${endpoint ?? `https://ssm.${region}.amazonaws.com`}/`,
      version: '1.1',
      on: `parameter "${name}"`,
      body: { Name: name, WithDecryption: true },
      write: false,
      repeatable: true,
    })
    return parameter.Value
  }
  return cachedSecret(read, options.ttl, context)
}
