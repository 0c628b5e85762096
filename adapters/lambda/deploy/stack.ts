/** The CloudFormation stack of a deploy: what it has, and how a change set changes it. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { UnmoorError } from '../../../core/errors.ts'
import type { XmlElement } from '../../drivers/aws/xml.ts'
import { type Aws, awsFailure } from './aws-calls.ts'

/** Pause between two looks at a change set or a stack. */
const POLL_MS = 2000

/** A stack as it is. */
export interface Stack {
  readonly id: string
  readonly status: string
  /** Values of the parameters by their names. */
  readonly parameters: ReadonlyMap<string, string>
  /** The output `Url`. */
  readonly url: string | undefined
}

/** A parameter of a change set: a value, or the one that the stack has. */
export type ParameterValue = { readonly value: string } | 'previous'

/** What a change set does to one resource. */
export interface Change {
  readonly action: string
  readonly id: string
  readonly type: string
  /** `True`, `False` or `Conditional`; empty if CloudFormation does not say. */
  readonly replacement: string
  /** True if CloudFormation only lists the resource because it names another one that changes. */
  readonly isDerived: boolean
}

/** Returns the stack; undefined if there is none. */
export async function readStack(aws: Aws, name: string): Promise<Stack | undefined> {
  const found = await describeStack(aws, name).catch((error: unknown) => {
    if (/does not exist/.test(awsFailure(error)?.message ?? '')) return undefined
    throw error
  })
  if (found === undefined || found.status === 'DELETE_COMPLETE') return undefined
  return found
}

async function describeStack(aws: Aws, name: string): Promise<Stack> {
  const call = { on: `stack "${name}"`, write: false }
  const result = await aws.query('cloudformation', 'DescribeStacks', { StackName: name }, call)
  const stack = result.child('Stacks')?.child('member')
  const outputs = pairs(stack?.child('Outputs'), 'OutputKey', 'OutputValue')
  return {
    id: stack?.text('StackId') ?? name,
    status: stack?.text('StackStatus') ?? '',
    parameters: pairs(stack?.child('Parameters'), 'ParameterKey', 'ParameterValue'),
    url: outputs.get('Url')?.replace(/\/$/, ''),
  }
}

function pairs(list: XmlElement | undefined, key: string, value: string): Map<string, string> {
  return new Map(list?.all('member').map((one) => [one.text(key) ?? '', one.text(value) ?? '']))
}

/**
 * Refuses a stack that takes no change set now.
 *
 * @throws `Conflict` while another deploy changes it, `PreconditionFailed` after one that failed half-way;
 * with the command that helps.
 */
export function checkStatus(stack: Stack | undefined, name: string): void {
  const status = stack?.status ?? 'REVIEW_IN_PROGRESS'
  if (/^((CREATE|UPDATE|IMPORT|UPDATE_ROLLBACK|IMPORT_ROLLBACK)_COMPLETE|REVIEW_IN_PROGRESS)$/.test(status))
    return
  const aws = `aws cloudformation`
  if (status.endsWith('_IN_PROGRESS'))
    throw refuse(
      'Conflict',
      `The stack "${name}" is ${status}: another deploy changes it. Nothing was changed. Wait for its end ` +
        `(${aws} describe-stacks --stack-name ${name}), and deploy again.`,
    )
  const advice =
    status === 'UPDATE_ROLLBACK_FAILED'
      ? `${aws} continue-update-rollback --stack-name ${name}`
      : status === 'UPDATE_FAILED'
        ? `${aws} rollback-stack --stack-name ${name}`
        : `${aws} delete-stack --stack-name ${name} (tables, buckets and queues stay)`
  throw refuse(
    'PreconditionFailed',
    `The stack "${name}" is ${status}, in which CloudFormation changes nothing. Nothing was changed. Run ` +
      `first: ${advice}`,
  )
}

/** Returns the name of the stack's function; undefined if the stack has no resource `Function`. */
export async function readFunction(aws: Aws, name: string): Promise<string | undefined> {
  const result = await aws
    .query(
      'cloudformation',
      'DescribeStackResource',
      { StackName: name, LogicalResourceId: 'Function' },
      { on: `stack "${name}"`, write: false },
    )
    .catch((error: unknown) => {
      if (awsFailure(error)?.code === 'ValidationError') return undefined
      throw error
    })
  return result?.child('StackResourceDetail')?.text('PhysicalResourceId')
}

/** What a change set is made of. */
export interface ChangeSetInput {
  readonly stack: string
  readonly isNew: boolean
  readonly template: string
  readonly parameters: Readonly<Record<string, ParameterValue>>
}

/** A change set that CloudFormation has worked out, but not executed. */
export interface ChangeSet {
  readonly id: string
  readonly stackId: string
  /** Empty if the stack is what the template and the parameters say already. */
  readonly changes: readonly Change[]
}

/**
 * Creates a change set and waits until CloudFormation has worked it out. @throws `Unavailable` with its
 * reason.
 */
