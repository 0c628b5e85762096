import type { DriverSpec } from '../../../../core/adapter.ts'
import type { Manifest } from '../../../../core/manifest.ts'
import type { LambdaOptions } from '../../options.ts'
import { type Part, ref } from './part.ts'
import { queueId } from './permissions.ts'

/** Condition under which the stack has alarms: somebody is told of them. */
const CONDITION = 'HasAlarmTopic'
/** Seconds over which a metric is looked at: the usual five minutes of alarms on AWS. */
const PERIOD = 300

/** What the alarms add to a template. */
export interface Alarms {
  readonly parameters: Part
  readonly conditions: Part
  readonly resources: Part
}

/** The metric that an alarm watches, and when it rings. */
interface Watch {
  readonly what: string
  readonly metric: readonly [namespace: string, name: string, dimensions: Part]
  readonly statistic: 'Sum' | 'Maximum'
  readonly over: unknown
}

/**
 * Returns alarms on errors, throttles, server errors of the front, dead letters, and messages that wait. They
 * exist only in a stack with an SNS topic, since AWS charges for each one, and one that tells nobody is of no
 * use.
 */
export function createAlarms(
  manifest: Manifest,
  drivers: Readonly<Record<string, DriverSpec>>,
  { event }: Required<LambdaOptions>,
): Alarms {
  const lambda = { FunctionName: ref('Function') }
  const sum = (id: string, what: string, metric: Watch['metric']): [string, Part] => [
    id,
    alarm({ what, metric, statistic: 'Sum', over: 0 }),
  ]
  const front = manifest.fetch ? FRONT_ERRORS[event] : undefined
  const resources: Part = Object.fromEntries([
    sum('FunctionErrorsAlarm', 'an event failed', ['AWS/Lambda', 'Errors', lambda]),
    sum('FunctionThrottlesAlarm', 'an event was throttled', ['AWS/Lambda', 'Throttles', lambda]),
    ...(front === undefined ? [] : [sum('ServerErrorsAlarm', 'an answer was a 5xx', front)]),
  ])
  const isOnSqs = (binding: string): boolean => drivers[binding]?.driver === 'sqs'
  const ofQueue = (binding: string, metric: string): Watch['metric'] => [
    'AWS/SQS',
    metric,
    { QueueName: { 'Fn::GetAtt': [queueId(binding), 'QueueName'] } },
  ]
  for (const binding of deadLetterQueues(manifest).filter(isOnSqs))
    resources[`${queueId(binding)}Alarm`] = alarm({
      what: `a message is in the dead-letter queue "${binding}"`,
      metric: ofQueue(binding, 'ApproximateNumberOfMessagesVisible'),
      statistic: 'Maximum',
      over: 0,
    })
  const consumed = manifest.queues.filter(isOnSqs)
  for (const binding of consumed)
    resources[`${queueId(binding)}AgeAlarm`] = alarm({
      what: `a message waits in the queue "${binding}"`,
      metric: ofQueue(binding, 'ApproximateAgeOfOldestMessage'),
      statistic: 'Maximum',
      over: ref('QueueAgeSeconds'),
    })
  return {
    parameters: {
      AlarmTopicArn: {
        Type: 'String',
        Default: '',
        Description: 'ARN of the SNS topic that alarms are sent to; empty for no alarms.',
      },
      ...(consumed.length === 0
        ? {}
        : {
            QueueAgeSeconds: {
              Type: 'Number',
              Default: 900,
              MinValue: 1,
              Description: 'Age of the oldest message of a queue, in seconds, over which an alarm rings.',
            },
          }),
    },
    conditions: { [CONDITION]: { 'Fn::Not': [{ 'Fn::Equals': [ref('AlarmTopicArn'), ''] }] } },
    resources,
  }
}

/** Metric of the answers over 499 of each front. The REST API's name is the stack's. */
const FRONT_ERRORS: Readonly<Partial<Record<LambdaOptions['event'] & string, Watch['metric']>>> = {
  url: ['AWS/Lambda', 'Url5xxCount', { FunctionName: ref('Function') }],
  v2: ['AWS/ApiGateway', '5xx', { ApiId: ref('ServerlessHttpApi') }],
  v1: ['AWS/ApiGateway', '5XXError', { ApiName: ref('AWS::StackName'), Stage: 'Prod' }],
}

function deadLetterQueues({ bindings }: Manifest): string[] {
  const names = Object.values(bindings).flatMap((declaration) =>
    declaration.kind === 'queue' && declaration.deadLetterQueue !== undefined
      ? [declaration.deadLetterQueue]
      : [],
  )
  return [...new Set(names)]
}

function alarm({ what, metric: [namespace, name, dimensions], statistic, over }: Watch): Part {
  return {
    Type: 'AWS::CloudWatch::Alarm',
    Condition: CONDITION,
    Properties: {
      AlarmDescription: { 'Fn::Sub': `\${AWS::StackName}: ${what}.` },
      Namespace: namespace,
      MetricName: name,
      Dimensions: Object.entries(dimensions).map(([key, value]) => ({ Name: key, Value: value })),
      Statistic: statistic,
      Period: PERIOD,
      EvaluationPeriods: 1,
      ComparisonOperator: 'GreaterThanThreshold',
      Threshold: over,
      // A function or queue without events has no metric, and nothing is wrong with it.
      TreatMissingData: 'notBreaching',
      AlarmActions: [ref('AlarmTopicArn')],
      OKActions: [ref('AlarmTopicArn')],
    },
  }
}
