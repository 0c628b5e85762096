import { AwsClient } from '../../../drivers/aws/client.ts'
import { callJson } from '../../../drivers/aws/json.ts'
import { type AwsService, resolveAws } from '../../../drivers/aws/settings.ts'
import { isUnmoorError } from '../../../../core/errors.ts'
import type { PlannedQueue } from './plan.ts'

/** Dummy credentials: the local servers check no signature, but the clients must have keys to sign with. */
export const LOCAL_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_REGION: 'us-east-1',
} as const

function client(service: AwsService, endpoint: string): AwsClient {
  const variables: Readonly<Record<string, string>> = LOCAL_CREDENTIALS
  return new AwsClient(
    resolveAws(service, { endpoint }, { binding: 'local', variable: (name) => variables[name] }),
  )
}

/** Creates the DynamoDB table that the dynamodb driver expects, unless it exists. */
export async function createTable(url: string, table: string): Promise<void> {
  const call = {
    service: 'dynamodb' as const,
    url: `${url}/`,
    on: `table "${table}"`,
    write: true,
    repeatable: true,
  }
  const dynamodb = client('dynamodb', url)
  const body = {
    TableName: table,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
  }
  await callJson(dynamodb, { ...call, target: 'DynamoDB_20120810.CreateTable', body }).catch(
    (error: unknown) => {
      if ((error as { cause?: { code?: unknown } }).cause?.code !== 'ResourceInUseException') throw error
    },
  )
  for (;;) {
    const { Table } = await callJson<{ Table: { TableStatus: string } }>(dynamodb, {
      ...call,
      target: 'DynamoDB_20120810.DescribeTable',
      body: { TableName: table },
    })
    if (Table.TableStatus === 'ACTIVE') return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export async function createBucket(url: string, bucket: string): Promise<void> {
  const request = {
    service: 's3' as const,
    operation: 'CreateBucket',
    target: `bucket "${bucket}"`,
    method: 'PUT',
    url: `${url}/${bucket}`,
    write: true,
    repeatable: true,
  }
  await client('s3', url)
    .text(request)
    .catch((error: unknown) => {
      if (!isUnmoorError(error, 'Conflict')) throw error
    })
}

/** Creates the local SQS queues, connects dead-letter queues, and returns the URLs by binding. */
export async function createQueues(
  url: string,
  queues: readonly PlannedQueue[],
  visibilityTimeout: number,
): Promise<Record<string, string>> {
  const sqs = client('sqs', url)
  const call = <T>(name: string, queue: string, body: unknown): Promise<T> =>
    callJson<T>(sqs, {
      service: 'sqs',
      target: `AmazonSQS.${name}`,
      url: `${url}/`,
      on: `queue "${queue}"`,
      body,
      write: true,
      repeatable: true,
    })
  const urls: Record<string, string> = {}
  for (const { binding, name } of queues) {
    await call('CreateQueue', name, {
      QueueName: name,
      ...(name.endsWith('.fifo') ? { Attributes: { FifoQueue: 'true' } } : {}),
    })
    // The URL in the SQS emulator's answer is not used: its host name cannot be resolved on a machine without
    // its own DNS.
    urls[binding] = `${url}/000000000000/${name}`
  }
  for (const { binding, name, redrive } of queues) {
    const target =
      redrive === undefined ? undefined : queues.find((queue) => queue.binding === redrive.binding)
    const policy =
      target === undefined
        ? ''
        : JSON.stringify({
            deadLetterTargetArn: `arn:aws:sqs:us-east-1:000000000000:${target.name}`,
            maxReceiveCount: redrive?.maxReceiveCount,
          })
    await call('SetQueueAttributes', name, {
      QueueUrl: urls[binding],
      Attributes: {
        VisibilityTimeout: String(visibilityTimeout),
        MessageRetentionPeriod: '1209600',
        RedrivePolicy: policy,
      },
    })
  }
  return urls
}
