/** What deploys to Lambda read from answers of AWS that moto does not give. */
import { describe, expect, it } from 'vitest'
import { AwsError } from '../../adapters/drivers/aws/errors.ts'
import { parseXml, XmlElement } from '../../adapters/drivers/aws/xml.ts'
import type { Aws } from '../../adapters/lambda/deploy/aws-calls.ts'
import { changesText, reasonsOf, unplanned } from '../../adapters/lambda/deploy/changes.ts'
import { type Change, createChangeSet, executeChangeSet } from '../../adapters/lambda/deploy/stack.ts'
import { readAlias, waitForVersion } from '../../adapters/lambda/deploy/versions.ts'
import { UnmoorError } from '../../core/errors.ts'

/** AWS with given answers: of the query protocol by action, and of Lambda by operation, one after another. */
function awsOf(answers: Readonly<Record<string, readonly string[]>>): Aws & { asked: string[] } {
  const asked: string[] = []
  const next = (operation: string): string => {
    const list = answers[operation] ?? []
    const text = list[Math.min(asked.filter((one) => one === operation).length, list.length - 1)] ?? ''
    asked.push(operation)
    if (!text.startsWith('!')) return text
    throw new UnmoorError('NotFound', text, { cause: new AwsError(text.slice(1), text, 404) })
  }
  return {
    region: 'eu-west-1',
    account: '123456789012',
    isEmulated: true,
    asked,
    query: async (_service, action) => parseXml(`<r>${next(action)}</r>`) ?? new XmlElement('none'),
    json: () => Promise.reject(new Error('not asked here')),
    lambda: async ({ operation }) => ({ text: next(operation), headers: {} }),
  }
}

const change = (action: string, id: string, type: string, replacement = '', details = ''): string =>
  `<member><ResourceChange><Action>${action}</Action><LogicalResourceId>${id}</LogicalResourceId>` +
  `<ResourceType>AWS::${type}</ResourceType><Replacement>${replacement}</Replacement>` +
  `<Details>${details}</Details></ResourceChange></member>`
const detail = (evaluation: string, source: string): string =>
  `<member><Evaluation>${evaluation}</Evaluation><ChangeSource>${source}</ChangeSource></member>`

async function changesOf(...members: string[]): Promise<readonly Change[]> {
  const aws = awsOf({
    CreateChangeSet: ['<Id>set</Id>'],
    DescribeChangeSet: [
      `<Status>CREATE_COMPLETE</Status><Changes>${members[0]}</Changes><NextToken>more</NextToken>`,
      `<Status>CREATE_COMPLETE</Status><Changes>${members.slice(1).join('')}</Changes>`,
    ],
  })
  const input = { stack: 'shop', isNew: false, template: '', parameters: {} }
  return (await createChangeSet(aws, input)).changes
}

const STATIC = detail('Static', 'ParameterReference')
const DERIVED = detail('Dynamic', 'ResourceReference')

describe('the changes of a stack', () => {
  it('need no --yes if only the function, alarms and new resources change', async () => {
    const changes = await changesOf(
      change('Modify', 'Function', 'Lambda::Function', 'False', STATIC),
      change('Add', 'Table', 'DynamoDB::Table'),
      change('Modify', 'FunctionErrorsAlarm', 'CloudWatch::Alarm', 'False', STATIC),
      // CloudFormation lists what names the function, too.
      change('Modify', 'FunctionAliaslive', 'Lambda::Alias', 'Conditional', DERIVED),
      change('Modify', 'FunctionUrl', 'Lambda::Url', 'Conditional', DERIVED),
    )
    expect(reasonsOf(changes)).toEqual([])
    expect(changesText(changes)).toBe('adds Table; changes Function, FunctionErrorsAlarm')
  })

  it('need --yes for what is removed, replaced, changed for live traffic, or sends events', async () => {
    const changes = await changesOf(
      change('Remove', 'MailsQueue', 'SQS::Queue'),
      change('Modify', 'FunctionUrl', 'Lambda::Url', 'True', STATIC + DERIVED),
      change('Modify', 'Role', 'IAM::Role', 'False', STATIC),
      change('Add', 'FunctionCronnightly', 'Scheduler::Schedule'),
    )
    expect(reasonsOf(changes)).toEqual([
      expect.stringContaining('The stack loses MailsQueue (AWS::SQS::Queue)'),
      expect.stringContaining('The stack replaces FunctionUrl (AWS::Lambda::Url)'),
      expect.stringContaining('The stack gets FunctionCronnightly (AWS::Scheduler::Schedule)'),
      expect.stringContaining('The stack changes Role (AWS::IAM::Role)'),
    ])
    expect(unplanned(changes, changes)).toEqual([])
    expect(unplanned(changes.slice(1), changes)).toEqual([expect.stringContaining('loses MailsQueue')])
  })

  it('are none where the stack is what the template says already', async () => {
    const aws = awsOf({
      CreateChangeSet: ['<Id>set</Id>'],
      DescribeChangeSet: [
        "<Status>FAILED</Status><StatusReason>The submitted information didn't contain changes.</StatusReason>",
      ],
    })
    const input = { stack: 'shop', isNew: false, template: '', parameters: {} }
    expect((await createChangeSet(aws, input)).changes).toEqual([])
  })
})

