/** Secrets from AWS Secrets Manager. */
import type { DriverFactory } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { cachedSecret } from '../aws/cached-secret.ts'
import { AwsClient } from '../aws/client.ts'
import { callJson } from '../aws/json.ts'
import { resolveAws } from '../aws/settings.ts'
import type { SecretsManagerOptions } from './options.ts'

export type { AwsOptions } from '../aws/options.ts'
export type { SecretsManagerOptions } from './options.ts'

/** Secret driver on AWS Secrets Manager; the secret is read at the first `get()`. */
export const secret: DriverFactory<'secret', SecretsManagerOptions> = (options, context) => {
  const { binding } = context
  const id = options.id ?? `${context.app}/${binding}`
  const client = new AwsClient(resolveAws('secretsmanager', options, context))
  const { endpoint, region } = client.settings
  const read = async (): Promise<string> => {
    const { SecretString: text } = await callJson<{ SecretString?: string }>(client, {
      service: 'secretsmanager',
      target: 'secretsmanager.GetSecretValue',
      url: `${endpoint ?? `https://secretsmanager.${region}.amazonaws.com`}/`,
      version: '1.1',
      on: `secret "${id}"`,
      body: { SecretId: id },
      write: false,
      repeatable: true,
    })
    if (text === undefined) throw invalid(binding, `the secret "${id}" is binary; secrets are text.`)
    return options.key === undefined ? text : field(text, options.key, id, binding)
  }
  return cachedSecret(read, options.ttl, context)
}

function field(text: string, key: string, id: string, binding: string): string {
  let value: unknown
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null && Object.hasOwn(parsed, key))
      value = (parsed as Record<string, unknown>)[key]
  } catch {
    // The error of JSON.parse is dropped, because its message would contain the secret.
    throw invalid(
      binding,
      `the secret "${id}" is not JSON, and the driver's option "key" asks for its field "${key}".`,
    )
  }
  if (typeof value !== 'string')
    throw invalid(binding, `the secret "${id}" has no text in its field "${key}".`)
  return value
}

function invalid(binding: string, what: string): UnmoorError {
  return new UnmoorError('InvalidArgument', `Secret "${binding}": ${what}`, { binding })
}
