import type { BuildContext } from '../../../../core/adapter.ts'
import { constantCase } from '../../../../core/bindings/declarations.ts'
import type { LambdaOptions } from '../../options.ts'
import { describeFunction, socketBindings, socketsVariable } from '../function-settings.ts'
import { type Part, ref } from './part.ts'
import { queueId } from './permissions.ts'
import { socketApiUrl } from './web-socket-apis.ts'

/** What a parameter of the template is for, as `lambda.json` tells it to deploys. */
export interface TemplateInput {
  /**
   * `secret` is the name or ARN of a secret in Secrets Manager, `variable` a variable of the app, `service`
   * the URL of another app, and `stack` any other setting of the stack.
   */
  readonly kind: 'secret' | 'variable' | 'service' | 'stack'
  /** Binding that the value belongs to. Default: none, such as for `DATABASE_URL`. */
  readonly binding?: string
  /** Variable of the function that gets the value. Default: none. */
  readonly variable?: string
  /** Value that the template itself has. Default: none, so that a deploy must give one. */
  readonly default?: string
}

/** Folder at which Lambda mounts the file system of SQLite databases. */
export const MOUNT = '/mnt/data'

/**
 * Returns the Lambda function's variables and the template parameters that they come from. CloudFormation
 * looks up secrets, which never appear in the template.
 */
export function settings(
  { manifest, drivers }: Pick<BuildContext, 'manifest' | 'drivers'>,
  options: Required<LambdaOptions>,
): { parameters: Part; conditions: Part; environment: Part; inputs: Record<string, TemplateInput> } {
  const parameters: Part = {}
  const inputs: Record<string, TemplateInput> = {}
  const conditions: Part = {}
  const environment: Part = {}
  const uses = (driver: string): boolean => Object.values(drivers).some((spec) => spec.driver === driver)
  for (const binding of socketBindings(manifest))
    environment[socketsVariable(binding)] = socketApiUrl(binding)
  if (uses('dynamodb') || uses('api-gateway')) environment['UNMOOR_TABLE'] = ref('Table')
  if (uses('dynamodb') || uses('s3')) environment['UNMOOR_BUCKET'] = ref('Bucket')
  const secret = (variable: string, optional: boolean, what: string, binding?: string): void => {
    const name = parameterName(variable, 'Secret', parameters)
    inputs[name] = { kind: 'secret', variable, ...(binding === undefined ? {} : { binding }) }
    parameters[name] = {
      Type: 'String',
      ...(optional ? { Default: '' } : {}),
      Description: `Name or ARN of the Secrets Manager secret with ${what}.`,
    }
    const value = { 'Fn::Sub': `{{resolve:secretsmanager:\${${name}}:SecretString}}` }
    if (optional) conditions[`Has${name}`] = { 'Fn::Not': [{ 'Fn::Equals': [ref(name), ''] }] }
    environment[variable] = optional ? { 'Fn::If': [`Has${name}`, value, ref('AWS::NoValue')] } : value
  }
  for (const [binding, declaration] of Object.entries(manifest.bindings)) {
    const spec = drivers[binding]
    const variable = constantCase(binding)
    if (declaration.kind === 'queue' && spec?.driver === 'sqs')
      environment[`${variable}_QUEUE_URL`] = ref(queueId(binding))
    if (declaration.kind === 'secret' && spec?.driver === 'env')
      secret(variable, declaration.optional, `the secret "${binding}"`, binding)
    const path = (spec?.['path'] as { env?: unknown } | undefined)?.env
    if (spec?.driver === 'sqlite' && typeof path === 'string')
      environment[path] = `${MOUNT}/${binding}.sqlite`
    if (declaration.kind === 'service') {
      const name = parameterName(variable, 'Url', parameters)
      inputs[name] = { kind: 'service', binding, variable: `${variable}_URL` }
      parameters[name] = {
        Type: 'String',
        Description: `URL of the app "${declaration.app ?? binding}".`,
      }
      environment[`${variable}_URL`] = ref(name)
    }
    if (declaration.kind === 'variable') {
      const name = parameterName(variable, '', parameters)
      inputs[name] = { kind: 'variable', binding, variable }
      parameters[name] = {
        Type: 'String',
        ...(declaration.default === undefined ? {} : { Default: declaration.default }),
      }
      environment[variable] = ref(name)
    }
  }
  // Variables of drivers that have no value so far, such as a database's URL, may contain a password, so the
  // template treats them as secrets.
  for (const [variable, what] of Object.entries(describeFunction({ manifest, drivers }, options).environment))
    if (!(variable in environment) && !/^(a secret|a variable)/.test(what)) secret(variable, false, what)
  return { parameters, conditions, environment, inputs }
}

/**
 * Logical ids of the template's own parameters and resources, which a parameter of the app must not replace.
 */
const OWN_IDS: ReadonlySet<string> = new Set(
  (
    'ImageUri MemorySize Architecture LogRetentionDays FileSystemArn SubnetIds SecurityGroupIds ' +
    'AlarmTopicArn QueueAgeSeconds Function FunctionUrl Role LogGroup Table Bucket ScheduleRole ' +
    'AliasVersion ReleaseMark FunctionAliaslive ' +
    'ServerlessHttpApi ServerlessRestApi HttpIntegration HttpRoute HttpStage RestResource RestRoot RestAll ' +
    'RestDeployment RestStage'
  ).split(' '),
)

/** Returns the logical id of an app's parameter; one that is taken gets the end `Value`. */
function parameterName(variable: string, end: string, taken: Part): string {
  let name = `${pascal(variable)}${end}`
  while (OWN_IDS.has(name) || name in taken) name += 'Value'
  return name
}

/**
 * Converts a variable's name `ADMIN_TOKEN` to `AdminToken`, because CloudFormation's logical names consist of
 * letters and digits.
 */
function pascal(variable: string): string {
  return variable
    .toLowerCase()
    .split('_')
    .map((word) => `${word[0]?.toUpperCase() ?? ''}${word.slice(1)}`)
    .join('')
}
