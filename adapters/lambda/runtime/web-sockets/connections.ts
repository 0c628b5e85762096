import { constantCase } from '../../../../core/bindings/declarations.ts'
import type { DriverContext } from '../../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import { AwsClient } from '../../../drivers/aws/client.ts'
import { readBody } from '../../../drivers/aws/http.ts'
import type { AwsOptions } from '../../../drivers/aws/options.ts'
import { resolveAws } from '../../../drivers/aws/settings.ts'

/** HTTP statuses for an id without an open WebSocket: 410, and 400 for an id that API Gateway cannot read. */
const GONE = [400, 410]

/**
 * API Gateway's `@connections` of one WebSocket API:
 * docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html.
 */
export class Connections {
  /** URL to which WebSocket clients connect: `wss://API.execute-api.REGION.amazonaws.com/STAGE`. */
  readonly endpoint: string
  #client: AwsClient
  #base: string

  /**
   * Creates a client of a WebSocket API's `@connections`.
   *
   * @throws `NotFound` that names the missing variable of the endpoint, `InvalidArgument` if its value is not
   * an endpoint.
   */
  constructor(options: AwsOptions, context: DriverContext) {
    const { binding } = context
    const name = `${constantCase(binding)}_SOCKETS_URL`
    const endpoint = context.variable(name)
    if (endpoint === undefined)
      throw new UnmoorError(
        'NotFound',
        `Sockets binding "${binding}" needs the URL of its WebSocket API in ${name}. The template sets it.`,
        { binding, operation: 'start' },
      )
    if (!/^wss?:\/\/[^/?#]+\/[^?#]+$/.test(endpoint))
      throw new UnmoorError(
        'InvalidArgument',
        `${name} is "${endpoint}". It is the URL of a stage of a WebSocket API, such as ` +
          'wss://abc.execute-api.eu-west-1.amazonaws.com/live.',
        { binding, operation: 'start' },
      )
    this.endpoint = endpoint.replace(/\/$/, '')
    this.#base = `${this.endpoint.replace(/^ws/, 'http')}/%40connections/`
    this.#client = new AwsClient(resolveAws('execute-api', options, context))
  }

  /**
   * Sends a WebSocket message by API Gateway; false if the connection is not open. A message is never sent
   * twice: only a refused call is repeated.
   */
  post(connectionId: string, message: string): Promise<boolean> {
    return this.#call('PostToConnection', 'POST', connectionId, message)
  }

  /** Closes a WebSocket connection by API Gateway; false if it is not open. */
  delete(connectionId: string): Promise<boolean> {
    return this.#call('DeleteConnection', 'DELETE', connectionId, undefined)
  }

  async #call(
    operation: string,
    method: string,
    connectionId: string,
    body: string | undefined,
  ): Promise<boolean> {
    const { status, body: answer } = await this.#client.send({
      service: 'execute-api',
      operation,
      target: `connection "${connectionId}"`,
      method,
      url: `${this.#base}${encodeURIComponent(connectionId)}`,
      body,
      write: true,
      repeatable: method === 'DELETE',
      accept: GONE,
    })
    await readBody(answer)
    return !GONE.includes(status)
  }
}
