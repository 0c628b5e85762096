import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorFromJSON, type SerializedError, UnmoorError } from '../../../../core/errors.ts'
import { ARTIFACT_FILES, readInfo } from '../artifact.ts'
import type { AppDescription } from './deploys.ts'

/** Address and token of a host's admin port. */
export interface HostAddress {
  /** Origin of the host's admin port, such as `https://admin.example.com`. */
  url: string
  token: string
}

/**
 * Client of a host's admin API, used by `unmoor deploy`. Every method throws the host's own errors, and
 * `Unavailable` if the host cannot be reached.
 */
export class DeployClient {
  #address: HostAddress

  constructor(address: HostAddress) {
    this.#address = address
  }

  /** Uploads an app's artifact in `dir`; resolves when the host serves it. */
  async deploy(
    app: string,
    dir: string,
    options: { settings?: object | undefined; note?: string | undefined } = {},
  ): Promise<AppDescription> {
    const form = new FormData()
    for (const path of await artifactFiles(dir))
      form.append(path, new Blob([await readFile(join(dir, path))]), 'file')
    if (options.settings !== undefined) form.append('settings', JSON.stringify(options.settings))
    if (options.note !== undefined) form.append('note', options.note)
    const packed = new Response(form)
    const body = new Uint8Array(await packed.arrayBuffer())
    const digest = createHash('sha256').update(body).digest('base64')
    const headers = {
      'content-type': packed.headers.get('content-type') as string,
      'content-digest': `sha-256=:${digest}:`,
    }
    return (await this.#call('POST', `/${app}/versions`, { body, headers })) as AppDescription
  }

  async describe(app: string): Promise<AppDescription> {
    return (await this.#call('GET', `/${app}`)) as AppDescription
  }

  /** Lists names and versions of all served apps. */
  async list(): Promise<{ name: string; version: string; hosts: string[]; paths: string[] }[]> {
    return (
      (await this.#call('GET', '')) as {
        apps: { name: string; version: string; hosts: string[]; paths: string[] }[]
      }
    ).apps
  }

  /** Serves an earlier version of an app. Default: the previous one. */
  async rollBack(app: string, version?: number): Promise<AppDescription> {
    return (await this.#call('POST', `/${app}/rollback`, json({ version }))) as AppDescription
  }

  /** Changes settings of an app, merged as `mergeSettings` describes. */
  async configure(app: string, settings: object): Promise<AppDescription> {
    return (await this.#call('PATCH', `/${app}/settings`, json(settings))) as AppDescription
  }

  /**
   * Makes this host the owner of the app's Durable Objects.
   *
   * @throws `Conflict` while another host holds the lease.
   */
  async takeOver(app: string): Promise<AppDescription> {
    return (await this.#call('POST', `/${app}/take-over`, json({}))) as AppDescription
  }

  async remove(app: string, options: { data?: boolean } = {}): Promise<void> {
    await this.#call('DELETE', `/${app}${options.data === true ? '?data=delete' : ''}`)
  }

  async #call(
    method: string,
    path: string,
    init: { body?: Uint8Array<ArrayBuffer> | string; headers?: Record<string, string> } = {},
  ): Promise<unknown> {
    const { url, token } = this.#address
    let response: Response
    try {
      response = await fetch(new URL(`/v1/apps${path}`, url), {
        ...init,
        method,
        headers: { ...init.headers, authorization: `Bearer ${token}` },
      })
    } catch (cause) {
      const reason =
        cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause)
      throw new UnmoorError(
        'Unavailable',
        `The host's admin port at ${url} does not answer: ${reason}. Is this the admin port, and does ` +
          'the host run?',
        {
          cause,
        },
      )
    }
    const text = await response.text()
    let data: unknown
    try {
      data = JSON.parse(text)
    } catch (cause) {
      throw new UnmoorError(
        'Unavailable',
        `${url} answered ${response.status} without JSON: this is no host's admin port.`,
        { retryable: false, cause },
      )
    }
    if (response.ok) return data
    const { code, message } = data as { code: SerializedError['code']; message: string }
    throw errorFromJSON({
      code,
      message,
      operation: 'deploy',
      retryable: false,
      mayHaveApplied: false,
      details: {},
    })
  }
}

function json(data: object): { body: string; headers: Record<string, string> } {
  return { body: JSON.stringify(data), headers: { 'content-type': 'application/json' } }
}

/**
 * Lists the paths of an artifact's files that an `unmoor host` uses.
 *
 * @throws the errors of {@link readInfo}.
 */
async function artifactFiles(dir: string): Promise<string[]> {
  await readInfo(dir)
  const names = await readdir(dir, { recursive: true, withFileTypes: true })
  const paths = names
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(dir.length + 1)
        .replaceAll('\\', '/'),
    )
  return paths.filter(
    (path) =>
      (ARTIFACT_FILES as readonly string[]).includes(path) ||
      /^[a-z-]+\.js\.map$/.test(path) ||
      path.startsWith('assets/'),
  )
}
