/** Versions of a function, its alias, and the invocation of a version that has no traffic. */
import { setTimeout as sleep } from 'node:timers/promises'
import { toHttpEvent } from '../../../core/compat/from-lambda/http-events.ts'
import type { DeployContext } from '../../../core/deploy.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { ALIAS } from '../build/template/cloudformation.ts'
import { type Aws, awsFailure } from './aws-calls.ts'

/** Pause between two looks at a version that Lambda prepares. */
const POLL_MS = 1000
/** Versions that the alias's description lists. */
const REMEMBERED = 10
/** Seconds that an invocation may take beyond the function's own time. */
const INVOKE_MARGIN = 30

/** The alias as it is. */
export interface Alias {
  /** Version that has the traffic, such as `3` or `$LATEST`. */
  readonly version: string
  /** Versions that had it before, the latest first, as far as deploys of unmoor noted them. */
  readonly before: readonly string[]
  /** True if another version has a share of the traffic. */
  readonly isSplit: boolean
  /** Changes with each change of the alias. */
  readonly revision: string | undefined
}

/** Returns the alias `live` of a function; undefined if it has none. */
export async function readAlias(aws: Aws, name: string): Promise<Alias | undefined> {
  const answer = await optional(
    aws.lambda({
      operation: 'GetAlias',
      method: 'GET',
      path: `${encodeURIComponent(name)}/aliases/${ALIAS}`,
      call: { on: `function "${name}"`, write: false },
    }),
  )
  if (answer === undefined) return undefined
  const alias = JSON.parse(answer.text) as {
    FunctionVersion: string
    Description?: string
    RevisionId?: string
    RoutingConfig?: { AdditionalVersionWeights?: object } | null
  }
  const listed = /^unmoor deploy: before ([\d, ]+)$/.exec(alias.Description ?? '')?.[1]
  return {
    version: alias.FunctionVersion,
    before: listed?.split(', ') ?? [],
    isSplit: Object.keys(alias.RoutingConfig?.AdditionalVersionWeights ?? {}).length > 0,
    revision: alias.RevisionId,
  }
}

/**
 * Moves the alias. `before` is noted in its description, since Lambda does not tell which versions served.
 *
 * @throws `PreconditionFailed` if `revision` is given and somebody else has moved the alias.
 */
export async function moveAlias(
  aws: Aws,
  name: string,
  { version, before, revision }: Pick<Alias, 'version' | 'before'> & { revision?: string | undefined },
): Promise<void> {
  const noted = before.filter((one) => /^\d+$/.test(one) && one !== version).slice(0, REMEMBERED)
  await aws.lambda({
    operation: 'UpdateAlias',
    method: 'PUT',
    path: `${encodeURIComponent(name)}/aliases/${ALIAS}`,
    body: {
      FunctionVersion: version,
      Description: noted.length === 0 ? '' : `unmoor deploy: before ${noted.join(', ')}`,
      ...(revision === undefined ? {} : { RevisionId: revision }),
    },
    call: { on: `alias "${ALIAS}" of "${name}"`, write: true },
  })
}

/**
 * Publishes the function as it is. Returns the version; Lambda returns the last one if nothing has
 * changed.
 */
export async function publishVersion(aws: Aws, name: string, description: string): Promise<string> {
  const { text } = await aws.lambda({
    operation: 'PublishVersion',
    method: 'POST',
    path: `${encodeURIComponent(name)}/versions`,
    body: { Description: description },
    call: { on: `function "${name}"`, write: true },
  })
  return (JSON.parse(text) as { Version: string }).Version
}

/** What Lambda tells of a version. */
export interface Version {
  readonly state: string
  readonly reason: string
  readonly imageUri: string
  /** Seconds that an event may take. */
  readonly timeout: number
}

/** Returns a version; undefined if there is none. */
export async function readVersion(aws: Aws, name: string, version: string): Promise<Version | undefined> {
  const answer = await optional(
    aws.lambda({
      operation: 'GetFunction',
      method: 'GET',
      path: `${encodeURIComponent(name)}?Qualifier=${encodeURIComponent(version)}`,
      call: { on: `version ${version} of "${name}"`, write: false },
    }),
  )
  if (answer === undefined) return undefined
  const { Configuration: configuration, Code: code } = JSON.parse(answer.text) as {
    Configuration: { State?: string; StateReason?: string; Timeout?: number }
    Code?: { ImageUri?: string }
  }
  return {
    state: configuration.State ?? 'Active',
    reason: configuration.StateReason ?? '',
    imageUri: code?.ImageUri ?? '',
    timeout: configuration.Timeout ?? 3,
  }
}

