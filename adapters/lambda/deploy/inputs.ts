/** Values of the template's parameters, and the secrets that they name. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DeployContext, DeployStep } from '../../../core/deploy.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { TemplateInput } from '../build/template/parameters.ts'
import { type Aws, awsFailure } from './aws-calls.ts'
import type { ParameterValue, Stack } from './stack.ts'

/** Parameters that a deploy sets itself, so that a config may not. */
const OWN = new Set(['ImageUri', 'AliasVersion', 'ReleaseMark'])

/** A secret in Secrets Manager that the function gets as a variable. */
export interface NeededSecret {
  readonly variable: string
  /** Name or ARN. */
  readonly id: string
  readonly exists: boolean
}

/** What a deploy gives to the template. */
export interface Inputs {
  readonly values: Readonly<Record<string, ParameterValue>>
  readonly secrets: readonly NeededSecret[]
  readonly checked: readonly string[]
}

/** Argument of {@link readInputs}. */
export interface InputsQuestion {
  readonly context: DeployContext
  readonly aws: Aws
  readonly given: Readonly<Record<string, string | number>>
  readonly stack: Stack | undefined
  /** Architecture of the images that this machine builds. */
  readonly architecture: string
}

/**
 * Returns the values of the template's parameters, except for those that a deploy sets itself.
 *
 * @throws `NotFound` naming each secret and variable that is missing, `InvalidArgument` for a value that the
 * template does not take.
 */
export async function readInputs(question: InputsQuestion): Promise<Inputs> {
  const { context, aws, given, stack, architecture } = question
  const { info, secrets: newSecrets } = context
  const inputs = await readTemplateInputs(context)
  checkGiven(given, inputs, architecture)
  const entries = Object.entries(inputs).filter(([name]) => !OWN.has(name))
  const secretEntries = entries.filter(([, { kind }]) => kind === 'secret')
  checkNewSecrets(newSecrets, secretEntries)
  const secrets = await Promise.all(
    secretEntries.map(async ([name, input]): Promise<NeededSecret & { name: string }> => {
      const { binding, variable = '' } = input
      const id = String(given[name] ?? `${info.manifest.name}/${binding ?? variable}`)
      return { name, variable, id, exists: await secretExists(aws, id) }
    }),
  )
  const isThere = ({ exists, variable }: NeededSecret): boolean =>
    exists || newSecrets[variable] !== undefined
  const lacking = secrets.filter(
    (secret) =>
      !isThere(secret) && (inputs[secret.name]?.default === undefined || given[secret.name] !== undefined),
  )
  if (lacking.length > 0) throw lackingSecrets(context, lacking)
  await checkDriverSecrets(context, aws)
  const values: Record<string, ParameterValue> = {}
  const missing: string[] = []
  for (const [name, input] of entries) {
    const secret = secrets.find((one) => one.name === name)
    const value = given[name]
    if (secret !== undefined) values[name] = { value: isThere(secret) ? secret.id : '' }
    else if (name === 'Architecture') values[name] = { value: architecture }
    else if (value !== undefined) values[name] = { value: String(value) }
    // What the config says of a variable is in the template, and may have changed.
    else if (input.kind === 'variable' && input.default !== undefined) continue
    else if (stack?.parameters.has(name) === true) values[name] = 'previous'
    else if (input.default === undefined)
      missing.push(input.binding === undefined ? name : `${name} (${input.kind} "${input.binding}")`)
  }
  if (missing.length > 0)
    throw refuse(
      'NotFound',
      `${place(context)} has no value for ${missing.join(', ')}. Nothing was changed. Set ` +
        `targets.lambda.deploy.parameters: { ${missing[0]?.split(' ')[0]}: ... }` +
        (missing.some((one) => one.includes('(variable')) ? ', or "variables" of the config.' : '.'),
    )
  const known = secrets.filter((secret) => isThere(secret)).map(({ id }) => id)
  return {
    values,
    secrets,
    checked: known.length === 0 ? [] : [`secrets exist or are set by this deploy: ${known.join(', ')}`],
  }
}

async function readTemplateInputs({ dir }: DeployContext): Promise<Readonly<Record<string, TemplateInput>>> {
  const text = await readFile(join(dir, 'lambda.json'), 'utf8')
  const { parameters } = JSON.parse(text) as { parameters?: Readonly<Record<string, TemplateInput>> }
  if (parameters === undefined)
    throw refuse(
      'InvalidArgument',
      `${dir} was built by an older unmoor, whose templates have no alias. Build it again: unmoor build ` +
        '--target lambda',
    )
  return parameters
}

function checkGiven(
  given: Readonly<Record<string, string | number>>,
  inputs: Readonly<Record<string, TemplateInput>>,
  architecture: string,
): void {
  const option = 'targets.lambda.deploy.parameters'
  for (const [name, value] of Object.entries(given)) {
    if (OWN.has(name)) throw refuse('InvalidArgument', `${option}.${name}: a deploy sets it itself.`)
    if (inputs[name] === undefined)
      throw refuse(
        'InvalidArgument',
        `${option}.${name}: the template has no such parameter. It has: ` +
          `${Object.keys(inputs)
            .filter((one) => !OWN.has(one))
            .join(', ')}.`,
      )
    if (typeof value !== 'string' && typeof value !== 'number')
      throw refuse('InvalidArgument', `${option}.${name} is ${JSON.stringify(value)}; it takes a text.`)
  }
  const wanted = given['Architecture']
  if (wanted !== undefined && wanted !== architecture)
    throw refuse(
      'InvalidArgument',
      `${option}.Architecture is "${wanted}", and docker builds for ${architecture} here. Nothing was ` +
        'changed. Leave the option out, or name an engine of that architecture in DOCKER_HOST.',
    )
}

