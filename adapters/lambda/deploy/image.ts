/** The image of a deploy: where it is pushed to, and its digest. */
import type { DeployContext, DeployStep } from '../../../core/deploy.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { buildImage } from '../build/docker.ts'
import { type Aws, awsFailure } from './aws-calls.ts'

const ECR = /^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/(.+)$/

/** Architectures of Lambda, by Docker's names. */
const ARCHITECTURES: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'arm64' }

/** A repository that images are pushed to. */
export interface Repository {
  /** Host and path, such as `123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop`. */
  readonly uri: string
  readonly host: string
  /** Name of the repository in ECR; undefined for another registry. */
  readonly ecrName: string | undefined
  /** True if the deploy has to create it. */
  readonly isMissing: boolean
}

/**
 * Returns Lambda's name of the architecture that Docker builds for here.
 *
 * @throws `NotFound` if no Docker engine answers, `Unsupported` for an architecture that Lambda lacks.
 */
export async function readArchitecture(context: DeployContext): Promise<string> {
  const args = ['version', '--format', '{{.Server.Arch}}']
  const result = await context.run('docker', args, { mayFail: true }).catch((cause: unknown) => {
    throw new UnmoorError(
      'NotFound',
      'A deploy to Lambda builds an image, and there is no docker here. Nothing was changed. Install Docker.',
      { operation: 'deploy', cause },
    )
  })
  if (result.code !== 0)
    throw refuse(
      'NotFound',
      `A deploy to Lambda builds an image, and docker does not answer: ${context.lastLines(result)}. ` +
        'Nothing was changed. Start it, or name the engine in DOCKER_HOST.',
    )
  const docker = result.stdout.trim()
  const architecture = ARCHITECTURES[docker]
  if (architecture === undefined)
    throw refuse(
      'Unsupported',
      `Docker builds for ${docker} here, and Lambda runs amd64 and arm64. Nothing was changed.`,
    )
  return architecture
}

/**
 * Returns the repository of a deploy, as the registry has it.
 *
 * @throws `InvalidArgument` for one from which Lambda takes no images, `NotFound` for one of another account
 * that is not there.
 */
export async function readRepository(aws: Aws, given: string | undefined, app: string): Promise<Repository> {
  const uri = given ?? `${aws.account}.dkr.ecr.${aws.region}.amazonaws.com/${app}`
  const option = 'targets.lambda.deploy.repository'
  if (!/^[\w.-]+(:\d+)?(\/[a-z0-9._-]+)+$/.test(uri))
    throw refuse(
      'InvalidArgument',
      `${option} is "${uri}". It takes a repository without a tag, such as ` +
        `"${aws.account}.dkr.ecr.${aws.region}.amazonaws.com/${app}".`,
    )
  const host = uri.slice(0, uri.indexOf('/'))
  const [, account, region, name] = ECR.exec(uri) ?? []
  if (account === undefined || name === undefined) {
    if (!aws.isEmulated)
      throw refuse(
        'InvalidArgument',
        `${option} is "${uri}". Lambda takes images from Amazon ECR only: leave the option out, or name ` +
          `one ` +
          `such as "${aws.account}.dkr.ecr.${aws.region}.amazonaws.com/${app}".`,
      )
    return { uri, host, ecrName: undefined, isMissing: false }
  }
  if (region !== aws.region)
    throw refuse(
      'InvalidArgument',
      `${option} is in ${region}, and the function in ${aws.region}: Lambda takes images of its own ` +
        `region. ` +
        'Nothing was changed.',
    )
  const isMissing = await aws
    .json(
      'ecr',
      'DescribeRepositories',
      { registryId: account, repositoryNames: [name] },
      { on: `repository "${name}"`, write: false },
    )
    .then(
      () => false,
      (error: unknown) => {
        if (awsFailure(error)?.code === 'RepositoryNotFoundException') return true
        throw error
      },
    )
  if (isMissing && account !== aws.account)
    throw refuse(
      'NotFound',
      `${option} is "${uri}", which the account ${account} does not have; the credentials are those of ` +
        `${aws.account}. Nothing was changed. Correct the account, or create the repository there.`,
    )
  return { uri, host, ecrName: name, isMissing }
}

/**
 * Returns the steps that create the repository, build the image and push it. `pushed` gets its digest's
 * URI.
 */
export function imageSteps(
  { context, aws, repository, tag }: ImageStepsInput,
  pushed: (uri: string) => void,
): DeployStep[] {
  const { uri, host, ecrName: name } = repository
  const image = `${uri}:${tag}`
  const create: DeployStep = {
    phase: 'resources',
    title: `Create the repository ${name}`,
    command: `aws ecr create-repository --repository-name ${name} --image-tag-mutability IMMUTABLE`,
    changes: `a new repository ${uri}`,
    undo: 'it stays, and the next deploy uses it',
    run: async () => {
      const body = { repositoryName: name, imageTagMutability: 'IMMUTABLE' }
      await aws.json('ecr', 'CreateRepository', body, { on: `repository "${name}"`, write: true })
      return undefined
    },
  }
  const login =
    name === undefined
      ? ''
      : `aws ecr get-login-password | docker login --username AWS --password-stdin ${host}; `
  return [
    ...(repository.isMissing ? [create] : []),
    {
      phase: 'upload',
      title: 'Build the image',
      command: `docker build --tag ${image} ${context.dir}`,
      changes: 'nothing on AWS',
      undo: 'the image stays on this machine',
      run: async () => `${Math.ceil((await buildImage(context.dir, { tag: image })).size / 1e6)} MB`,
    },
    {
      phase: 'upload',
      title: 'Push the image',
      command: `${login}docker push ${image}`,
      changes: 'an image in the repository, which no function runs',
      undo: 'the image stays in the repository',
      run: async () => {
        if (name !== undefined) await logIn(context, aws, repository)
        await context.run('docker', ['push', image])
        const args = ['image', 'inspect', '--format', '{{json .RepoDigests}}', image]
        const digests = JSON.parse((await context.run('docker', args)).stdout) as readonly string[]
        const found = digests.find((digest) => digest.startsWith(`${uri}@sha256:`))
        if (found === undefined) throw refuse('Unavailable', `Docker tells no digest of ${image}.`)
        pushed(found)
        return found.slice(found.indexOf('@') + 1)
      },
    },
  ]
}

/** Argument of {@link imageSteps}. */
export interface ImageStepsInput {
  readonly context: DeployContext
  readonly aws: Aws
  readonly repository: Repository
  /** Tag of the image, which no other one has. */
  readonly tag: string
}

async function logIn(context: DeployContext, aws: Aws, { host }: Repository): Promise<void> {
  const { authorizationData } = await aws.json<{
    authorizationData?: readonly { authorizationToken: string }[]
  }>('ecr', 'GetAuthorizationToken', {}, { on: 'the registry', write: false })
  const [user, ...password] = Buffer.from(authorizationData?.[0]?.authorizationToken ?? '', 'base64')
    .toString()
    .split(':')
  await context.run('docker', ['login', '--username', user ?? 'AWS', '--password-stdin', host], {
    input: password.join(':'),
  })
}

function refuse(
  code: 'InvalidArgument' | 'NotFound' | 'Unavailable' | 'Unsupported',
  message: string,
): UnmoorError {
  return new UnmoorError(code, message, { operation: 'deploy' })
}
