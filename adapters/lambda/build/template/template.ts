import type { BuildContext } from '../../../../core/adapter.ts'
import { socketBindings } from '../function-settings.ts'
import type { LambdaOptions } from '../../options.ts'
import { createAlarms } from './alarms.ts'
import { MOUNT, settings, type TemplateInput } from './parameters.ts'
import { permissions } from './permissions.ts'
import { ALIASED, toCloudFormation } from './cloudformation.ts'
import { type Invoked, type Part, ref } from './part.ts'
import { createResources, eventSources } from './resources.ts'
import { socketApiId, socketApis, socketApiUrl } from './web-socket-apis.ts'
import { ZIP_RUNTIME } from '../zip-files.ts'
import { toYaml } from './yaml.ts'

type Input = Pick<BuildContext, 'manifest' | 'drivers'> & Partial<Pick<BuildContext, 'environment'>>

/**
 * Returns an AWS SAM template with all resources that the declared bindings need. Databases are not created:
 * their URL comes from a secret.
 */
export function createTemplate(context: Input, options: Required<LambdaOptions>): string {
  const comment = head(context, options, 'template.yaml', 'CAPABILITY_IAM CAPABILITY_AUTO_EXPAND')
  return `${comment}${toYaml(createStack(context, options, FUNCTION)).trimStart()}`
}

/**
 * Returns the CloudFormation template without the SAM transform, for accounts that do not allow transforms.
 */
export function createPlainTemplate(context: Input, options: Required<LambdaOptions>): string {
  const stack = createPlainStack(context, options)
  return `${head(context, options, 'cloudformation.yaml', 'CAPABILITY_IAM')}${toYaml(stack).trimStart()}`
}

function createPlainStack(context: Input, options: Required<LambdaOptions>): Part {
  return toCloudFormation(createStack(context, options, ALIASED), context.manifest.name)
}

/** Returns what each parameter of the plain template is for, by its name. */
export function describeParameters(
  context: Input,
  options: Required<LambdaOptions>,
): Readonly<Record<string, TemplateInput>> {
  const { inputs } = settings(context, options)
  const { Parameters: parameters } = createPlainStack(context, options)
  return Object.fromEntries(
    Object.entries(parameters as Record<string, { Default?: string | number }>).map(
      ([name, { Default: value }]) => [
        name,
        { kind: 'stack', ...inputs[name], ...(value === undefined ? {} : { default: String(value) }) },
      ],
    ),
  )
}

/** SAM leads events to the function, and has no alias. */
const FUNCTION: Invoked = { name: ref('Function'), arn: { 'Fn::GetAtt': ['Function', 'Arn'] } }

const PUBLIC =
  '# The URL is public: anybody who knows it can call the function, and AWS charges for each call.\n' +
  '# The app must check who asks; AWS WAF needs CloudFront or a REST API in front.\n'

/** Returns the head comment of the CloudFormation template, which says how to deploy it. */
function head(
  { manifest, environment }: Input,
  options: Required<LambdaOptions>,
  file: string,
  capabilities: string,
): string {
  const deploy = (template: string): string =>
    `aws cloudformation deploy --template-file ${template} --stack-name ${manifest.name} ` +
    `--capabilities ${capabilities}`
  const open = manifest.fetch && URLS[options.event] !== undefined ? PUBLIC : ''
  const flag = environment === undefined ? '' : ` --env ${environment}`
  if (options.package === 'image')
    return (
      `# Deploy: unmoor deploy --target lambda${flag}\n` +
      `# By hand: ${deploy(file)} --parameter-overrides ImageUri=...\n${open}`
    )
  return (
    `# Deploy: aws cloudformation package --template-file ${file} --s3-bucket BUCKET ` +
    `--output-template-file packaged.yaml\n# then: ${deploy('packaged.yaml')}\n${open}`
  )
}

function createStack(context: Input, options: Required<LambdaOptions>, invoked: Invoked): Part {
  const { manifest, drivers } = context
  const { parameters, conditions, environment } = settings(context, options)
  const needs = platformNeeds(context, options)
  const alarms = createAlarms(manifest, drivers, options)
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Transform: 'AWS::Serverless-2016-10-31',
    Description: `${manifest.name}: written by unmoor; build again rather than edit.`,
    Parameters: { ...stackParameters(parameters, needs), ...alarms.parameters },
    // All media types are binary for the REST API, so that binary bodies pass unchanged.
    Globals: manifest.fetch && options.event === 'v1' ? { Api: { BinaryMediaTypes: ['*~1*'] } } : undefined,
    Conditions: {
      ...conditions,
      ...alarms.conditions,
      ...(needs.network
        ? { InVpc: { 'Fn::Not': [{ 'Fn::Equals': [{ 'Fn::Join': ['', ref('SubnetIds')] }, ''] }] } }
        : {}),
    },
    Resources: {
      Function: {
        Type: 'AWS::Serverless::Function',
        Properties: functionProperties(context, options, needs, environment),
      },
      Role: role(context, needs.network),
      LogGroup: {
        Type: 'AWS::Logs::LogGroup',
        DeletionPolicy: 'Delete',
        UpdateReplacePolicy: 'Delete',
        Properties: { RetentionInDays: ref('LogRetentionDays') },
      },
      ...createResources(manifest, drivers, options),
      ...socketApis(manifest, invoked),
      ...alarms.resources,
    },
    Outputs: {
      FunctionArn: { Value: { 'Fn::GetAtt': ['Function', 'Arn'] } },
      ...(manifest.fetch && URLS[options.event] !== undefined ? { Url: { Value: URLS[options.event] } } : {}),
      ...Object.fromEntries(
        socketBindings(manifest).map((binding) => [
          `${socketApiId(binding)}Url`,
          { Value: socketApiUrl(binding) },
        ]),
      ),
    },
  }
}