export async function createChangeSet(
  aws: Aws,
  { stack, isNew, template, parameters }: ChangeSetInput,
): Promise<ChangeSet> {
  const call = { on: `stack "${stack}"`, write: true }
  const flat: Record<string, string> = {}
  for (const [index, [key, value]] of Object.entries(parameters).entries()) {
    const member = `Parameters.member.${index + 1}`
    flat[`${member}.ParameterKey`] = key
    if (value === 'previous') flat[`${member}.UsePreviousValue`] = 'true'
    else flat[`${member}.ParameterValue`] = value.value
  }
  const result = await aws.query(
    'cloudformation',
    'CreateChangeSet',
    {
      StackName: stack,
      ChangeSetName: `unmoor-${randomUUID()}`,
      ChangeSetType: isNew ? 'CREATE' : 'UPDATE',
      TemplateBody: template,
      'Capabilities.member.1': 'CAPABILITY_IAM',
      // A stack that cannot be created is of no use, and would refuse the next deploy.
      ...(isNew ? { OnStackFailure: 'DELETE' } : {}),
      ...flat,
    },
    call,
  )
  const id = result.text('Id') ?? ''
  const stackId = result.text('StackId') ?? stack
  const changes: Change[] = []
  for (let token: string | undefined; ;) {
    const next = token === undefined ? {} : { NextToken: token }
    const described = await aws.query(
      'cloudformation',
      'DescribeChangeSet',
      { ChangeSetName: id, ...next },
      { ...call, write: false },
    )
    const status = described.text('Status') ?? ''
    if (status === 'FAILED') {
      const reason = described.text('StatusReason') ?? ''
      if (/didn't contain changes|No updates are to be performed/.test(reason))
        return { id, stackId, changes: [] }
      throw refuse('Unavailable', `CloudFormation refuses the change set of "${stack}": ${reason}`)
    }
    if (status !== 'CREATE_COMPLETE') {
      await sleep(POLL_MS)
      continue
    }
    changes.push(...(described.child('Changes')?.all('member').map(toChange) ?? []))
    token = described.text('NextToken') || undefined
    if (token === undefined) return { id, stackId, changes }
  }
}

function toChange(member: XmlElement): Change {
  const change = member.child('ResourceChange')
  const details = change?.child('Details')?.all('member') ?? []
  return {
    action: change?.text('Action') ?? '',
    id: change?.text('LogicalResourceId') ?? '',
    type: change?.text('ResourceType') ?? '',
    replacement: change?.text('Replacement') ?? '',
    isDerived:
      details.length > 0 &&
      details.every(
        (detail) =>
          detail.text('Evaluation') === 'Dynamic' &&
          /^(ResourceReference|ResourceAttribute)$/.test(detail.text('ChangeSource') ?? ''),
      ),
  }
}

/** Removes a change set that is not executed. That it stays would harm nobody, so a failure is none. */
export async function deleteChangeSet(aws: Aws, { id }: Pick<ChangeSet, 'id'>, stack: string): Promise<void> {
  const call = { on: `stack "${stack}"`, write: true }
  await aws.query('cloudformation', 'DeleteChangeSet', { ChangeSetName: id }, call).catch(() => undefined)
}

/**
 * Executes a change set, and waits for the end. @throws `Unavailable` with the first resource that
 * failed.
 */
export async function executeChangeSet(aws: Aws, set: ChangeSet, name: string): Promise<Stack> {
  const on = `stack "${name}"`
  const token = `unmoor-${randomUUID()}`
  await aws.query(
    'cloudformation',
    'ExecuteChangeSet',
    { ChangeSetName: set.id, ClientRequestToken: token },
    { on, write: true },
  )
  for (;;) {
    const stack = await describeStack(aws, set.stackId)
    if (/^(CREATE|UPDATE)_COMPLETE$/.test(stack.status)) return stack
    if (!stack.status.endsWith('_IN_PROGRESS'))
      throw refuse(
        'Unavailable',
        `CloudFormation turned the stack "${name}" back (${stack.status}): ` +
          (await firstFailure(aws, set.stackId, token)),
      )
    await sleep(POLL_MS)
  }
}

/** Returns what failed first in an execution; what failed after it was only cancelled. */
async function firstFailure(aws: Aws, stackId: string, token: string): Promise<string> {
  const call = { on: `stack "${stackId}"`, write: false }
  const result = await aws
    .query('cloudformation', 'DescribeStackEvents', { StackName: stackId }, call)
    .catch(() => undefined)
  const failed = result
    ?.child('StackEvents')
    ?.all('member')
    .filter(
      (event) =>
        event.text('ClientRequestToken') === token &&
        event.text('ResourceStatus')?.endsWith('_FAILED') === true,
    )
    .at(-1)
  return failed === undefined
    ? 'see its events.'
    : `${failed.text('LogicalResourceId')}: ${failed.text('ResourceStatusReason')}`
}

function refuse(code: 'Conflict' | 'PreconditionFailed' | 'Unavailable', message: string): UnmoorError {
  return new UnmoorError(code, message, { operation: 'deploy' })
}
