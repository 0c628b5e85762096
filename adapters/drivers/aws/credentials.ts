import type { DriverContext } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'

/** The AWS keys that sign a request. */
export interface AwsCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string | undefined
}

/**
 * A source of AWS credentials that is asked for every request: variables may change, and AWS's provider chain
 * renews expired credentials.
 */
export type CredentialsSource = () => AwsCredentials | Promise<AwsCredentials>

const CHAIN = '@aws-sdk/credential-provider-node'

/**
 * Chooses where AWS credentials come from. The environment variables, which Lambda sets, come first.
 * Otherwise AWS's usual provider chain (profiles, SSO, web identity, container and instance roles) is loaded
 * from its own package at the first request.
 *
 * @throws `NotFound` at start if neither the variables nor the package are there.
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
 * Finds the module of AWS's credential provider chain. A static `import` would put the chain into the bundle:
 * an artifact stands alone, and Lambda needs no chain.
 */
function findChain(binding: string, variable: DriverContext['variable']): string {
  // Lambda always sets the credential variables. If they are missing there, the platform is broken and the
  // provider chain must not be tried.
  if (variable('AWS_LAMBDA_FUNCTION_NAME') !== undefined) throw missing(binding, 'AWS_ACCESS_KEY_ID')
  try {
    return requireHere().resolve(CHAIN)
  } catch (cause) {
    throw missing(binding, 'AWS_ACCESS_KEY_ID', cause)
  }
}

// `node:module` is loaded only where AWS's credential provider chain is needed, because an import slows a
// cold start on Lambda.
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
