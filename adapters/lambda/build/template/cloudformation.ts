import { invocationUri, type Invoked, ref, type Part } from './part.ts'

const arn = (id: string): Part => ({ 'Fn::GetAtt': [id, 'Arn'] })

/** Name of the alias that URLs, APIs, event sources and schedules lead to. `unmoor deploy` moves it. */
export const ALIAS = 'live'

/** Logical id of the alias: the one that SAM gives to an alias `live`. */
export const ALIAS_ID = 'FunctionAliaslive'

const whenAliased = (otherwise: Part): Part => ({ 'Fn::If': ['HasAlias', ref(ALIAS_ID), otherwise] })

/** The alias; in a stack without one, which was deployed by hand, the function itself. */
export const ALIASED: Invoked = { name: whenAliased(ref('Function')), arn: whenAliased(arn('Function')) }

/** The fields of a SAM template's resource that are read here. */
interface Resource {
  readonly Type: string
  readonly Properties: Part
}

/**
 * Converts a SAM template to one without the SAM transform. The function's URL, API, event source mappings
 * and schedules become separate resources, with the permissions that SAM would add. Logical ids are those of
 * SAM, so that outputs stay unchanged.
 */
export function toCloudFormation(sam: Part, name: string): Part {
  const {
    Transform: _transform,
    Globals: globals,
    Resources: resources,
    Parameters: parameters,
    Conditions: conditions,
    ...rest
  } = sam
  const { Function: serverless, ...others } = resources as Record<string, Resource>
  const {
    FunctionUrlConfig: url,
    Events: events,
    ImageUri: image,
    CodeUri: code,
    ...properties
  } = (serverless as Resource).Properties
  const sources = Object.entries((events ?? {}) as Record<string, Resource>)
  const of = (type: string): [string, Part][] =>
    sources.filter(([, { Type }]) => Type === type).map(([id, source]) => [id, source.Properties])
  return {
    ...rest,
    Parameters: { ...(parameters as Part), ...ALIAS_PARAMETERS },
    Conditions: {
      ...(conditions as Part),
      HasAlias: { 'Fn::Not': [{ 'Fn::Equals': [ref('AliasVersion'), ''] }] },
    },
    Resources: {
      Function: {
        Type: 'AWS::Lambda::Function',
        Properties: {
          Description: ref('ReleaseMark'),
          ...properties,
          Code: image === undefined ? code : { ImageUri: image },
        },
      },
      [ALIAS_ID]: {
        Type: 'AWS::Lambda::Alias',
        Condition: 'HasAlias',
        Properties: { FunctionName: ref('Function'), FunctionVersion: ref('AliasVersion'), Name: ALIAS },
      },
      ...(url === undefined ? {} : functionUrl(url as Part)),
      ...(of('HttpApi').length > 0 || sources.some(([, { Type }]) => Type === 'HttpApi')
        ? httpApi(name)
        : {}),
      ...(of('Api').length > 0 ? restApi(globals as { Api: Part }) : {}),
      ...Object.fromEntries(
        of('SQS').map(([id, { Queue: queue, ...settings }]) => [
          `Function${id}`,
          eventSourceMapping(queue, settings),
        ]),
      ),
      ...schedules(of('ScheduleV2')),
      ...others,
    },
  }
}

/**
 * Parameters of `unmoor deploy`. The alias is moved by calls outside of the stack, and `AliasVersion` stays
 * what it was: CloudFormation then never touches the alias again, not even when it rolls an update back.
 */
const ALIAS_PARAMETERS: Part = {
  AliasVersion: {
    Type: 'String',
    Default: '',
    Description: `Version that the alias "${ALIAS}" has when the stack creates it; empty for no alias.`,
  },
  ReleaseMark: {
    Type: 'String',
    Default: '',
    Description: 'Description of the function. A new one has CloudFormation look up secrets again.',
  },
}

function functionUrl({ AuthType, InvokeMode }: Part): Part {
  const permission = (properties: Part): Part => ({
    Type: 'AWS::Lambda::Permission',
    Properties: { FunctionName: ALIASED.name, Principal: '*', ...properties },
  })
  return {
    FunctionUrl: {
      Type: 'AWS::Lambda::Url',
      Properties: {
        TargetFunctionArn: ref('Function'),
        // The name is read from the alias itself, so that CloudFormation creates the alias first.
        Qualifier: {
          'Fn::If': [
            'HasAlias',
            { 'Fn::Select': [7, { 'Fn::Split': [':', ref(ALIAS_ID)] }] },
            ref('AWS::NoValue'),
          ],
        },
        AuthType,
        InvokeMode,
      },
    },
    // Since October 2025 a public Function URL needs two permissions: `lambda:InvokeFunctionUrl` and
    // `lambda:InvokeFunction`.
    FunctionUrlPublicPermissions: permission({
      Action: 'lambda:InvokeFunctionUrl',
      FunctionUrlAuthType: AuthType,
    }),
    FunctionURLInvokeAllowPublicAccess: permission({
      Action: 'lambda:InvokeFunction',
      InvokedViaFunctionUrl: true,
    }),
  }
}