/** Requirements of the Lambda function beyond its bindings. */
interface PlatformNeeds {
  /** True if a server that the function's drivers use has its own address, which may be in a VPC. */
  network: boolean
  /**
   * True for SQLite (also the D1 database of an existing Worker), which needs a file system that all Lambda
   * environments mount.
   */
  mounted: boolean
  zip: boolean
}

function platformNeeds({ drivers }: Input, options: Required<LambdaOptions>): PlatformNeeds {
  const uses = (...names: string[]): boolean =>
    Object.values(drivers).some(({ driver }) => names.includes(driver))
  return {
    network: uses('postgres', 'redis', 'nats', 'sqlite'),
    mounted: uses('sqlite'),
    zip: options.package === 'zip',
  }
}

function stackParameters(parameters: Part, { network, mounted, zip }: PlatformNeeds): Part {
  return {
    ...(zip
      ? {}
      : {
          ImageUri: {
            Type: 'String',
            Description: "The function's image: docker build, then push to ECR.",
          },
        }),
    MemorySize: { Type: 'Number', Default: 512, MinValue: 128, MaxValue: 10240 },
    Architecture: { Type: 'String', Default: 'x86_64', AllowedValues: ['x86_64', 'arm64'] },
    LogRetentionDays: { Type: 'Number', Default: 30 },
    ...parameters,
    ...(mounted
      ? {
          FileSystemArn: {
            Type: 'String',
            Description:
              'ARN of the EFS access point for the SQLite files. It needs SubnetIds and SecurityGroupIds.',
          },
        }
      : {}),
    ...(network
      ? {
          SubnetIds: {
            Type: 'CommaDelimitedList',
            Default: '',
            Description: 'Subnets, where the database is in a VPC; empty for none.',
          },
          SecurityGroupIds: { Type: 'CommaDelimitedList', Default: '' },
        }
      : {}),
  }
}

function functionProperties(
  context: Input,
  options: Required<LambdaOptions>,
  { network, mounted, zip }: PlatformNeeds,
  environment: Part,
): Part {
  return {
    ...(zip
      ? { PackageType: 'Zip', CodeUri: './function.zip', Runtime: ZIP_RUNTIME, Handler: 'index.handler' }
      : { PackageType: 'Image', ImageUri: ref('ImageUri') }),
    Architectures: [ref('Architecture')],
    MemorySize: ref('MemorySize'),
    Timeout: options.timeout,
    Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
    LoggingConfig: { LogGroup: ref('LogGroup'), LogFormat: 'JSON' },
    Environment: { Variables: environment },
    VpcConfig: network
      ? {
          'Fn::If': [
            'InVpc',
            { SubnetIds: ref('SubnetIds'), SecurityGroupIds: ref('SecurityGroupIds') },
            ref('AWS::NoValue'),
          ],
        }
      : undefined,
    FileSystemConfigs: mounted ? [{ Arn: ref('FileSystemArn'), LocalMountPath: MOUNT }] : undefined,
    FunctionUrlConfig:
      context.manifest.fetch && options.event === 'url'
        ? { AuthType: 'NONE', InvokeMode: options.invokeMode }
        : undefined,
    Events: eventSources(context, options),
  }
}

/** URL of the Lambda function for each kind of front. */
const URLS: Readonly<Partial<Record<LambdaOptions['event'] & string, Part>>> = {
  url: { 'Fn::GetAtt': ['FunctionUrl', 'FunctionUrl'] },
  v2: { 'Fn::Sub': 'https://${ServerlessHttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/' },
  v1: { 'Fn::Sub': 'https://${ServerlessRestApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/Prod/' },
}

/**
 * Returns a separate IAM role for the function, because SAM would add managed policies that allow more than
 * it needs.
 */
function role({ manifest, drivers }: Input, sql: boolean): Part {
  const statements = [
    {
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: { 'Fn::GetAtt': ['LogGroup', 'Arn'] },
    },
    ...permissions(manifest, drivers),
    ...(Object.values(drivers).some(({ driver }) => driver === 'sqlite')
      ? [
          {
            Effect: 'Allow',
            Action: ['elasticfilesystem:ClientMount', 'elasticfilesystem:ClientWrite'],
            Resource: '*',
            Condition: { StringEquals: { 'elasticfilesystem:AccessPointArn': ref('FileSystemArn') } },
          },
        ]
      : []),
  ]
  const vpc = {
    'Fn::Sub': 'arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole',
  }
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
        ],
      },
      ManagedPolicyArns: sql ? { 'Fn::If': ['InVpc', [vpc], ref('AWS::NoValue')] } : undefined,
      Policies: [
        { PolicyName: 'bindings', PolicyDocument: { Version: '2012-10-17', Statement: statements } },
      ],
    },
  }
}
