import type { BuildContext, DriverSpec } from '../../../../core/adapter.ts'
import type { QueueDeclaration } from '../../../../core/bindings/declarations.ts'
import type { Manifest } from '../../../../core/manifest.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import type { LambdaOptions } from '../../options.ts'
import { type Part, visibility } from './part.ts'
import { queueId } from './permissions.ts'
import { toScheduleExpression } from './schedule-expression.ts'

const FOURTEEN_DAYS = 1_209_600
// Data outlives the CloudFormation stack: a deleted stack must not delete what users stored.
const KEPT = { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' }

/** Creates the template's resources for the table, the bucket and the queues that the drivers use. */
export function createResources(
  manifest: Manifest,
  drivers: Readonly<Record<string, DriverSpec>>,
  { timeout }: Required<LambdaOptions>,
): Part {
  const uses = (driver: string): boolean => Object.values(drivers).some((spec) => spec.driver === driver)
  const resources: Part = {}
  if (uses('dynamodb') || uses('api-gateway')) resources['Table'] = TABLE
  // The dynamodb driver stores large values as S3 objects.
  if (uses('dynamodb') || uses('s3')) resources['Bucket'] = BUCKET
  const queues = Object.entries(manifest.bindings).filter(
    (entry): entry is [string, QueueDeclaration] =>
      entry[1].kind === 'queue' && drivers[entry[0]]?.driver === 'sqs',
  )
  const deadLetters = new Set(queues.map(([, { deadLetterQueue }]) => deadLetterQueue))
  for (const [binding, declaration] of queues) {
    const { deadLetterQueue, maxRetries } = declaration
    if (deadLetterQueue !== undefined && isFifo(drivers[binding]) !== isFifo(drivers[deadLetterQueue]))
      throw new UnmoorError(
        'InvalidArgument',
        `Queue "${binding}": its dead-letter queue "${deadLetterQueue}" must be a FIFO queue as it is ` +
          'one, or neither. Set the driver option fifo for both.',
        {
          binding,
          operation: 'build',
        },
      )
    resources[queueId(binding)] = {
      Type: 'AWS::SQS::Queue',
      ...KEPT,
      Properties: {
        FifoQueue: isFifo(drivers[binding]) ? true : undefined,
        VisibilityTimeout: visibility(timeout, declaration),
        SqsManagedSseEnabled: true,
        MessageRetentionPeriod: deadLetters.has(binding) ? FOURTEEN_DAYS : undefined,
        RedrivePolicy:
          deadLetterQueue === undefined
            ? undefined
            : {
                deadLetterTargetArn: { 'Fn::GetAtt': [queueId(deadLetterQueue), 'Arn'] },
                maxReceiveCount: maxRetries + 1,
              },
      },
    }
  }
  return resources
}

const TABLE = {
  Type: 'AWS::DynamoDB::Table',
  ...KEPT,
  Properties: {
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
  },
}

const BUCKET = {
  Type: 'AWS::S3::Bucket',
  ...KEPT,
  Properties: {
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
    // A bucket rule removes multipart uploads that a killed process left behind.
    LifecycleConfiguration: {
      Rules: [
        { Id: 'multipart', Status: 'Enabled', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
      ],
    },
  },
}

function isFifo(spec: DriverSpec | undefined): boolean {
  return spec?.['fifo'] === true
}

/** Returns the Lambda function's event sources: an HTTP or REST API, queues that it consumes, schedules. */
export function eventSources(
  { manifest, drivers }: Pick<BuildContext, 'manifest' | 'drivers'>,
  { event }: Required<LambdaOptions>,
): Part | undefined {
  const sources: Part = {}
  if (manifest.fetch && event === 'v2') sources['Http'] = { Type: 'HttpApi' }
  if (manifest.fetch && event === 'v1') {
    sources['Root'] = { Type: 'Api', Properties: { Path: '/', Method: 'ANY' } }
    sources['All'] = { Type: 'Api', Properties: { Path: '/{proxy+}', Method: 'ANY' } }
  }
  for (const binding of manifest.queues) {
    const declaration = manifest.bindings[binding]
    if (declaration?.kind !== 'queue' || drivers[binding]?.driver !== 'sqs') continue
    const { batchSize, batchWait } = declaration
    const fifo = isFifo(drivers[binding])
    if (fifo && (batchSize > 10 || batchWait > 0))
      throw new UnmoorError(
        'Unsupported',
        `Queue "${binding}" is a FIFO queue of SQS, of which Lambda takes at most 10 messages at once ` +
          'and waits for none: set batchSize to 10 or less, and batchWait to 0.',
        {
          binding,
          operation: 'build',
        },
      )
    sources[queueId(binding)] = {
      Type: 'SQS',
      Properties: {
        Queue: { 'Fn::GetAtt': [queueId(binding), 'Arn'] },
        BatchSize: batchSize,
        MaximumBatchingWindowInSeconds: fifo
          ? undefined
          : batchSize > 10
            ? Math.max(1, batchWait)
            : batchWait,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      },
    }
  }
  for (const [cron, schedule] of Object.entries(manifest.crons)) {
    sources[`Cron${cron.replaceAll(/[^A-Za-z0-9]/g, '')}`] = {
      Type: 'ScheduleV2',
      Properties: {
        ScheduleExpression: toScheduleExpression(schedule),
        ScheduleExpressionTimezone: 'UTC',
        Input: JSON.stringify({ unmoor: { cron }, time: '<aws.scheduler.scheduled-time>' }),
      },
    }
  }
  return Object.keys(sources).length === 0 ? undefined : sources
}
