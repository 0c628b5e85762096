import type { AwsClient } from './client.ts'
import type { AwsService } from './settings.ts'

/** A call of AWS's JSON protocol, which every AWS service that a driver uses speaks, except S3. */
export interface JsonCall {
  service: AwsService
  /** Value of the X-Amz-Target header, such as `DynamoDB_20120810.GetItem`. */
  target: string
  url: string
  /** Version of AWS's JSON protocol. Default: 1.0, which DynamoDB and SQS use. */
  version?: '1.0' | '1.1'
  /** Resource that an AWS call acts on, for error messages: `table "links"`. */
  on: string
  body: unknown
  write: boolean
  repeatable: boolean
  signal?: AbortSignal | undefined
  timeout?: number
}

/** Sends a call of AWS's JSON protocol and returns the parsed answer. */
export async function callJson<T>(client: AwsClient, call: JsonCall): Promise<T> {
  const { text } = await client.text({
    service: call.service,
    operation: call.target.slice(call.target.indexOf('.') + 1),
    target: call.on,
    url: call.url,
    headers: {
      'content-type': `application/x-amz-json-${call.version ?? '1.0'}`,
      'x-amz-target': call.target,
    },
    body: JSON.stringify(call.body),
    write: call.write,
    repeatable: call.repeatable,
    signal: call.signal,
    ...(call.timeout === undefined ? {} : { timeout: call.timeout }),
  })
  return (text === '' ? {} : JSON.parse(text)) as T
}
