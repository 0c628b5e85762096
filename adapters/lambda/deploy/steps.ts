import type { DeployContext, DeployStep } from '../../../core/deploy.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { ALIAS } from '../build/template/cloudformation.ts'
import { type Aws, awsFailure } from './aws-calls.ts'
import { changesText, unplanned } from './changes.ts'
import { type Change, createChangeSet, deleteChangeSet, executeChangeSet } from './stack.ts'
import { type ParameterValue, readFunction } from './stack.ts'
import { type Alias, moveAlias, publishVersion, readAlias, smokeVersion, waitForVersion } from './versions.ts'

/** What a running deploy has learned. */
export interface Progress {
  /** Image with its digest. */
  image: string
  /** Name of the function. */
  name: string | undefined
  /** Version that was published. */
  version: string | undefined
  /** Origin at which the app is reached. */
  url: string | undefined
  /** Version that served before, and those before it; undefined if nothing did. */
  before: Pick<Alias, 'version' | 'before'> | undefined
}

/** The stack of a deploy. */
export interface StackTarget {
  readonly aws: Aws
  readonly stackName: string
  readonly template: string
  readonly values: Readonly<Record<string, ParameterValue>>
  /** Name of the function; undefined if the stack is new. */
  readonly name: string | undefined
  readonly alias: Alias | undefined
}

/** What {@link stackSteps} needs in addition. */
interface StackStepsInput {
  readonly progress: Progress
  /** Changes of the plan, to which those of the run are compared. */
  readonly changes: readonly Change[]
  readonly tag: string
  /** Origin that the config names. */
  readonly url: string | undefined
}

/** Returns the steps that bring the code to the function, where nothing invokes it, and publish a version. */
export function stackSteps(target: StackTarget, input: StackStepsInput): DeployStep[] {
  const { aws, stackName, name, alias } = target
  const { progress, changes, tag } = input
  const isNew = name === undefined
  const keep: DeployStep = {
    phase: 'upload',
    title: 'Publish the code that serves now as a version',
    command: `aws lambda publish-version --function-name ${name}`,
    changes: 'a version, which serves once the stack has its alias',
    undo: 'the version stays',
    run: async () => {
      const version = await publishVersion(aws, name ?? '', 'before the first unmoor deploy')
      progress.before = { version, before: [] }
      return `version ${version}`
    },
  }
  return [
    ...(!isNew && alias === undefined ? [keep] : []),
    {
      phase: 'upload',
      title: `${isNew ? 'Create' : 'Update'} the stack ${stackName}`,
      command:
        `aws cloudformation deploy --stack-name ${stackName} --template-file cloudformation.yaml ` +
        `--capabilities CAPABILITY_IAM --parameter-overrides ${overrides(target)}`,
      changes: isNew
        ? `the stack, whose URL, APIs and event sources serve at once`
        : `the stack (${changesText(changes)}); the alias "${ALIAS}" stays where it is`,
      undo: isNew
        ? `aws cloudformation delete-stack --stack-name ${stackName}`
        : 'CloudFormation turns an update back that fails; else it stays, without traffic for its code',
      run: () => changeStack(target, input),
      ...(isNew ? { oneWay: true } : {}),
    },
    {
      phase: 'upload',
      title: 'Publish a version',
      command: `aws lambda publish-version --function-name ${name ?? 'FUNCTION'}`,
      changes: 'a version that has no traffic',
      undo: 'the version stays without traffic',
      run: async () => {
        const own = progress.name ?? ''
        progress.version = await publishVersion(aws, own, `unmoor deploy ${tag}`)
        const { imageUri } = await waitForVersion(aws, own, progress.version)
        if (imageUri !== progress.image)
          throw new UnmoorError(
            'Conflict',
            `Version ${progress.version} has the image ${imageUri}, not the one of this deploy: another ` +
              `one ` +
              'changes the function.',
            { operation: 'deploy' },
          )
        return `version ${progress.version}`
      },
    },
  ]
}

function overrides({ values, name, alias }: StackTarget): string {
  const set = Object.entries(values).flatMap(([name, value]) =>
    value === 'previous'
      ? []
      : [`${name}=${/^[\w.:/@-]+$/.test(value.value) ? value.value : `'${value.value}'`}`],
  )
  return [
    'ImageUri=IMAGE@DIGEST',
    ...(alias === undefined ? [`AliasVersion=${name === undefined ? "'$LATEST'" : 'VERSION'}`] : []),
    ...set,
  ].join(' ')
}