/** Waits until Lambda has prepared a version. @throws `Unavailable` if it could not. */
export async function waitForVersion(aws: Aws, name: string, version: string): Promise<Version> {
  for (let isWoken = false; ;) {
    const found = await readVersion(aws, name, version)
    if (found?.state === 'Active') return found
    if (found?.state === 'Inactive' && !isWoken) {
      // A version that nobody used for weeks is prepared anew by an invocation, which itself fails.
      isWoken = true
      await invoke(aws, { name, version, event: {}, timeout: found.timeout }).catch(() => undefined)
    } else if (found?.state !== 'Pending' && found?.state !== 'Inactive')
      throw refuse(`Lambda cannot run version ${version}: ${found?.reason ?? 'it is gone'}`)
    await sleep(POLL_MS)
  }
}

function invoke(
  aws: Aws,
  { name, version, event, timeout }: { name: string; version: string; event: object; timeout: number },
): ReturnType<Aws['lambda']> {
  return aws.lambda({
    operation: 'Invoke',
    method: 'POST',
    path: `${encodeURIComponent(name)}/invocations?Qualifier=${encodeURIComponent(version)}`,
    body: event,
    call: { on: `version ${version}`, write: true, timeout: (timeout + INVOKE_MARGIN) * 1000 },
  })
}

/** Returns the numbers of the published versions, the lowest first. */
export async function listVersions(aws: Aws, name: string): Promise<string[]> {
  const versions: string[] = []
  for (let marker: string | undefined = ''; marker !== undefined;) {
    const query: string = marker === '' ? '' : `?Marker=${encodeURIComponent(marker)}`
    const { text } = await aws.lambda({
      operation: 'ListVersionsByFunction',
      method: 'GET',
      path: `${encodeURIComponent(name)}/versions${query}`,
      call: { on: `function "${name}"`, write: false },
    })
    const page = JSON.parse(text) as { Versions: { Version: string }[]; NextMarker?: string | null }
    versions.push(...page.Versions.map((one) => one.Version))
    marker = page.NextMarker ?? undefined
  }
  return versions.filter((version) => version !== '$LATEST').sort((a, b) => Number(a) - Number(b))
}

/**
 * Sends the requests of `smoke` to a version by invoking it, with the events of an HTTP API: the function
 * then answers in one piece, whatever the invoke mode of its URL is.
 *
 * @throws `Unavailable` naming the request and what came back.
 */
export async function smokeVersion(
  { smokeRequests }: Pick<DeployContext, 'smokeRequests'>,
  aws: Aws,
  target: { readonly name: string; readonly version: string; readonly host: string },
): Promise<void> {
  const { name, version, host } = target
  const { timeout } = await waitForVersion(aws, name, version)
  for (const { path, status } of smokeRequests) {
    const [rawPath = '/', ...query] = path.split('?')
    const event = toHttpEvent(
      {
        method: 'GET',
        path: rawPath,
        query: query.join('?'),
        httpVersion: '1.1',
        host,
        sourceIp: '127.0.0.1',
        userAgent: 'unmoor-deploy',
        headers: {
          host: [host],
          accept: ['*/*'],
          'user-agent': ['unmoor-deploy'],
          'x-forwarded-proto': ['https'],
        },
        body: { isBase64Encoded: false },
      },
      'v2',
    )
    const { text, headers } = await invoke(aws, { name, version, event, timeout })
    if (headers['x-amz-function-error'] !== undefined) {
      const { errorMessage = text.slice(0, 500) } = parse(text) as { errorMessage?: string }
      throw refuse(`GET ${path} of version ${version} failed: ${errorMessage}`)
    }
    const { statusCode } = parse(text) as { statusCode?: number }
    if (statusCode === undefined)
      throw refuse(`GET ${path} of version ${version} was answered by no status: ${text.slice(0, 200)}`)
    if (status === null ? statusCode >= 500 : statusCode !== status)
      throw refuse(`GET ${path} of version ${version} answered ${statusCode}, not ${status ?? 'below 500'}`)
  }
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

async function optional<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  return answer.catch((error: unknown) => {
    if (awsFailure(error)?.code === 'ResourceNotFoundException') return undefined
    throw error
  })
}

function refuse(message: string): UnmoorError {
  return new UnmoorError('Unavailable', message, { operation: 'deploy' })
}
