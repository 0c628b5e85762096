import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { freePort } from '../../../adapters/lambda/local/services/free-port.ts'
import { createLaunch, type Launched } from '../../../adapters/lambda/local/launch.ts'
import { createRuntimeApi, type RuntimeApi } from '../../../adapters/lambda/local/runtime-api.ts'
import { toHttpEvent } from '../../../core/compat/from-lambda/http-events.ts'

const PYTHON = 'python3'
const STACKS = join(import.meta.dirname, 'moto-stacks.py')

/** True if this machine has moto, which stands in for AWS. */
export const hasMoto = (): boolean => spawnSync(PYTHON, ['-c', 'import moto.server']).status === 0

/** The account that moto has. */
export const ACCOUNT = '123456789012'
export const REGION = 'eu-west-1'

/** How calls are answered while a fault is planted. */
export interface Fault {
  /** Service and operation, such as `cloudformation CreateChangeSet`. */
  readonly call: string
  /**
   * `lost` applies the call and answers 500, `turned back` has CloudFormation roll the stack back, and any other
   * text is the code of AWS's error.
   */
  readonly answer: 'lost' | 'turned back' | (string & {})
  /** Number of calls that are answered first. Default: 0. */
  readonly after?: number
  /** Number of calls that fail. Default: all. */
  readonly times?: number
}

interface Environment {
  readonly api: RuntimeApi
  readonly launched: Launched
}

/**
 * AWS on loopback: moto has the state, and a proxy before it invokes functions by running their images in
 * containers behind a Runtime API, and answers with planted errors. `url` is the front of the app: requests go
 * to the version that the alias names.
 */
export class LambdaCloud implements AsyncDisposable {
  /** Calls that may change something, as `service Operation`, in their order. */
  readonly changes: string[] = []
  fault: Fault | undefined
  /** Status that stacks seem to have. Default: their own. */
  status: string | undefined
  /** Origin at which the alias of the stack `shop` answers. */
  url = ''
  readonly #environments = new Map<string, Promise<Environment>>()
  readonly #servers: Server[] = []
  #child: ChildProcess | undefined
  #moto = ''
  #api = ''
  #asked = 0
  #isTurnedBack = false

  /** Starts moto and the proxy. Images run in the Docker engine of this process's environment. */
  static async start(): Promise<LambdaCloud> {
    const cloud = new LambdaCloud()
    const port = await freePort()
    cloud.#moto = `http://127.0.0.1:${port}`
    const child = spawn(PYTHON, [STACKS, '-H', '127.0.0.1', '-p', String(port)], {
      stdio: 'ignore',
    })
    cloud.#child = child
    while ((await fetch(`${cloud.#moto}/moto-api/`).catch(() => undefined)) === undefined) {
      if (child.exitCode !== null) throw new Error('moto did not start.')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    cloud.#api = await cloud.#listen((from, to) => cloud.#answer(from, to))
    cloud.url = await cloud.#listen((from, to) => cloud.#serve(from, to))
    return cloud
  }

  /** Environment of commands that use this cloud. */
  get env(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL: this.#api,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_SESSION_TOKEN: '',
      AWS_REGION: REGION,
    }
  }

  /** Returns what a GET of the front answers, as the alias is now. */
  async served(): Promise<string> {
    const answer = await fetch(this.url)
    return answer.ok ? answer.text() : `status ${answer.status}`
  }

  /** Calls moto without the proxy. */
  async call(
    service: string,
    path: string,
    init: RequestInit & { headers?: Record<string, string> } = {},
  ): Promise<string> {
    const scope = `Credential=test/20260101/${REGION}/${service}/aws4_request`
    const authorization = `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=0`
    const answer = await fetch(`${this.#moto}${path}`, {
      ...init,
      headers: { ...init.headers, authorization },
    })
    return answer.text()
  }

