/** The plans of `unmoor deploy --target lambda`: an image in a registry, a change set, and an alias. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DeployContext, DeployPlan, DeployStep } from '../../../core/deploy.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { ALIAS } from '../build/template/cloudformation.ts'
import { type Aws, connect } from './aws-calls.ts'
import { reasonsOf } from './changes.ts'
import { imageSteps, readArchitecture, readRepository } from './image.ts'
import { readInputs, secretSteps } from './inputs.ts'
import { migrationSteps } from './migrations.ts'
import type { LambdaDeployOptions } from './options.ts'
import { type Change, checkStatus, createChangeSet, deleteChangeSet, type Stack } from './stack.ts'
import { readFunction, readStack } from './stack.ts'
import { type Progress, type StackTarget, smokeSteps, stackSteps, switchStep, watchSteps } from './steps.ts'
import { type Alias, listVersions, readAlias, readVersion } from './versions.ts'

/** Bytes of a template that CloudFormation takes in a call. */
const TEMPLATE_LIMIT = 51_200

/** What is deployed. */
interface Deployed {
  readonly stack: Stack | undefined
  /** Name of the stack's function. */
  readonly name: string | undefined
  readonly alias: Alias | undefined
}

/** Returns the plan that deploys the artifact. Only reads, but for a change set that is removed at once. */
export async function plan(context: DeployContext): Promise<DeployPlan> {
  const options = context.options as LambdaDeployOptions
  const { info } = context
  if (info.options['package'] === 'zip')
    throw refuse(
      'Unsupported',
      'A deploy to Lambda pushes an image, and this artifact is a zip. Nothing was changed. Build it ' +
        'without ' +
        '--package zip, or deploy the zip by the commands at the head of its cloudformation.yaml.',
    )
  const template = await readTemplate(context)
  const architecture = await readArchitecture(context)
  const aws = await connect(context, options.region)
  const stackName = options.stack ?? info.manifest.name
  const { stack, name, alias } = await readDeployed(aws, stackName)
  const repository = await readRepository(aws, options.repository, info.manifest.name)
  const given = options.parameters ?? {}
  const inputs = await readInputs({ context, aws, given, stack, architecture })
  const confirm: string[] = []
  const migrations =
    options.migrate === false ? [] : await migrationSteps(context, aws, inputs.secrets, confirm)
  const target: StackTarget = { aws, stackName, template, values: inputs.values, name, alias }
  const changes = name === undefined ? [] : await previewChanges(target, stack, repository.uri)
  confirm.unshift(...liveReasons(context, { stack, name, alias }, stackName, changes))
  const tag = `${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${randomBytes(2).toString('hex')}`
  const url = options.url ?? stack?.url
  const progress: Progress = { image: '', name, version: undefined, url, before: alias }
  const steps: DeployStep[] = [
    ...imageSteps({ context, aws, repository, tag }, (uri) => (progress.image = uri)),
    ...secretSteps(context, aws, inputs.secrets),
    ...migrations,
    ...stackSteps(target, { progress, changes, tag, url: options.url }),
    ...(info.manifest.fetch ? smokeSteps(context, aws, progress) : []),
    switchStep(aws, alias, progress),
    ...watchSteps(context, progress, hasUrl(context, options)),
  ]
  return {
    serving: servingText(alias, name, stackName),
    checked: [
      `account ${aws.account} in ${aws.region}`,
      ...inputs.checked,
      ...(options.migrate === false ? ['migrations are not applied by deploys (migrate: false)'] : []),
    ],
    steps,
    confirm,
    served: () => `version ${progress.version}`,
  }
}

/** Returns the plan that brings an earlier version's code back. Only reads. */
export async function rollback(context: DeployContext, given: string | undefined): Promise<DeployPlan> {
  const options = context.options as LambdaDeployOptions
  const aws = await connect(context, options.region)
  const stackName = options.stack ?? context.info.manifest.name
  const { stack, name, alias } = await readDeployed(aws, stackName)
  if (name === undefined || alias === undefined)
    throw refuse('NotFound', `The stack "${stackName}" has no alias "${ALIAS}" to move back.`)
  const versions = await listVersions(aws, name)
  const noted = alias.before.find((version) => versions.includes(version))
  const version = given ?? noted ?? versions.filter((one) => Number(one) < Number(alias.version)).at(-1)
  if (version === undefined)
    throw refuse('NotFound', `"${stackName}" has had one version only: there is none before it.`)
  if (!versions.includes(version) || (await readVersion(aws, name, version)) === undefined)
    throw refuse(
      'NotFound',
      `The function of "${stackName}" has no version ${version}. Versions: ${versions.join(', ')}.`,
    )
  const at = alias.before.indexOf(version)
  const url = options.url ?? stack?.url
  const progress: Progress = { image: '', name, version, url, before: alias }
  const confirm =
    given === undefined && noted === undefined
      ? [
          `No deploy of unmoor noted which version served before ${alias.version}: the plan takes the ` +
            `one with ` +
            'the next lower number, which may never have served.',
        ]
      : []
  return {
    serving: servingText(alias, name, stackName),
    checked: [`account ${aws.account} in ${aws.region}`],
    steps: [
      ...(context.info.manifest.fetch ? smokeSteps(context, aws, progress) : []),
      switchStep(aws, alias, progress, alias.before.slice(at + 1)),
      ...watchSteps(context, progress, hasUrl(context, options)),
    ],
    confirm,
    served: () => `version ${version}`,
  }
}

