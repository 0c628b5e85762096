import { setTimeout as sleep } from 'node:timers/promises'
import type { DeployOptions } from '../../deploy.ts'
import { UnmoorError } from '../../errors.ts'
import { configError } from '../build/config-check.ts'

/** Seconds of `watch` if the config sets none. */
const WATCH_SECONDS = 20
/** Failures in a row by which a watched deploy has failed. */
const FAILURES = 3
/** Milliseconds that an answer may take. */
const ANSWER_MS = 30_000
/** Attempts of a smoke request on a new version, which a platform may take seconds to reach. */
const ATTEMPTS = 5

/** A request of `smoke`, checked. */
interface CheckedRequest {
  readonly path: string
  readonly status: number | null
}

/** The requests and seconds by which a deploy tries a new version. */
export interface Trial {
  readonly requests: readonly CheckedRequest[]
  readonly text: string
  readonly seconds: number
  /** Sends each request once. @throws `Unavailable` naming the request and what came back. */
  smoke(origin: string, headers?: Readonly<Record<string, string>>): Promise<void>
  /**
   * Repeats the requests once a second. @throws `Unavailable` after three failures in a row, or if the last
   * one fails.
   */
  watch(origin: string): Promise<void>
}

/** Checks `smoke` and `watch`. @throws `InvalidArgument` (operation `config`) naming what is wrong. */
export function createTrial(options: DeployOptions, path: string): Trial {
  const { smoke = ['/'], watch = WATCH_SECONDS, url } = options
  if (url !== undefined && (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)))
    throw configError(`${path}.url is "${url}"; it takes an origin, such as "https://links.example.com".`)
  const requests = smoke.map((one, index) => checkRequest(one, `${path}.smoke[${index}]`))
  if (requests.length === 0) throw configError(`${path}.smoke is empty; it takes requests, such as "/".`)
  return {
    requests,
    text: requests
      .map(({ path: at, status }) => `GET ${at}${status === null ? '' : ` (${status})`}`)
      .join(', '),
    seconds: watch,
    smoke: (origin, headers) => untilReached(() => sendAll(requests, origin, headers)),
    watch: (origin) => watchFor(() => sendAll(requests, origin), watch),
  }
}

function checkRequest(given: unknown, at: string): CheckedRequest {
  const { path, status, ...more } = (typeof given === 'string' ? { path: given } : (given ?? {})) as {
    path?: unknown
    status?: unknown
  }
  const isStatus = status === undefined || (Number.isInteger(status) && Number(status) >= 100)
  if (typeof path !== 'string' || !path.startsWith('/') || !isStatus || Object.keys(more).length > 0)
    throw configError(
      `${at} is ${JSON.stringify(given)}; it takes a path such as "/health", or ` +
        '{ path: "/health", status: 200 }.',
    )
  return { path, status: (status as number | undefined) ?? null }
}

async function sendAll(
  requests: readonly CheckedRequest[],
  origin: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  for (const { path, status } of requests) {
    const url = new URL(path, origin)
    const answer = await fetch(url, {
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS),
    }).catch((cause: unknown) => {
      throw failure(`GET ${url} got no answer: ${reasonOf(cause)}`, cause)
    })
    await answer.body?.cancel()
    if (status === null ? answer.status >= 500 : answer.status !== status)
      throw failure(`GET ${url} answered ${answer.status}, not ${status ?? 'below 500'}`)
  }
}

/** Sends requests until they succeed once, for a version that a platform is still starting. */
async function untilReached(send: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send()
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
      await sleep(1000)
    }
  }
}

async function watchFor(send: () => Promise<void>, seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000
  let failures = 0
  for (;;) {
    const isLast = performance.now() + 1000 >= end
    try {
      await send()
      failures = 0
    } catch (error) {
      failures++
      if (failures === FAILURES || isLast) throw error
    }
    if (isLast) return
    await sleep(1000)
  }
}

function failure(message: string, cause?: unknown): UnmoorError {
  return new UnmoorError('Unavailable', message, { operation: 'deploy', cause })
}

/** The reason of a failed fetch is in its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message || cause.name : String(cause)
}