  /** Calls an operation of AWS's JSON protocol without the proxy. */
  json(service: 'ecr' | 'secretsmanager', operation: string, body: object): Promise<string> {
    const prefix = service === 'ecr' ? 'AmazonEC2ContainerRegistry_V20150921' : service
    return this.call(service, '/', {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `${prefix}.${operation}`,
      },
      body: JSON.stringify(body),
    })
  }

  /** Physical id of a resource of a stack. */
  async physicalId(stack: string, id: string): Promise<string> {
    const form = { Action: 'DescribeStackResource', Version: '2010-05-15' }
    const text = await this.call('cloudformation', '/', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body: String(new URLSearchParams({ ...form, StackName: stack, LogicalResourceId: id })),
    })
    return /<PhysicalResourceId>([^<]*)</.exec(text)?.[1] ?? ''
  }

  /** Creates a stack as `aws cloudformation deploy` would. */
  async createStack(
    name: string,
    template: string,
    parameters: Readonly<Record<string, string>>,
  ): Promise<void> {
    const form = new URLSearchParams({
      Action: 'CreateStack',
      Version: '2010-05-15',
      StackName: name,
      TemplateBody: template,
      'Capabilities.member.1': 'CAPABILITY_IAM',
    })
    for (const [index, [key, value]] of Object.entries(parameters).entries()) {
      form.set(`Parameters.member.${index + 1}.ParameterKey`, key)
      form.set(`Parameters.member.${index + 1}.ParameterValue`, value)
    }
    await this.call('cloudformation', '/', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body: String(form),
    })
  }

  /** Name of the stack's function. */
  async functionName(stack: string): Promise<string> {
    const listed = JSON.parse(await this.call('lambda', '/2015-03-31/functions/')) as {
      Functions: { FunctionName: string }[]
    }
    const found = listed.Functions.find((one) => one.FunctionName.startsWith(`${stack}-Function-`))
    return found?.FunctionName ?? ''
  }

  async #listen(handle: (from: IncomingMessage, to: ServerResponse) => Promise<void>): Promise<string> {
    const server = createServer((from, to) => {
      handle(from, to).catch((error: unknown) => {
        to.writeHead(500).end(error instanceof Error ? error.message : String(error))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.#servers.push(server)
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async #answer(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const body = await bodyOf(from)
    const { service, operation } = describeCall(from, body)
    const name = `${service} ${operation}`
    if (!/^(Get|List|Describe)/.test(operation)) this.changes.push(name)
    const { fault } = this
    const asked = fault?.call === name ? this.#asked++ - (fault.after ?? 0) : -1
    const isFaulty = fault !== undefined && asked >= 0 && asked < (fault.times ?? Infinity)
    if (isFaulty && fault.answer === 'turned back') {
      this.#isTurnedBack = true
      to.writeHead(200, { 'content-type': 'text/xml' }).end('<ExecuteChangeSetResponse/>')
      return
    }
    if (isFaulty && fault.answer !== 'lost') return fail(to, service, fault.answer)
    if (operation === 'Invoke') return this.#invoke(from, body, to)
    const target = `${this.#moto}${from.url ?? '/'}`
    const { host: _host, 'content-length': _length, connection: _connection, ...headers } = from.headers
    const answer = await fetch(target, {
      method: from.method ?? 'GET',
      headers: headers as Record<string, string>,
      ...(body.length === 0 ? {} : { body: Uint8Array.from(body) }),
    })
    const text = await answer.text()
    if (isFaulty) return fail(to, service, 'InternalFailure')
    const status = this.#isTurnedBack ? 'UPDATE_ROLLBACK_COMPLETE' : this.status
    to.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(
      status !== undefined && operation === 'DescribeStacks'
        ? text.replace(/(<StackStatus>)\w+/, `$1${status}`)
        : text,
    )
  }

  /** Ends a planted fault. */
  mend(): void {
    this.fault = undefined
    this.#asked = 0
    this.#isTurnedBack = false
  }

  async #invoke(from: IncomingMessage, body: Buffer, to: ServerResponse): Promise<void> {
    const url = new URL(from.url ?? '/', this.#api)
    const name = decodeURIComponent(/functions\/([^/]+)\//.exec(url.pathname)?.[1] ?? '')
    const version = url.searchParams.get('Qualifier') ?? '$LATEST'
    const { payload, isError } = await this.#run(name, version, body.toString())
    to.writeHead(200, isError ? { 'x-amz-function-error': 'Unhandled' } : {}).end(payload)
  }

  /** Runs an event in the container of a version. */
  async #run(name: string, version: string, payload: string): Promise<{ payload: string; isError: boolean }> {
    const key = `${name}:${version}`
    const known = this.#environments.get(key) ?? this.#launch(name, version)
    this.#environments.set(key, known)
    try {
      const { api } = await known
      const answer = await api.invoke({ payload, deadline: Date.now() + 30_000 }).response
      if (answer.kind === 'buffered') return { payload: answer.payload, isError: false }
      if (answer.kind === 'stream') throw new Error('The function answered in a stream.')
      return { payload: JSON.stringify({ errorMessage: answer.errorMessage }), isError: true }
    } catch (error) {
      return { payload: JSON.stringify({ errorMessage: String(error) }), isError: true }
    }
  }

  async #launch(name: string, version: string): Promise<Environment> {
    const path = `/2015-03-31/functions/${name}?Qualifier=${encodeURIComponent(version)}`
    const described = JSON.parse(await this.call('lambda', path)) as {
      Configuration: { Environment?: { Variables?: Record<string, string> } }
      Code: { ImageUri: string }
    }
    // Lambda sets these itself.
    const variables: Record<string, string> = {
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_LAMBDA_FUNCTION_NAME: name,
    }
    for (const [key, value] of Object.entries(described.Configuration.Environment?.Variables ?? {}))
      variables[key] = await this.#resolve(value)
    const api = await createRuntimeApi()
    const launched = createLaunch('container', { dir: '', variables, image: described.Code.ImageUri })(
      api.address,
    )
    launched.child.on('close', () => api.fail(new Error('The container ended.')))
    return { api, launched }
  }

  /** CloudFormation puts in the secrets that a template names. */
  async #resolve(value: string): Promise<string> {
    const id = /^\{\{resolve:secretsmanager:(.+):SecretString\}\}$/.exec(value)?.[1]
    if (id === undefined) return value
    const text = await this.json('secretsmanager', 'GetSecretValue', { SecretId: id })
    return (JSON.parse(text) as { SecretString: string }).SecretString
  }

  /** Answers as the function's URL does: by the version of the alias. */
  async #serve(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const name = await this.functionName('shop')
    const alias = JSON.parse(await this.call('lambda', `/2015-03-31/functions/${name}/aliases/live`)) as {
      FunctionVersion: string
    }
    const { payload, isError } = await this.#run(
      name,
      alias.FunctionVersion,
      JSON.stringify(
        toHttpEvent(
          {
            method: 'GET',
            path: from.url ?? '/',
            query: '',
            httpVersion: '1.1',
            host: 'shop.example.com',
            sourceIp: '127.0.0.1',
            userAgent: '',
            // The apps of the test know live traffic by this header.
            headers: { host: ['shop.example.com'], 'x-live': ['yes'] },
            body: { isBase64Encoded: false },
          },
          'v2',
        ),
      ),
    )
    const { statusCode = 502, body = payload } = JSON.parse(payload) as {
      statusCode?: number
      body?: string
    }
    to.writeHead(isError ? 502 : statusCode).end(body)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const environment of this.#environments.values()) {
      const found = await environment.catch(() => undefined)
      found?.launched.kill()
      if (found !== undefined && found.launched.child.exitCode === null)
        await once(found.launched.child, 'close')
      await found?.api.close()
    }
    for (const server of this.#servers) {
      server.closeAllConnections()
      server.close()
    }
    this.#child?.kill()
    if (this.#child?.exitCode === null) await once(this.#child, 'close')
  }
}