it('a stack that is turned back is reported with what failed first in this execution', async () => {
  let token = ''
  const event = (id: string, own: string, reason: string): string =>
    `<member><ClientRequestToken>${own}</ClientRequestToken><LogicalResourceId>${id}</LogicalResourceId>` +
    `<ResourceStatus>UPDATE_FAILED</ResourceStatus><ResourceStatusReason>${reason}</ResourceStatusReason></member>`
  const aws = awsOf({})
  const failing: Aws = {
    ...aws,
    async query(_service, action, parameters) {
      token = parameters['ClientRequestToken'] ?? token
      const answers: Readonly<Record<string, string>> = {
        DescribeStacks:
          '<Stacks><member><StackStatus>UPDATE_ROLLBACK_COMPLETE</StackStatus></member></Stacks>',
        DescribeStackEvents:
          `<StackEvents>${event('Table', token, 'cancelled')}${event('Role', token, 'no right')}` +
          `${event('Bucket', 'older', 'long ago')}</StackEvents>`,
      }
      return parseXml(`<r>${answers[action] ?? ''}</r>`) ?? new XmlElement('none')
    },
  }
  await expect(
    executeChangeSet(failing, { id: 'set', stackId: 'shop', changes: [] }, 'shop'),
  ).rejects.toThrow('turned the stack "shop" back (UPDATE_ROLLBACK_COMPLETE): Role: no right')
})

describe('an alias', () => {
  it('has the versions that served in its description, and no others', async () => {
    const of = (alias: object): ReturnType<typeof readAlias> =>
      readAlias(awsOf({ GetAlias: [JSON.stringify({ FunctionVersion: '5', ...alias })] }), 'f')
    expect(await of({ Description: 'unmoor deploy: before 3, 1', RevisionId: 'r' })).toEqual({
      version: '5',
      before: ['3', '1'],
      isSplit: false,
      revision: 'r',
    })
    expect(await of({ Description: 'somebody: 3' })).toMatchObject({ before: [] })
    expect(await of({ RoutingConfig: { AdditionalVersionWeights: { 4: 0.1 } } })).toMatchObject({
      isSplit: true,
    })
    expect(await readAlias(awsOf({ GetAlias: ['!ResourceNotFoundException'] }), 'f')).toBeUndefined()
  })
})

describe('a version', () => {
  const state = (text: string, reason = ''): string =>
    JSON.stringify({ Configuration: { State: text, StateReason: reason }, Code: { ImageUri: 'i' } })

  it('that nobody used for long is woken by one invocation', async () => {
    const aws = awsOf({
      GetFunction: [state('Inactive'), state('Pending'), state('Active')],
      Invoke: ['!ResourceConflictException'],
    })
    expect(await waitForVersion(aws, 'f', '1')).toMatchObject({ state: 'Active', imageUri: 'i' })
    expect(aws.asked).toEqual(['GetFunction', 'Invoke', 'GetFunction', 'GetFunction'])
  })

  it('that Lambda cannot prepare is refused with the reason', async () => {
    const aws = awsOf({ GetFunction: [state('Failed', 'no such image')] })
    await expect(waitForVersion(aws, 'f', '1')).rejects.toThrow('cannot run version 1: no such image')
  })
})