function apiPermission(api: string): Part {
  return {
    Type: 'AWS::Lambda::Permission',
    Properties: {
      Action: 'lambda:InvokeFunction',
      FunctionName: ALIASED.name,
      Principal: 'apigateway.amazonaws.com',
      SourceArn: {
        'Fn::Sub': `arn:\${AWS::Partition}:execute-api:\${AWS::Region}:\${AWS::AccountId}:\${${api}}/*`,
      },
    },
  }
}

function httpApi(name: string): Part {
  const api = ref('ServerlessHttpApi')
  return {
    ServerlessHttpApi: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: name, ProtocolType: 'HTTP' } },
    HttpIntegration: {
      Type: 'AWS::ApiGatewayV2::Integration',
      Properties: {
        ApiId: api,
        IntegrationType: 'AWS_PROXY',
        IntegrationUri: ALIASED.arn,
        PayloadFormatVersion: '2.0',
      },
    },
    HttpRoute: {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: {
        ApiId: api,
        RouteKey: '$default',
        Target: { 'Fn::Sub': 'integrations/${HttpIntegration}' },
      },
    },
    HttpStage: {
      Type: 'AWS::ApiGatewayV2::Stage',
      Properties: { ApiId: api, StageName: '$default', AutoDeploy: true },
    },
    HttpPermission: apiPermission('ServerlessHttpApi'),
  }
}

function restApi({ Api: { BinaryMediaTypes: types } }: { Api: Part }): Part {
  const api = ref('ServerlessRestApi')
  const any = (resource: unknown): Part => ({
    Type: 'AWS::ApiGateway::Method',
    Properties: {
      RestApiId: api,
      ResourceId: resource,
      HttpMethod: 'ANY',
      AuthorizationType: 'NONE',
      Integration: { Type: 'AWS_PROXY', IntegrationHttpMethod: 'POST', Uri: invocationUri(ALIASED) },
    },
  })
  return {
    // SAM encodes "/" as JSON pointers do (`~1`).
    ServerlessRestApi: {
      Type: 'AWS::ApiGateway::RestApi',
      Properties: {
        // SAM gives it the stack's name too.
        Name: ref('AWS::StackName'),
        BinaryMediaTypes: (types as readonly string[]).map((type) => type.replaceAll('~1', '/')),
      },
    },
    RestResource: {
      Type: 'AWS::ApiGateway::Resource',
      Properties: {
        RestApiId: api,
        ParentId: { 'Fn::GetAtt': ['ServerlessRestApi', 'RootResourceId'] },
        PathPart: '{proxy+}',
      },
    },
    RestRoot: any({ 'Fn::GetAtt': ['ServerlessRestApi', 'RootResourceId'] }),
    RestAll: any(ref('RestResource')),
    RestDeployment: {
      Type: 'AWS::ApiGateway::Deployment',
      DependsOn: ['RestRoot', 'RestAll'],
      Properties: { RestApiId: api },
    },
    RestStage: {
      Type: 'AWS::ApiGateway::Stage',
      Properties: { RestApiId: api, DeploymentId: ref('RestDeployment'), StageName: 'Prod' },
    },
    RestPermission: apiPermission('ServerlessRestApi'),
  }
}

function eventSourceMapping(queue: unknown, settings: Part): Part {
  return {
    Type: 'AWS::Lambda::EventSourceMapping',
    Properties: { EventSourceArn: queue, FunctionName: ALIASED.name, ...settings },
  }
}

function schedules(crons: readonly (readonly [string, Part])[]): Part {
  if (crons.length === 0) return {}
  const role = {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { Service: 'scheduler.amazonaws.com' }, Action: 'sts:AssumeRole' },
        ],
      },
      Policies: [
        {
          PolicyName: 'invoke',
          PolicyDocument: {
            Version: '2012-10-17',
            Statement: [{ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: ALIASED.arn }],
          },
        },
      ],
    },
  }
  const schedule = ({ Input, ...when }: Part): Part => ({
    Type: 'AWS::Scheduler::Schedule',
    Properties: {
      ...when,
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: { Arn: ALIASED.arn, RoleArn: arn('ScheduleRole'), Input },
    },
  })
  return {
    ScheduleRole: role,
    ...Object.fromEntries(crons.map(([id, properties]) => [`Function${id}`, schedule(properties)])),
  }
}