async function bodyOf(from: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of from) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function describeCall(from: IncomingMessage, body: Buffer): { service: string; operation: string } {
  const service = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(from.headers.authorization ?? '')?.[1] ?? ''
  const target = from.headers['x-amz-target']
  if (typeof target === 'string') return { service, operation: target.slice(target.indexOf('.') + 1) }
  if (service !== 'lambda')
    return { service, operation: new URLSearchParams(body.toString()).get('Action') ?? '' }
  const path = new URL(from.url ?? '/', 'http://any').pathname
  const rest = path.replace(/^\/2015-03-31\/functions\/[^/]+/, '')
  const operations: Readonly<Record<string, string>> = {
    'GET ': 'GetFunction',
    'POST /versions': 'PublishVersion',
    'GET /versions': 'ListVersionsByFunction',
    'GET /aliases/live': 'GetAlias',
    'PUT /aliases/live': 'UpdateAlias',
    'POST /invocations': 'Invoke',
  }
  return { service, operation: operations[`${from.method} ${rest}`] ?? `${from.method} ${path}` }
}

/** Answers with an error in the form of the service. */
function fail(to: ServerResponse, service: string, code: string): void {
  const status = code === 'InternalFailure' ? 500 : code === 'PreconditionFailedException' ? 412 : 400
  const message = 'the planted fault'
  if (service === 'cloudformation' || service === 'sts')
    to.writeHead(status, { 'content-type': 'text/xml' }).end(
      `<ErrorResponse><Error><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
    )
  else
    to.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': code }).end(
      JSON.stringify({ __type: code, message }),
    )
}
