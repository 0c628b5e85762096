/** The template of a built app, by what it says and by cfn-lint where that is installed. */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readOptions } from '../../adapters/lambda/options.ts'
import { toScheduleExpression } from '../../adapters/lambda/build/template/schedule-expression.ts'
import {
  createPlainTemplate,
  createTemplate,
  describeParameters,
} from '../../adapters/lambda/build/template/template.ts'
import { toYaml } from '../../adapters/lambda/build/template/yaml.ts'
import {
  blob,
  cache,
  kv,
  queue,
  secret,
  service,
  sql,
  variable,
  type AnyDeclaration,
} from '../../core/bindings/declarations.ts'
import { sockets } from '../../core/bindings/sockets-declaration.ts'
import type { DriverSpec } from '../../core/adapter.ts'
import type { Manifest } from '../../core/manifest.ts'
import lambda from '../../adapters/lambda/index.ts'
import { createManifest } from '../../core/manifest.ts'
import { createFixture } from '../../core/tools/conformance/fixture/app.ts'
import { WASM } from '../../core/tools/conformance/fixture/project.ts'

const bindings: Record<string, AnyDeclaration> = {
  links: kv(),
  icons: blob(),
  clicks: queue({ maxRetries: 3, batchSize: 50, deadLetterQueue: 'lost' }),
  lost: queue(),
  stats: sql(),
  pages: cache(),
  adminToken: secret(),
  hint: secret({ optional: true }),
  days: variable({ default: '90' }),
  api: service(),
}
const all: Manifest = {
  version: 1,
  name: 'links',
  bindings,
  fetch: true,
  queues: ['clicks'],
  crons: { cleanup: '0 3 * * *', weekly: '5 0 * * FRIL' },
}
const hello: Manifest = { version: 1, name: 'hello', bindings: {}, fetch: true, queues: [], crons: {} }

const ordered: Manifest = {
  version: 1,
  name: 'ordered',
  bindings: { steps: queue({ deadLetterQueue: 'late' }), late: queue() },
  fetch: false,
  queues: ['steps'],
  crons: {},
}
const chat: Manifest = {
  ...hello,
  name: 'chat',
  bindings: { chat: sockets({ path: '/chat', origins: ['https://example.com'], tickets: true }) },
}

const FIFO = { steps: { driver: 'sqs', fifo: true }, late: { driver: 'sqs', fifo: true } }

function template(
  manifest: Manifest,
  options: Record<string, unknown> = {},
  change: Record<string, DriverSpec> = {},
  create = createTemplate,
): string {
  const drivers = Object.fromEntries(
    Object.entries(manifest.bindings).flatMap(([name, { kind }]) => {
      const spec = change[name] ?? lambda.defaultDrivers[kind]
      return spec === undefined ? [] : [[name, spec]]
    }),
  )
  return create({ manifest, drivers }, readOptions(options))
}

describe('schedules as EventBridge has them', () => {
  it.each([
    ['* * * * *', 'cron(* * * * ? *)'],
    ['0 3 * * *', 'cron(0 3 * * ? *)'],
    ['*/15 * * * *', 'cron(*/15 * * * ? *)'],
    ['0,30 8-17 * * MON-FRI', 'cron(0,30 8-17 ? * MON-FRI *)'],
    ['0 0 1 jan *', 'cron(0 0 1 JAN ? *)'],
    ['0 0 L * *', 'cron(0 0 L * ? *)'],
    ['0 0 15W * *', 'cron(0 0 15W * ? *)'],
    ['0 12 * * sun', 'cron(0 12 ? * SUN *)'],
    ['0 12 * * FRIL', 'cron(0 12 ? * 6L *)'],
    ['0 12 * * MON#1', 'cron(0 12 ? * 2#1 *)'],
    ['10-50/20 */6 * * *', 'cron(10-50/20 */6 * * ? *)'],
  ])('%s', (schedule, expression) => expect(toScheduleExpression(schedule)).toBe(expression))
})