function checkNewSecrets(
  secrets: Readonly<Record<string, string>>,
  entries: readonly (readonly [string, TemplateInput])[],
): void {
  const known = entries.map(([, { variable }]) => variable)
  const other = Object.keys(secrets).find((variable) => !known.includes(variable))
  if (other !== undefined)
    throw refuse(
      'InvalidArgument',
      `--secrets has ${other}, which the function does not take. It takes: ${known.join(', ') || 'none'}. ` +
        'Nothing was changed.',
    )
}

function lackingSecrets(context: DeployContext, lacking: readonly NeededSecret[]): UnmoorError {
  const [first] = lacking
  return refuse(
    'NotFound',
    `${place(context)} lacks ${lacking.length === 1 ? 'the secret' : 'the secrets'} ` +
      `${lacking.map(({ id, variable }) => `${id} (${variable})`).join(', ')} in Secrets Manager. Nothing ` +
      'was changed. Write NAME=value lines to a file and add --secrets FILE, or: aws secretsmanager ' +
      `create-secret --name ${first?.id} --secret-string ...`,
  )
}

/** @throws `NotFound` naming a secret that a driver reads at run time and that is not there. */
async function checkDriverSecrets(context: DeployContext, aws: Aws): Promise<void> {
  const { manifest, drivers } = context.info
  for (const [binding, declaration] of Object.entries(manifest.bindings)) {
    const spec = drivers[binding]
    if (declaration.kind !== 'secret' || declaration.optional || spec === undefined) continue
    const text = (value: unknown, otherwise: string): string =>
      typeof value === 'string' ? value : otherwise
    const exists =
      spec.driver === 'secretsmanager'
        ? await secretExists(aws, text(spec['id'], `${manifest.name}/${binding}`))
        : spec.driver === 'ssm'
          ? await parameterExists(aws, text(spec['name'], `/${manifest.name}/${binding}`))
          : true
    if (!exists)
      throw refuse(
        'NotFound',
        `${place(context)} lacks the secret of "${binding}", which the driver "${spec.driver}" reads. ` +
          `Nothing ` +
          'was changed. Create it in AWS.',
      )
  }
}

async function secretExists(aws: Aws, id: string): Promise<boolean> {
  const call = { on: `secret "${id}"`, write: false }
  return aws.json<{ DeletedDate?: unknown }>('secretsmanager', 'DescribeSecret', { SecretId: id }, call).then(
    ({ DeletedDate: deleted }) => deleted === undefined || deleted === null,
    (error: unknown) => {
      if (awsFailure(error)?.code === 'ResourceNotFoundException') return false
      throw error
    },
  )
}

async function parameterExists(aws: Aws, name: string): Promise<boolean> {
  const call = { on: `parameter "${name}"`, write: false }
  return aws.json('ssm', 'GetParameter', { Name: name }, call).then(
    () => true,
    (error: unknown) => {
      if (awsFailure(error)?.code === 'ParameterNotFound') return false
      throw error
    },
  )
}

/** Returns the step that writes the secrets of `--secrets`, if there are any. */
export function secretSteps(
  context: DeployContext,
  aws: Aws,
  secrets: readonly NeededSecret[],
): DeployStep[] {
  const set = secrets.filter(({ variable }) => context.secrets[variable] !== undefined)
  return set.map(({ id, variable, exists }) => ({
    phase: 'resources',
    title: `${exists ? 'Set' : 'Create'} the secret ${id}`,
    command: exists
      ? `aws secretsmanager put-secret-value --secret-id ${id} --secret-string ...`
      : `aws secretsmanager create-secret --name ${id} --secret-string ...`,
    changes: `the secret, which only versions from now on get as ${variable}`,
    undo: 'never: it stays',
    run: async () => {
      const value = { SecretString: context.secrets[variable] }
      const call = { on: `secret "${id}"`, write: true }
      await (exists
        ? aws.json('secretsmanager', 'PutSecretValue', { SecretId: id, ...value }, call)
        : aws.json('secretsmanager', 'CreateSecret', { Name: id, ...value }, call))
      return undefined
    },
  }))
}

/** Returns the value of a secret that exists. */
export async function readSecret(aws: Aws, id: string): Promise<string> {
  const { SecretString: text } = await aws.json<{ SecretString?: string }>(
    'secretsmanager',
    'GetSecretValue',
    { SecretId: id },
    { on: `secret "${id}"`, write: false },
  )
  return text ?? ''
}

/** Returns the subject of a message: the app, or its environment. */
export function place({ info: { environment } }: DeployContext): string {
  return environment === undefined ? 'The app' : `The environment "${environment}"`
}

function refuse(code: 'InvalidArgument' | 'NotFound', message: string): UnmoorError {
  return new UnmoorError(code, message, { operation: 'deploy' })
}
