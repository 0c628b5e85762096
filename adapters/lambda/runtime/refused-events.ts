/**
 * Describes Lambda events that apps cannot handle, so that whoever connected the source sees what the event
 * was and what to do. Values of an event are never printed: they may be secrets.
 */

/** The fields that tell kinds of Lambda events apart. */
interface AnyEvent {
  readonly Records?: readonly {
    readonly eventSource?: unknown
    readonly EventSource?: unknown
    readonly cf?: unknown
  }[]
  readonly requestContext?: { readonly connectionId?: unknown; readonly eventType?: unknown }
  readonly type?: unknown
  readonly eventSource?: unknown
  readonly triggerSource?: unknown
  readonly awslogs?: unknown
  readonly deliveryStreamArn?: unknown
  readonly raw_path?: unknown
  readonly 'detail-type'?: unknown
}

const RECORD_SOURCES: Readonly<Record<string, string>> = {
  'aws:s3': 'an S3 notification',
  'aws:sns': 'an SNS notification',
  'aws:dynamodb': "a DynamoDB stream's batch",
  'aws:kinesis': "a Kinesis stream's batch",
  'aws:ses': 'an SES message',
  'aws:codecommit': 'a CodeCommit trigger',
  'aws:kafka': 'a Kafka batch',
  SelfManagedKafka: 'a Kafka batch',
  'aws:amq': 'an ActiveMQ batch',
  'aws:rmq': 'a RabbitMQ batch',
  'aws:docdb': "a DocumentDB stream's batch",
}

/**
 * Advice for event sources of Lambda that have no handler of their own: send their events through a queue.
 */
const BY_QUEUE =
  'Have it sent to an SQS queue (S3 and SNS do that themselves, EventBridge rules and Pipes for the ' +
  'others) that the app consumes.'
const FORMS =
  'Apps take HTTP (Function URL, HTTP and REST APIs, load balancer, VPC Lattice), SQS batches, ' +
  'schedules, and {"unmoor":{"cron":"NAME"}}.'

/** Describes a Lambda event that apps cannot handle, and what to do instead. */
export function describeRefused(event: unknown): string {
  if (typeof event !== 'object' || event === null)
    return `${event === null ? 'null' : typeof event}. ${FORMS}`
  const known = event as AnyEvent
  if (known.requestContext?.connectionId !== undefined) {
    return (
      `a WebSocket API's ${word(known.requestContext.eventType)}, and the app declares no sockets: ` +
      "bindings: defineBindings({ chat: sockets({ path: '/chat', origins: [...] }) })."
    )
  }
  if (known.type === 'REQUEST' || known.type === 'TOKEN')
    return `an API Gateway authorizer's request. Check who calls in the app's fetch handler instead.`
  const records = Array.isArray(known.Records) ? known.Records : []
  const sources = new Set(
    records.map((record) => record?.eventSource ?? record?.EventSource ?? known.eventSource),
  )
  if (sources.size > 1)
    return `a batch of several sources (${[...sources].map(word).join(', ')}), which AWS never sends.`
  const source = [...sources][0] ?? known.eventSource
  if (typeof source === 'string') {
    if (source === 'aws:sqs') return 'an SQS batch whose records have no messageId or eventSourceARN.'
    const what = Object.hasOwn(RECORD_SOURCES, source)
      ? RECORD_SOURCES[source]
      : `an event of ${word(source)}`
    return `${what}. ${BY_QUEUE}`
  }
  if (known.raw_path !== undefined)
    return 'a VPC Lattice event of structure 1.0. Set the target group to LambdaEventStructureVersion V2.'
  if (records[0]?.cf !== undefined) return `a CloudFront event. Put CloudFront before a Function URL instead.`
  if (known.triggerSource !== undefined) return `a Cognito trigger (${word(known.triggerSource)}). ${FORMS}`
  if (known.awslogs !== undefined) return `a CloudWatch Logs subscription's batch. ${FORMS}`
  if (known.deliveryStreamArn !== undefined) return `a Firehose transformation. ${FORMS}`
  if (known['detail-type'] !== undefined)
    return (
      `an EventBridge event (${word(known['detail-type'])}). Set an SQS queue that the app ` +
      `consumes as the rule's target.`
    )
  const keys = Object.keys(event)
  const shown = keys.slice(0, 8).map(word).join(', ')
  return `${keys.length === 0 ? 'an empty object' : `an object with ${shown}`}. ${FORMS}`
}

/** Converts text of a Lambda event for a log line: short, and on one line. */
function word(value: unknown): string {
  return typeof value === 'string' ? value.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 60) : typeof value
}