async function changeStack(
  { aws, stackName, template, values, name, alias }: StackTarget,
  { progress, changes, tag, url }: StackStepsInput,
): Promise<string | undefined> {
  const set = await createChangeSet(aws, {
    stack: stackName,
    isNew: name === undefined,
    template,
    parameters: {
      ...values,
      ImageUri: { value: progress.image },
      ReleaseMark: { value: `unmoor ${tag}` },
      // The alias must stay what CloudFormation believes it to be, or a rollback of the stack would move it.
      AliasVersion: alias === undefined ? { value: progress.before?.version ?? '$LATEST' } : 'previous',
    },
  })
  const more = name === undefined ? [] : unplanned(changes, set.changes)
  if (more.length > 0) {
    await deleteChangeSet(aws, set, stackName)
    throw new UnmoorError(
      'Conflict',
      `The stack has changed since the plan was made, and its update would do more: ${more.join(' ')}`,
      { operation: 'deploy' },
    )
  }
  const stack = await executeChangeSet(aws, set, stackName)
  progress.name = name ?? (await readFunction(aws, stackName))
  progress.url = url ?? stack.url
  return stack.status
}

/** Returns the step that tries a version without traffic, by invoking it. */
export function smokeSteps(context: DeployContext, aws: Aws, progress: Progress): DeployStep[] {
  return [
    {
      phase: 'smoke',
      title: `Try ${progress.version === undefined ? 'the new version' : `version ${progress.version}`}`,
      command:
        `aws lambda invoke --function-name ${progress.name ?? 'FUNCTION'} --qualifier ` +
        `${progress.version ?? 'VERSION'} --payload ...: ${context.smokeText}`,
      changes: 'nothing, except for what the app does with these requests',
      undo: 'nothing to undo',
      run: async () => {
        const { name = '', version = '' } = progress
        await smokeVersion(context, aws, { name, version, host: hostOf(progress.url, aws.region) })
        return undefined
      },
    },
  ]
}

/** A Function URL's own host would have the function answer in a stream. */
function hostOf(url: string | undefined, region: string): string {
  const host = url === undefined || !URL.canParse(url) ? '' : new URL(url).host
  return host === '' || host.includes('.lambda-url.')
    ? `unmoor-deploy.execute-api.${region}.amazonaws.com`
    : host
}

/**
 * Returns the step that moves the alias. `older` has the versions that served before the one that the alias
 * moves to, the latest first. Default: the version that serves now, and those before it.
 */
export function switchStep(
  aws: Aws,
  alias: Alias | undefined,
  progress: Progress,
  older?: readonly string[],
): DeployStep {
  const text = (version: string): string =>
    `aws lambda update-alias --function-name ${progress.name ?? 'FUNCTION'} --name ${ALIAS} ` +
    `--function-version ${version}`
  const isFirst = progress.name === undefined
  let isMovedByOthers = false
  return {
    phase: 'switch',
    title:
      `Move the alias ${ALIAS} to ` + (progress.version === undefined ? 'it' : `version ${progress.version}`),
    command: text(progress.version ?? 'VERSION'),
    changes: 'the code that serves; data, migrations and secrets stay',
    undo: isFirst ? 'the stack served from its creation' : text(alias?.version ?? 'the version of before'),
    run: async () => {
      const { name = '', version = '', before } = progress
      const noted = older ?? (before === undefined ? [] : [before.version, ...before.before])
      await moveAlias(aws, name, { version, before: noted, revision: alias?.revision }).catch(
        (error: unknown) => {
          isMovedByOthers = awsFailure(error)?.code === 'PreconditionFailedException'
          throw error
        },
      )
      return undefined
    },
    ...(isFirst
      ? {}
      : {
          revert: async () => {
            const { name = '', before } = progress
            if (before === undefined || isMovedByOthers) return
            // A move that was refused has changed nothing, and would be refused again.
            if ((await readAlias(aws, name))?.version === before.version) return
            await moveAlias(aws, name, before)
          },
        }),
  }
}

/** Returns the step that repeats the smoke requests on what serves. */
export function watchSteps(context: DeployContext, progress: Progress, hasUrl: boolean): DeployStep[] {
  if (context.watchSeconds === 0 || !hasUrl) return []
  const at = progress.url ?? "the stack's URL"
  return [
    {
      phase: 'watch',
      title: `Watch ${at} for ${context.watchSeconds} s`,
      command: `${context.smokeText} of ${at}, once a second`,
      changes: 'nothing',
      undo: 'nothing to undo',
      run: async () => {
        if (progress.url === undefined)
          throw new UnmoorError(
            'NotFound',
            'The stack has no output Url. Set targets.lambda.deploy.url, or watch: 0.',
            { operation: 'deploy' },
          )
        await context.watch(progress.url)
        return undefined
      },
    },
  ]
}
