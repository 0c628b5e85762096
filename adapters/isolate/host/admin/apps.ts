import type { IncomingMessage } from 'node:http'
import { type ErrorCode, isUnmoorError, UnmoorError } from '../../../../core/errors.ts'
import { checkName } from '../settings.ts'
import type { Deploys } from './deploys.ts'
import { readJson, readUpload } from './upload.ts'

/** A response of the admin API, to be sent as JSON. */
export interface ApiAnswer {
  status: number
  data: unknown
}

const MAX_JSON = 1024 * 1024

/**
 * Handles `/v1/apps/NAME`: GET describes an app, POST `/versions` deploys a version (`upload.ts`), POST
 * `/rollback` (`{ "version": N }`, default: the previous one) serves another version, PATCH `/settings`
 * changes settings, POST `/take-over` makes this host the owner of the app's objects, DELETE (`?data=delete`)
 * takes the app out of service. Returns undefined for another path.
 */
export async function answerApps(
  incoming: IncomingMessage,
  url: URL,
  deploys: Deploys,
  maxBytes: number,
): Promise<ApiAnswer | undefined> {
  const [, v1, apps, encoded, action, ...rest] = url.pathname.split('/')
  if (v1 !== 'v1' || apps !== 'apps' || encoded === undefined || rest.length > 0) return undefined
  try {
    const name = checkName(decodeName(encoded))
    switch (`${incoming.method} ${action ?? ''}`) {
      case 'GET ':
        return { status: 200, data: await deploys.describe(name) }
      case 'POST versions':
        return { status: 201, data: await deploys.deploy(name, await readUpload(incoming, maxBytes)) }
      case 'POST rollback':
        return {
          status: 200,
          data: await deploys.rollBack(name, versionOf(await readJson(incoming, MAX_JSON))),
        }
      case 'POST take-over':
        return { status: 200, data: await deploys.takeOver(name) }
      case 'PATCH settings':
        return { status: 200, data: await deploys.configure(name, await readJson(incoming, MAX_JSON)) }
      case 'DELETE ':
        await deploys.remove(name, url.searchParams.get('data') === 'delete')
        return { status: 200, data: { name, deleted: true } }
    }
    return {
      status: 405,
      data: {
        code: 'Unsupported',
        message: `The admin port takes no ${incoming.method} of ${url.pathname}.`,
      },
    }
  } catch (error) {
    return failure(error)
  }
}

/**
 * Decodes an app's name in a URL. A name with invalid encoding is returned as it is; `checkName` refuses it.
 */
function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return encoded
  }
}

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  InvalidArgument: 400,
  ChecksumMismatch: 400,
  PermissionDenied: 403,
  NotFound: 404,
  AlreadyExists: 409,
  Conflict: 409,
  LimitExceeded: 413,
  Unsupported: 422,
  Throttled: 503,
  Timeout: 504,
}

/** Turns an error into a response of the admin API. An app that does not start is a client error: 422. */
export function failure(error: unknown): ApiAnswer {
  if (!isUnmoorError(error)) throw error
  const { code, message } = error
  return {
    status: code === 'Unavailable' && !error.retryable ? 422 : (STATUS[code] ?? 500),
    data: { code, message },
  }
}

function versionOf(body: unknown): number | undefined {
  const version = typeof body === 'object' && body !== null ? (body as { version?: unknown }).version : body
  if (version === undefined) return undefined
  if (typeof version === 'number' && Number.isInteger(version) && version > 0) return version
  throw new UnmoorError(
    'InvalidArgument',
    'A rollback takes { "version": NUMBER }, or {} for the version before.',
    { operation: 'deploy' },
  )
}
