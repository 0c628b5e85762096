import type { DriverSpec } from '../../../../core/adapter.ts'
import { connectionsArns } from './web-socket-apis.ts'
import type { Manifest } from '../../../../core/manifest.ts'

/** A statement of an IAM policy. */
export interface Statement {
  readonly Effect: 'Allow'
  readonly Action: readonly string[]
  readonly Resource: unknown
}

const OBJECTS = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload']
const allow = (actions: readonly string[], resource: unknown): Statement => ({
  Effect: 'Allow',
  Action: actions,
  Resource: resource,
})
const sub = (text: string): object => ({ 'Fn::Sub': text })

/** Returns the logical id of a queue in the CloudFormation template. */
export function queueId(binding: string): string {
  return `${binding[0]?.toUpperCase() ?? ''}${binding.slice(1)}Queue`
}

/**
 * Returns the IAM statements that the drivers of the declared bindings need, and no others: the actions that
 * the drivers' READMEs list.
 */
export function permissions(manifest: Manifest, drivers: Readonly<Record<string, DriverSpec>>): Statement[] {
  const statements: Statement[] = []
  for (const [binding, declaration] of Object.entries(manifest.bindings)) {
    const spec = drivers[binding]
    if (spec?.driver === 'dynamodb') {
      statements.push(
        allow(
          [
            'dynamodb:GetItem',
            'dynamodb:BatchGetItem',
            'dynamodb:PutItem',
            'dynamodb:DeleteItem',
            'dynamodb:Query',
          ],
          { 'Fn::GetAtt': ['Table', 'Arn'] },
        ),
      )
      statements.push(
        allow(
          OBJECTS,
          sub(`\${Bucket.Arn}/${text(spec['prefix']) ?? `${manifest.name}/${binding}`}/.values/*`),
        ),
      )
    }
    if (spec?.driver === 'api-gateway') {
      statements.push(
        allow(
          [
            'dynamodb:GetItem',
            'dynamodb:PutItem',
            'dynamodb:UpdateItem',
            'dynamodb:DeleteItem',
            'dynamodb:Query',
          ],
          { 'Fn::GetAtt': ['Table', 'Arn'] },
        ),
      )
      for (const resource of connectionsArns(binding))
        statements.push(allow(['execute-api:ManageConnections'], resource))
    }
    if (spec?.driver === 's3')
      statements.push(
        allow(OBJECTS, sub(`\${Bucket.Arn}/${text(spec['prefix']) ?? `${manifest.name}/${binding}/`}*`)),
      )
    if (declaration.kind === 'queue' && spec?.driver === 'sqs') {
      const consumed = manifest.queues.includes(binding)
      const actions = [
        'sqs:SendMessage',
        'sqs:GetQueueAttributes',
        ...(consumed ? ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'] : []),
      ]
      statements.push(allow(actions, { 'Fn::GetAtt': [queueId(binding), 'Arn'] }))
    }
    if (spec?.driver === 'secretsmanager') {
      const id = text(spec['id']) ?? `${manifest.name}/${binding}`
      const arn = id.startsWith('arn:')
        ? id
        : sub(`arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${id}-??????`)
      statements.push(allow(['secretsmanager:GetSecretValue'], arn))
    }
    if (spec?.driver === 'ssm') {
      const name = text(spec['name']) ?? `/${manifest.name}/${binding}`
      statements.push(
        allow(
          ['ssm:GetParameter'],
          sub(
            'arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:' +
              `parameter${name.startsWith('/') ? '' : '/'}${name}`,
          ),
        ),
      )
    }
  }
  // Without s3:ListBucket, S3 answers 403 instead of 404 for a missing key.
  if (Object.values(drivers).some(({ driver }) => driver === 's3' || driver === 'dynamodb'))
    statements.push(allow(['s3:ListBucket'], { 'Fn::GetAtt': ['Bucket', 'Arn'] }))
  return merged(statements)
}

/** Merges IAM statements with the same actions into one. */
function merged(statements: readonly Statement[]): Statement[] {
  return [...Map.groupBy(statements, ({ Action }) => Action.join()).values()].map((same) => {
    const resources = [...new Map(same.map(({ Resource }) => [JSON.stringify(Resource), Resource])).values()]
    return { ...(same[0] as Statement), Resource: resources.length === 1 ? resources[0] : resources }
  })
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
