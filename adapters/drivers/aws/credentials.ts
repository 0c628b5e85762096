import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'

/** What signs a request. */
export interface AwsCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string | undefined
}

/** Asked for every request: variables may be changed, and the chain renews what expires. */
export type CredentialsSource = () => AwsCredentials | Promise<AwsCredentials>

const CHAIN = '@aws-sdk/credential-provider-node'

/**
 * Where credentials come from: the variables, which Lambda sets; elsewhere, where they are not set, AWS's
 * usual provider chain (profiles, SSO, web identity, container and instance roles) by its own package, loaded
 * at the first request.
 *
 * @throws `NotFound` at start where there are neither variables nor the package.
 */
export function credentialsOf({
  variable,
  binding,
}: Pick<DriverContext, 'variable' | 'binding'>): CredentialsSource {
  const fromVariables = (): AwsCredentials | undefined => {
    const accessKeyId = variable('AWS_ACCESS_KEY_ID') || undefined
    const secretAccessKey = variable('AWS_SECRET_ACCESS_KEY') || undefined
    if (accessKeyId === undefined && secretAccessKey === undefined) return undefined
    if (accessKeyId === undefined) throw missing(binding, 'AWS_ACCESS_KEY_ID')
    if (secretAccessKey === undefined) throw missing(binding, 'AWS_SECRET_ACCESS_KEY')
    return { accessKeyId, secretAccessKey, sessionToken: variable('AWS_SESSION_TOKEN') || undefined }
  }
  const path = fromVariables() === undefined ? findChain(binding, variable) : undefined
  let chain: Promise<() => Promise<AwsCredentials>> | undefined
  return () => fromVariables() ?? fromChain((chain ??= loadChain(path, binding)), binding)
}

/**
 * The chain's module. Not by `import`, which a bundle would take in: an artifact stands alone, and on Lambda
 * none is needed.
 */
function findChain(binding: string, variable: DriverContext['variable']): string {
  // On Lambda the variables are there, or the platform is broken: nothing else is to be tried.
  if (variable('AWS_LAMBDA_FUNCTION_NAME') !== undefined) throw missing(binding, 'AWS_ACCESS_KEY_ID')
  try {
    return requireHere().resolve(CHAIN)
  } catch (cause) {
    throw missing(binding, 'AWS_ACCESS_KEY_ID', cause)
  }
}

// Loaded where it is needed: an import costs a start on Lambda.
const requireHere = (): NodeJS.Require =>
  process.getBuiltinModule('node:module').createRequire(import.meta.url)

async function loadChain(path: string | undefined, binding: string): Promise<() => Promise<AwsCredentials>> {
  if (path === undefined) throw missing(binding, 'AWS_ACCESS_KEY_ID')
  const chain = requireHere()(path) as { defaultProvider: () => () => Promise<AwsCredentials> }
  return chain.defaultProvider()
}

async function fromChain(
  chain: Promise<() => Promise<AwsCredentials>>,
  binding: string,
): Promise<AwsCredentials> {
  const provider = await chain
  try {
    return await provider()
  } catch (cause) {
    throw new UnmoorError(
      'PermissionDenied',
      `Binding "${binding}": AWS's provider chain gives no credentials: ` +
        `${cause instanceof Error ? cause.message : String(cause)}. Set AWS_ACCESS_KEY_ID and ` +
        'AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.',
      { binding, cause },
    )
  }
}

function missing(binding: string, name: string, cause?: unknown): UnmoorError {
  return new UnmoorError(
    'NotFound',
    `Binding "${binding}" needs the variable ${name}. On Lambda the platform sets it; elsewhere set it ` +
      `yourself, or install ${CHAIN} beside the app for profiles, SSO and roles.`,
    { binding, ...(cause === undefined ? {} : { cause }) },
  )
}
