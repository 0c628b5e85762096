import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Account and token that the API knows. */
export const ACCOUNT = 'a'.repeat(32)
export const TOKEN = 'token-of-the-test'

interface Version {
  id: string
  number: number
  metadata: Record<string, unknown>
  annotations: Record<string, string>
  resources: { bindings: Record<string, unknown>[]; script_runtime: Record<string, unknown> }
  /** Source of the uploaded modules. */
  code: string
}

interface Deployment {
  id: string
  created_on: string
  annotations: Record<string, string>
  versions: { version_id: string; percentage: number }[]
}

interface Worker {
  versions: Version[]
  /** The newest first, as the API lists them. */
  deployments: Deployment[]
  secrets: Set<string>
  schedules: string[]
  migrationTag: string | undefined
}

/** A change that the API answers with an error once. */
export interface Fault {
  readonly method: string
  readonly path: RegExp
}

/**
 * Cloudflare's API on loopback, with the state that deploys change: Workers with versions, deployments and
 * secrets, queues, and D1 databases of real SQLite. A proxy leads `*.workers.dev` here, where the versions that
 * have traffic answer.
 */
export class CloudflareApi implements AsyncDisposable {
  readonly workers = new Map<string, Worker>()
  readonly queues = new Map<string, { id: string; consumers: Record<string, unknown>[] }>()
  readonly databases = new Map<string, { id: string; name: string; sql: DatabaseSync }>()
  readonly namespaces: { id: string; title: string }[] = []
  /** Each call that may change something, as `METHOD path`. */
  readonly changes: string[] = []
  readonly unknown: string[] = []
  fault: Fault | undefined
  /** Code whose versions answer 500, by a text in their modules. */
  broken: { text: string; only: 'preview' | 'live' | 'both' } | undefined
  readonly #servers: { close(): void; closeAllConnections(): void }[] = []
  #api = 0
  #tls = 0
  #certificate = ''