async function readTemplate({ dir }: DeployContext): Promise<string> {
  const template = await readFile(join(dir, 'cloudformation.yaml'), 'utf8')
  const bytes = Buffer.byteLength(template)
  if (bytes <= TEMPLATE_LIMIT) return template
  throw refuse(
    'Unsupported',
    `cloudformation.yaml has ${bytes} bytes, and CloudFormation takes ${TEMPLATE_LIMIT} in a call. ` +
      `Nothing was ` +
      'changed. Deploy it by way of S3: aws cloudformation deploy --s3-bucket BUCKET',
  )
}

/**
 * Reads the stack, its function and alias. @throws what {@link checkStatus} refuses, and stacks of
 * others.
 */
async function readDeployed(aws: Aws, stackName: string): Promise<Deployed> {
  const stack = await readStack(aws, stackName)
  checkStatus(stack, stackName)
  if (stack === undefined || stack.status === 'REVIEW_IN_PROGRESS')
    return { stack: undefined, name: undefined, alias: undefined }
  const name = await readFunction(aws, stackName)
  if (name === undefined)
    throw refuse(
      'InvalidArgument',
      `There is a stack "${stackName}" without a resource "Function", so it is not the app's. Nothing was ` +
        'changed. Name another stack as targets.lambda.deploy.stack.',
    )
  const alias = await readAlias(aws, name)
  if (alias === undefined && (stack.parameters.get('AliasVersion') ?? '') !== '')
    throw refuse(
      'NotFound',
      `The function "${name}" has lost its alias "${ALIAS}". Nothing was changed. Make it again: aws ` +
        `lambda ` +
        `create-alias --function-name ${name} --name ${ALIAS} --function-version VERSION`,
    )
  if (alias?.isSplit === true)
    throw refuse(
      'PreconditionFailed',
      `The alias "${ALIAS}" of "${name}" gives a share of the traffic to another version. Nothing was ` +
        `changed. ` +
        `End that first: aws lambda update-alias --function-name ${name} --name ${ALIAS} --routing-config {}`,
    )
  return { stack, name, alias }
}

/** Asks CloudFormation what the template would change, by a change set that is removed again. */
async function previewChanges(
  { aws, stackName, template, values, alias }: StackTarget,
  stack: Stack | undefined,
  repository: string,
): Promise<readonly Change[]> {
  const hasImage = stack?.parameters.has('ImageUri') === true
  const set = await createChangeSet(aws, {
    stack: stackName,
    isNew: false,
    template,
    parameters: {
      ...values,
      ImageUri: hasImage ? 'previous' : { value: `${repository}:next` },
      AliasVersion: alias === undefined ? { value: '$LATEST' } : 'previous',
    },
  })
  await deleteChangeSet(aws, set, stackName)
  return set.changes
}

/** Returns why a plan reaches live traffic untried, each as a full sentence. */
function liveReasons(
  { info }: DeployContext,
  { stack, name, alias }: Deployed,
  stackName: string,
  changes: readonly Change[],
): string[] {
  const reasons: string[] = []
  if (name === undefined)
    reasons.push(
      `There is no stack "${stackName}" yet: its first version serves as soon as the stack is created, and ` +
        'there is none to go back to.',
    )
  else if (alias === undefined) {
    if (info.options['event'] === 'v1')
      throw refuse(
        'Unsupported',
        `The stack "${stackName}" was deployed without the alias "${ALIAS}", and a REST API is not led ` +
          `to one ` +
          'later. Nothing was changed. Name a new stack as targets.lambda.deploy.stack, and remove this ' +
          'one ' +
          'afterwards.',
      )
    reasons.push(
      `The stack "${stackName}"${stack === undefined ? '' : ' was deployed by other means and'} has no ` +
        `alias ` +
        `"${ALIAS}" yet: its URL, APIs and event sources are led to one, and a Function URL gets another ` +
        'address.',
    )
  }
  if (!info.manifest.fetch)
    reasons.push('The app has no "fetch", so that no request tries the new version: it gets traffic untried.')
  return [...reasons, ...reasonsOf(changes)]
}

function servingText(alias: Alias | undefined, name: string | undefined, stack: string): string | undefined {
  if (name === undefined) return undefined
  return alias === undefined ? `the function of "${stack}", without versions` : `version ${alias.version}`
}

/** True if the app has an address that a deploy knows, or will know from the stack. */
function hasUrl({ info }: DeployContext, { url }: LambdaDeployOptions): boolean {
  return url !== undefined || (info.manifest.fetch && !/^(alb|lattice)/.test(String(info.options['event'])))
}

function refuse(
  code: 'InvalidArgument' | 'NotFound' | 'PreconditionFailed' | 'Unsupported',
  message: string,
): UnmoorError {
  return new UnmoorError(code, message, { operation: 'deploy' })
}