describe('what it says', () => {
  const text = template(all)
  it('has a resource for each binding that needs one, and none else', () => {
    for (const part of [
      'AWS::DynamoDB::Table',
      'AWS::S3::Bucket',
      'ClicksQueue:',
      'LostQueue:',
      'ReportBatchItemFailures',
      'AttributeName: expires',
      'MessageRetentionPeriod: 1209600',
      'maxReceiveCount: 4',
    ])
      expect(text).toContain(part)
    const small = template(hello)
    for (const part of ['DynamoDB', 'S3', 'SQS', 'SubnetIds', 'InVpc', 'QueueAge'])
      expect(small).not.toContain(part)
    expect(small).toContain('FunctionUrlConfig')
  })

  it('allows exactly what the drivers do', () => {
    const actions = [...text.matchAll(/"?((?:dynamodb|s3|sqs|secretsmanager|ssm|logs):[A-Za-z]+)"?$/gm)]
      .map(([, action]) => action as string)
      .toSorted((a, b) => a.localeCompare(b))
    expect([...new Set(actions)]).toEqual(
      [
        ...['BatchGetItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query'].map((name) => `dynamodb:${name}`),
        'logs:CreateLogStream',
        'logs:PutLogEvents',
        ...['AbortMultipartUpload', 'DeleteObject', 'GetObject', 'ListBucket', 'PutObject'].map(
          (name) => `s3:${name}`,
        ),
        ...[
          'ChangeMessageVisibility',
          'DeleteMessage',
          'GetQueueAttributes',
          'ReceiveMessage',
          'SendMessage',
        ].map((name) => `sqs:${name}`),
      ].sort(),
    )
    expect(text).not.toMatch(/Resource: "?\*/)
    expect(text).toContain('links/icons/*')
  })

  it('reads a secret by its driver: nothing of another, and only its own', () => {
    const managed = template(all, {}, { adminToken: { driver: 'secretsmanager' }, hint: { driver: 'ssm' } })
    expect(managed).toContain('secret:links/adminToken-??????')
    expect(managed).toContain('parameter/links/hint')
    expect(managed).not.toContain('AdminTokenSecret')
  })

  it('never has a secret or a database URL in it, only where they are', () => {
    expect(text).toContain('{{resolve:secretsmanager:${DatabaseUrlSecret}:SecretString}}')
    expect(text).toContain('{{resolve:secretsmanager:${AdminTokenSecret}:SecretString}}')
  })

  it('has the front that the options name', () => {
    expect(template(hello, { invokeMode: 'BUFFERED' })).toContain('InvokeMode: BUFFERED')
    expect(template(hello, { event: 'v2' })).toContain('Type: HttpApi')
    expect(template(hello, { event: 'v1' })).toContain('"/{proxy+}"')
    expect(template(hello, { event: 'alb' })).not.toContain('FunctionUrl')
  })
})

describe.each([
  ['SAM', createTemplate],
  ['no SAM', createPlainTemplate],
])('parameters of an app with %s', (_name, create) => {
  it('replace none of the template nor of each other', () => {
    const text = template(
      {
        ...hello,
        bindings: {
          memorySize: variable({ default: 'huge' }),
          alarmTopicArn: variable({ default: 'mine' }),
          table: variable({ default: 'round' }),
          tokenSecret: variable({ default: 'none' }),
          token: secret(),
          links: kv(),
        },
      },
      {},
      {},
      create,
    )
    for (const part of [
      'MemorySize:\n    Type: Number\n    Default: 512',
      'MemorySizeValue:\n    Type: String\n    Default: huge',
      'MEMORY_SIZE:\n            Ref: MemorySizeValue',
      'AlarmTopicArn:\n    Type: String\n    Default: ""',
      'AlarmTopicArnValue:\n    Type: String\n    Default: mine',
      'TableValue:\n    Type: String\n    Default: round',
      'TokenSecret:\n    Type: String\n    Default: none',
      '{{resolve:secretsmanager:${TokenSecretValue}:SecretString}}',
    ])
      expect(text).toContain(part)
    expect(text.match(/^ {2}Table:$/gm)).toHaveLength(1)
  })
})

/** Names of a template's alarms with the metric that each watches. */
function alarms(text: string): Record<string, string> {
  const found = text.matchAll(
    /^ {2}(\w+):\n {4}Type: AWS::CloudWatch::Alarm\n {4}Condition: HasAlarmTopic\n[^]*?Namespace: (.*)\n.*MetricName: "?(\w+)"?$/gm,
  )
  return Object.fromEntries([...found].map(([, id, space, metric]) => [id, `${space} ${metric}`]))
}

describe.each([
  ['SAM', createTemplate],
  ['no SAM', createPlainTemplate],
])('alarms with %s', (_name, create) => {
  it('are on errors, throttles, 5xx, dead letters and waiting messages, if there is a topic', () => {
    const text = template(all, {}, {}, create)
    expect(alarms(text)).toEqual({
      FunctionErrorsAlarm: 'AWS/Lambda Errors',
      FunctionThrottlesAlarm: 'AWS/Lambda Throttles',
      ServerErrorsAlarm: 'AWS/Lambda Url5xxCount',
      LostQueueAlarm: 'AWS/SQS ApproximateNumberOfMessagesVisible',
      ClicksQueueAgeAlarm: 'AWS/SQS ApproximateAgeOfOldestMessage',
    })
    expect(text).toContain('AlarmTopicArn:\n    Type: String\n    Default: ""')
    expect(text).toContain('QueueAgeSeconds:')
  })

  it.each([
    ['v2', 'AWS/ApiGateway 5xx'],
    ['v1', 'AWS/ApiGateway 5XXError'],
    ['alb', undefined],
  ])('watch the answers of the front %s: %s', (event, metric) => {
    expect(alarms(template(hello, { event }, {}, create))['ServerErrorsAlarm']).toBe(metric)
  })

  it('have no queue on another driver, nor a front without a handler for requests', () => {
    const other = { clicks: { driver: 'redis' }, lost: { driver: 'redis' } }
    const text = template({ ...all, fetch: false }, {}, other, create)
    expect(Object.keys(alarms(text))).toEqual(['FunctionErrorsAlarm', 'FunctionThrottlesAlarm'])
    expect(text).not.toContain('QueueAgeSeconds')
  })

  it('stand beside a warning where the stack has a public URL', () => {
    expect(template(hello, {}, {}, create)).toContain('# The URL is public:')
    expect(template(hello, { event: 'alb' }, {}, create)).not.toContain('public')
  })
})

describe('without SAM', () => {
  it('has no transform, and what SAM would add', () => {
    const text = template(all, {}, {}, createPlainTemplate)
    expect(text).not.toContain('Serverless')
    expect(text).not.toContain('CAPABILITY_AUTO_EXPAND')
    for (const part of [
      'AWS::Lambda::Url',
      'Action: lambda:InvokeFunctionUrl',
      'InvokedViaFunctionUrl: true',
      'AWS::Lambda::EventSourceMapping',
      'ReportBatchItemFailures',
      'AWS::Scheduler::Schedule',
      'cron(0 3 * * ? *)',
      'Principal: scheduler.amazonaws.com'.replace('Principal', 'Service'),
    ])
      expect(text).toContain(part)
    expect(template(hello, { event: 'v2' }, {}, createPlainTemplate)).toContain('PayloadFormatVersion: "2.0"')
    expect(template(hello, { event: 'v1' }, {}, createPlainTemplate)).toContain('- "*/*"')
  })
})

describe('the alias', () => {
  const everything: Manifest = {
    ...all,
    bindings: { ...bindings, chat: chat.bindings['chat'] as AnyDeclaration },
  }

  it.each(['url', 'v2', 'v1'])(
    'is where the front %s, queues, crons and sockets lead if there is one',
    (event) => {
      const text = template(everything, { event }, {}, createPlainTemplate)
      expect(text).toContain('AliasVersion:\n    Type: String\n    Default: ""')
      // What invokes names the function only where the stack has no alias.
      const targets = [
        ...text.matchAll(/^[ -]+(FunctionName|IntegrationUri|Invoked|Uri|Arn|Resource):\n +Fn::If:\n(.*)$/gm),
      ]
      const names = [
        'FunctionName',
        'Invoked',
        'Arn',
        'Resource',
        ...(event === 'v2' ? ['IntegrationUri'] : []),
      ]
      for (const name of names) expect(targets.map(([, found]) => found)).toContain(name)
      for (const [, name, first] of targets) expect([name, first?.trim()]).toEqual([name, '- HasAlias'])
      const bare = text
        .split('\n')
        .flatMap((line, index, lines) =>
          /^ {6}FunctionName:$/.test(line) && lines[index + 1]?.trim() === 'Ref: Function' ? [index] : [],
        )
      // The alias itself.
      expect(bare).toHaveLength(1)
    },
  )

  it('is none of SAM', () => {
    expect(template(everything)).not.toContain('Alias')
  })

  it('is led to by the URL with its qualifier', () => {
    expect(template(hello, {}, {}, createPlainTemplate)).toMatch(/Qualifier:\n +"?Fn::If"?:\n +- HasAlias/)
  })
})

describe('a sockets binding', () => {
  it('has a WebSocket API of its own, whose stage has its name, and a table', () => {
    for (const create of [createTemplate, createPlainTemplate]) {
      const text = template(chat, {}, {}, create)
      for (const part of [
        'ProtocolType: WEBSOCKET',
        'StageName: chat',
        'RouteKey: "$connect"',
        'RouteKey: "$default"',
        'RouteKey: "$disconnect"',
        'CHAT_SOCKETS_URL',
        'wss://${ChatSocketApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/chat',
        'AWS::DynamoDB::Table',
      ])
        expect(text).toContain(part)
      expect(text).not.toContain('AWS::S3')
      expect(text).not.toContain('ChatSocketsUrlSecret')
    }
  })

  it('allows the function to call its own connections, to post and to delete, and nothing else', () => {
    const text = template(chat)
    expect([...new Set(text.match(/(?:execute-api|dynamodb|s3):[A-Z]\w+/g))].sort()).toEqual([
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
      'execute-api:ManageConnections',
    ])
    expect(text).toContain('${ChatSocketApi}/chat/POST/@connections/*')
    expect(text).toContain('${ChatSocketApi}/chat/DELETE/@connections/*')
    expect(text).not.toMatch(/Resource: "?\*/)
  })

  it('is nothing of an app without one', () => {
    expect(template(all)).not.toMatch(/WEBSOCKET|execute-api:|UpdateItem/)
  })
})

describe('a FIFO queue', () => {
  it('is one, and its dead-letter queue too', () => {
    const text = template(ordered, {}, FIFO)
    expect(text.match(/FifoQueue: true/g)).toHaveLength(2)
    expect(text).not.toContain('MaximumBatchingWindowInSeconds')
  })

  it('is refused where it cannot be one', () => {
    expect(() => template(ordered, {}, { steps: FIFO.steps })).toThrow(/"late" must be a FIFO queue/)
    expect(() => template({ ...ordered, bindings: { steps: queue({ batchSize: 20 }) } }, {}, FIFO)).toThrow(
      /at most 10 messages/,
    )
  })
})

it('says for a deploy what each parameter is for', () => {
  const drivers = { ...lambda.defaultDrivers, adminToken: { driver: 'env' }, stats: { driver: 'postgres' } }
  const { adminToken, days, api, stats } = bindings as Required<typeof bindings>
  const manifest = { ...hello, bindings: { adminToken, days, api, stats } } as Manifest
  expect(describeParameters({ manifest, drivers }, readOptions({}))).toMatchObject({
    ImageUri: { kind: 'stack' },
    MemorySize: { kind: 'stack', default: '512' },
    AdminTokenSecret: { kind: 'secret', binding: 'adminToken', variable: 'ADMIN_TOKEN' },
    Days: { kind: 'variable', binding: 'days', variable: 'DAYS', default: '90' },
    ApiUrl: { kind: 'service', binding: 'api', variable: 'API_URL' },
    DatabaseUrlSecret: { kind: 'secret', variable: 'DATABASE_URL' },
    AliasVersion: { kind: 'stack', default: '' },
  })
})

it('asks for the URLs of all that drivers reach by one, as secrets', () => {
  const text = template(all, {}, { links: { driver: 'redis' }, pages: { driver: 'redis' } })
  expect(text).toContain('{{resolve:secretsmanager:${RedisUrlSecret}:SecretString}}')
  expect(text).toContain('SubnetIds')
  expect(text).not.toContain('AWS::DynamoDB')
})

it('quotes what YAML would read otherwise', () => {
  expect(toYaml({ a: 'yes', b: '1', c: '', d: 'a: b', e: [], f: [{ g: 1, h: [true] }], i: undefined })).toBe(
    '\na: "yes"\nb: "1"\nc: ""\nd: "a: b"\ne: []\nf:\n  - g: 1\n    h:\n      - true\n',
  )
})

const hasLint = spawnSync('cfn-lint', ['--version']).status === 0
if (!hasLint)
  console.warn('skipped: "the template passes cfn-lint". It is not installed: pip install cfn-lint')
it.runIf(hasLint)('the template passes cfn-lint', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-template-'))
  try {
    const variants: [string, Manifest, Record<string, unknown>, Record<string, DriverSpec>?][] = [
      ['all-bindings', all, {}],
      ['hello', hello, {}],
      ['http-api', all, { event: 'v2' }],
      ['rest-api', all, { event: 'v1' }],
      ['no-http', { ...all, fetch: false }, {}],
      ['zip', hello, { package: 'zip' }],
      ['fifo', ordered, {}, FIFO],
      ['sockets', chat, {}],
      ['fixture', createManifest('conformance', createFixture(new WebAssembly.Module(WASM))), {}],
    ]
    const files: string[] = []
    for (const [name, manifest, options, change] of variants) {
      for (const create of [createTemplate, createPlainTemplate]) {
        const file = join(dir, `${name}-${create.name}.yaml`)
        await writeFile(file, template(manifest, options, change, create))
        files.push(file)
      }
    }
    // One run: most of its time is its start. W3002: that a zip goes by "aws cloudformation package", as the
    // file's head says.
    const { status, stdout, stderr } = spawnSync(
      'cfn-lint',
      ['--regions', 'eu-west-1', '--ignore-checks', 'W3002', '--', ...files],
      { encoding: 'utf8' },
    )
    expect(`${stdout}${stderr}`).toBe('')
    expect(status).toBe(0)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