  /** Starts the API. `dir` gets a key and a certificate for `*.workers.dev`. */
  static async start(dir: string): Promise<CloudflareApi> {
    const api = new CloudflareApi()
    const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
    const openssl = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const names = 'subjectAltName=DNS:*.test.workers.dev'
    execFileSync(
      'openssl',
      [...openssl, '-keyout', key, '-out', cert, '-subj', '/CN=workers.dev', '-addext', names],
      { stdio: 'ignore' },
    )
    api.#certificate = cert
    const served = createTlsServer(
      { key: readFileSync(key), cert: readFileSync(cert) },
      (request, response) => api.#serve(request, response),
    )
    const server = createServer((request, response) => void api.#answer(request, response))
    server.on('connect', (_request, socket) => {
      const to = connect(api.#tls, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
        to.pipe(socket).pipe(to)
      })
      to.on('error', () => socket.destroy())
      socket.on('error', () => to.destroy())
    })
    for (const one of [served, server]) {
      await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve))
      api.#servers.push(one)
    }
    api.#tls = (served.address() as AddressInfo).port
    api.#api = (server.address() as AddressInfo).port
    return api
  }

  /** Environment of the commands that use this API. */
  get env(): Record<string, string> {
    const origin = `http://127.0.0.1:${this.#api}`
    return {
      CLOUDFLARE_API_BASE_URL: `${origin}/client/v4`,
      CLOUDFLARE_API_TOKEN: TOKEN,
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
      WRANGLER_SEND_METRICS: 'false',
      HTTPS_PROXY: origin,
      NO_PROXY: '127.0.0.1,localhost',
      NODE_USE_ENV_PROXY: '1',
      NODE_EXTRA_CA_CERTS: this.#certificate,
    }
  }

  /** Text of the code that has all traffic of a Worker: the first match of `pattern` in its modules. */
  serving(name: string, pattern: RegExp): string | undefined {
    const [latest] = this.workers.get(name)?.deployments ?? []
    if (latest?.versions.length !== 1) return undefined
    return this.#version(name, latest.versions[0]?.version_id)?.code.match(pattern)?.[0]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections()
      server.close()
    }
    for (const { sql } of this.databases.values()) sql.close()
  }

  #version(name: string, id: string | undefined): Version | undefined {
    return this.workers.get(name)?.versions.find((version) => version.id === id)
  }

  /** Serves `NAME.test.workers.dev` and `ID-NAME.test.workers.dev`. */
  #serve(request: IncomingMessage, response: ServerResponse): void {
    const label = (request.headers.host ?? '').split('.')[0] ?? ''
    const preview = /^([0-9a-f]{8})-(.+)$/.exec(label)
    const name = preview?.[2] ?? label
    const [latest] = this.workers.get(name)?.deployments ?? []
    const override = /="([^"]+)"/.exec(String(request.headers['cloudflare-workers-version-overrides']))?.[1]
    const inDeployment = latest?.versions.find(({ version_id: id }) => id === override)
    const most = latest?.versions.toSorted((a, b) => b.percentage - a.percentage)[0]
    const version =
      preview === null
        ? this.#version(name, (inDeployment ?? most)?.version_id)
        : this.workers.get(name)?.versions.find(({ id }) => id.startsWith(preview[1] as string))
    const isTrial = preview !== null || inDeployment !== undefined
    const { broken } = this
    const isBroken =
      broken !== undefined &&
      version?.code.includes(broken.text) === true &&
      (broken.only === 'both' || (broken.only === 'preview') === isTrial)
    response.writeHead(version === undefined ? 404 : isBroken ? 500 : 200).end(version?.id ?? 'none')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://api')
    const path = url.pathname.replace('/client/v4', '')
    const method = request.method ?? 'GET'
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const send = (status: number, result: unknown, code = 10_000, message = 'refused'): void => {
      const errors = status < 400 ? [] : [{ code, message }]
      response.writeHead(status, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          success: status < 400,
          result,
          errors,
          messages: [],
          result_info: { page: 1, per_page: 100, total_pages: 1, count: 1, total_count: 1 },
        }),
      )
    }
    if (request.headers.authorization !== `Bearer ${TOKEN}`)
      return send(403, null, 9109, 'Invalid access token')
    const isRead = method === 'GET' || (path.endsWith('/query') && /"SELECT/.test(body.toString()))
    if (!isRead) this.changes.push(`${method} ${path.replace(`/accounts/${ACCOUNT}`, '')}`)
    if (!isRead && this.fault?.method === method && this.fault.path.test(path)) {
      this.fault = undefined
      return send(400, null, 10_500, 'a planted fault')
    }
    const [status, result, code, message] = await this.#route(method, path, url, {
      body,
      type: request.headers['content-type'] ?? '',
    })
    send(status, result, code, message)
  }

  async #route(
    method: string,
    full: string,
    url: URL,
    sent: { body: Buffer; type: string },
  ): Promise<[number, unknown, number?, string?]> {
    const path = full.replace(`/accounts/${ACCOUNT}`, '')
    const script = /^\/workers\/(scripts|services)\/([^/]+)(\/.*)?$/.exec(path)
    if (script !== null)
      return this.#script(method, script[2] as string, `${script[1]}${script[3] ?? ''}`, sent)
    if (path.startsWith('/queues')) return this.#queue(method, path, url, sent.body)
    if (path.startsWith('/d1/database')) return this.#database(method, path, url, sent.body)
    const beta = /^\/workers\/workers\/([^/]+)$/.exec(path)
    if (beta !== null && this.workers.has(beta[1] as string))
      return [200, { id: beta[1], name: beta[1], subdomain: subdomainOf(beta[1] as string) }]
    if (path === '/workers/subdomain') return [200, { subdomain: 'test' }]
    if (path.startsWith('/storage/kv/namespaces')) {
      if (method === 'GET') return [200, this.namespaces]
      const made = {
        id: randomUUID().replaceAll('-', ''),
        title: (JSON.parse(sent.body.toString()) as { title: string }).title,
      }
      this.namespaces.push(made)
      return [200, made]
    }
    this.unknown.push(`${method} ${full}`)
    return [404, null, 7003, `no such route: ${method} ${path}`]
  }

  async #script(
    method: string,
    name: string,
    path: string,
    sent: { body: Buffer; type: string },
  ): Promise<[number, unknown, number?, string?]> {
    const worker = this.workers.get(name)
    if (method === 'PUT' && path === 'scripts') {
      const made: Worker = worker ?? {
        versions: [],
        deployments: [],
        secrets: new Set(),
        schedules: [],
        migrationTag: undefined,
      }
      this.workers.set(name, made)
      const version = await this.#upload(made, sent)
      made.deployments.unshift(deployment([{ version_id: version.id, percentage: 100 }]))
      return [200, { id: name, tag: name, deployment_id: version.id, startup_time_ms: 1, etag: version.id }]
    }
    if (worker === undefined) return [404, null, 10_007, 'This Worker does not exist on your account.']
    switch (`${method} ${path}`) {
      case 'GET services':
        return [
          200,
          {
            id: name,
            default_environment: {
              environment: 'production',
              script: {
                id: name,
                tag: name,
                tags: [],
                last_deployed_from: 'wrangler',
                migration_tag: worker.migrationTag,
              },
            },
          },
        ]
      case 'GET scripts/deployments':
        return [200, { deployments: worker.deployments }]
      case 'POST scripts/deployments': {
        const { versions, annotations } = JSON.parse(sent.body.toString()) as Deployment
        worker.deployments.unshift(deployment(versions, annotations))
        return [200, worker.deployments[0]]
      }
      case 'GET scripts/versions':
        return [200, { items: worker.versions.toReversed() }]
      case 'POST scripts/versions': {
        const version = await this.#upload(worker, sent)
        return [
          200,
          {
            ...version,
            code: undefined,
            startup_time_ms: 1,
            metadata: { ...version.metadata, has_preview: true },
          },
        ]
      }
      case 'GET scripts/secrets':
        return [200, [...worker.secrets].map((secret) => ({ name: secret, type: 'secret_text' }))]
      case 'GET scripts/subdomain':
      case 'POST scripts/subdomain':
        return [200, subdomainOf(name)]
      case 'PUT scripts/schedules':
        worker.schedules = (JSON.parse(sent.body.toString()) as { cron: string }[]).map(({ cron }) => cron)
        return [200, { schedules: [] }]
      case 'GET scripts/settings':
        return [200, { bindings: worker.versions.at(-1)?.resources.bindings ?? [] }]
      case 'GET scripts/script-settings':
      case 'PATCH scripts/script-settings':
        return [200, {}]
    }
    const viewed = /^GET scripts\/versions\/([^/]+)$/.exec(`${method} ${path}`)
    const version = viewed === null ? undefined : this.#version(name, viewed[1])
    if (version !== undefined) return [200, { ...version, code: undefined }]
    this.unknown.push(`${method} ${path}`)
    return [404, null, 7003, `no such route: ${method} ${path}`]
  }

  /** Stores an uploaded version. A strict upload inherits bindings only from what the Worker has. */
  async #upload(worker: Worker, { body, type }: { body: Buffer; type: string }): Promise<Version> {
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
    const metadata = JSON.parse(String(form.get('metadata'))) as {
      annotations?: Record<string, string>
      bindings?: Record<string, unknown>[]
      migrations?: { new_tag: string }
      keep_bindings?: string[]
    }
    if (metadata.migrations !== undefined) worker.migrationTag = metadata.migrations.new_tag
    let code = ''
    for (const [, value] of form)
      if (typeof value !== 'string' && value.name.endsWith('.js')) code += await value.text()
    // As on the platform, a version keeps its secrets and what it inherits from the version before.
    const before = worker.versions.at(-1)?.resources.bindings ?? []
    const given = metadata.bindings ?? []
    const kept = before.filter(
      (one) =>
        metadata.keep_bindings?.includes(String(one['type'])) === true &&
        !given.some(({ name }) => name === one['name']),
    )
    const bindings = [
      ...given.map((one) =>
        one['type'] === 'inherit' ? (before.find(({ name }) => name === one['name']) ?? one) : one,
      ),
      ...kept,
    ]
    for (const { type: kind, name } of bindings) if (kind === 'secret_text') worker.secrets.add(String(name))
    const version: Version = {
      id: randomUUID(),
      number: worker.versions.length + 1,
      metadata: { created_on: new Date().toISOString(), source: 'wrangler', author_email: 'a@example.com' },
      annotations: metadata.annotations ?? {},
      resources: { bindings, script_runtime: {} },
      code,
    }
    worker.versions.push(version)
    return version
  }

  #queue(method: string, path: string, url: URL, body: Buffer): [number, unknown, number?, string?] {
    const wanted = url.searchParams.getAll('name')
    const list = [...this.queues].map(([name, { id, consumers }]) => ({
      queue_id: id,
      queue_name: name,
      consumers,
      producers: [],
      producers_total_count: 0,
      consumers_total_count: consumers.length,
      settings: {},
      created_on: '2026-01-01T00:00:00Z',
      modified_on: '2026-01-01T00:00:00Z',
    }))
    if (method === 'GET' && path === '/queues')
      return [200, list.filter((one) => wanted.length === 0 || wanted.includes(one.queue_name))]
    if (method === 'POST' && path === '/queues') {
      const { queue_name: name } = JSON.parse(body.toString()) as { queue_name: string }
      this.queues.set(name, { id: randomUUID().replaceAll('-', ''), consumers: [] })
      return [200, { queue_name: name }]
    }
    const at = /^\/queues\/([^/]+)(\/consumers.*)?$/.exec(path)
    const queue = [...this.queues.values()].find(({ id }) => id === at?.[1])
    if (queue === undefined) return [404, null, 11_000, 'no such queue']
    if (method === 'GET' && at?.[2] === undefined)
      return [200, list.find(({ queue_id: id }) => id === queue.id)]
    if (method === 'GET') return [200, queue.consumers]
    queue.consumers = [{ ...(JSON.parse(body.toString()) as object), consumer_id: 'c' }]
    return [200, queue.consumers[0]]
  }

  #database(method: string, path: string, url: URL, body: Buffer): [number, unknown, number?, string?] {
    if (path === '/d1/database' && method === 'GET') {
      const name = url.searchParams.get('name')
      const found = [...this.databases.values()].filter((one) => name === null || one.name === name)
      return [200, found.map((one) => ({ uuid: one.id, name: one.name, version: 'production' }))]
    }
    if (path === '/d1/database') {
      const { name } = JSON.parse(body.toString()) as { name: string }
      const id = randomUUID()
      this.databases.set(id, { id, name, sql: new DatabaseSync(':memory:') })
      return [200, { uuid: id, name, version: 'production' }]
    }
    const [, id, query] = /^\/d1\/database\/([^/]+)(\/query)?$/.exec(path) ?? []
    const database =
      this.databases.get(id ?? '') ?? [...this.databases.values()].find(({ name }) => name === id)
    if (database === undefined) return [404, null, 7404, 'no such database']
    if (query === undefined) return [200, { uuid: database.id, name: database.name, version: 'production' }]
    const { sql } = JSON.parse(body.toString()) as { sql: string }
    try {
      const isRead = /^\s*SELECT/i.test(sql)
      const results = isRead ? database.sql.prepare(sql).all() : (database.sql.exec(sql), [])
      return [200, [{ results, success: true, meta: { duration: 1, changes: 0 } }]]
    } catch (error) {
      return [400, null, 7500, (error as Error).message]
    }
  }
}

function deployment(versions: Deployment['versions'], annotations: Record<string, string> = {}): Deployment {
  const created = new Date().toISOString()
  return { id: randomUUID(), created_on: created, annotations, versions }
}

function subdomainOf(name: string): Record<string, unknown> {
  return {
    enabled: true,
    previews_enabled: true,
    preview_url_suffix: `-${name}.test.workers.dev`,
    url: `https://${name}.test.workers.dev`,
  }
}
